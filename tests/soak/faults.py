"""Whatever else can go wrong: nobody gets another's session, nor one that has ended.

Users open several tabs at once, log out, stay away for too long, outgrow one cookie and then all of
them, while workers are killed and stopped, a clock steps back and forth, the key ring rotates, and
the disk on which it is kept is full for a while.

Clocks differ by up to five minutes, so for some minutes two workers may disagree on whether a
session has ended; then either answer is right. `Owed` says which must live, and which must not.
"""

import asyncio
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from cookiesession import ConfigurationError, SessionManager
from cookiesession.keyring import KeyringDocument, KeyringFile, Schedule, rotation
from tests.clients import keep
from tests.soak import Figure, at_least, none_of
from tests.soak.load import Answer, Visitors, all_of, bounded, every
from tests.soak.servers import WORKERS, Servers, send
from tests.soak.world import START, World

_SPEED = 120
_ABSOLUTE = 2_000  # seconds of the run's time: 17 outside
_IDLE = 1_200
_LEEWAY = 60  # that a session lives beyond its end
_APART = 300  # by which clocks differ
_SPLIT = 5_000  # bytes of a session that needs two cookies
_SCHEDULE = Schedule(propagation=900, lifetime=1_500, session_lifetime=_ABSOLUTE)
_MOST_GROWTH = 12 << 20  # bytes that a worker may gain between the middle and the end
_NOTHING = zlib.crc32(b"")
_COOKIE = SessionManager(rotation.add(KeyringDocument(), 0).at(0)).cookie_name


@dataclass(frozen=True)
class Plan:
    """The size of a run."""

    users: int
    pause: float
    seconds: float


LONG = Plan(1_000, 5, 110)
SHORT = Plan(250, 2, 26)


class Owed(NamedTuple):
    """What a user's session holds, and between which moments it was created and last written."""

    count: int
    blob: int
    created: tuple[float, float]
    written: tuple[float, float]

    def must_live(self, answer: Answer) -> bool:
        """Whether every worker's clock has the session alive for the whole of the request.

        Without the leeway: whoever writes a session after its end sends `Max-Age=0` with it.
        """
        ends = min(self.written[0] + _outside(_IDLE), self.created[0] + _outside(_ABSOLUTE))
        return answer.received < ends + _outside(-_APART)

    def must_be_over(self, answer: Answer) -> bool:
        """Whether every worker's clock has the session over before the request."""
        ends = min(self.written[1] + _outside(_IDLE), self.created[1] + _outside(_ABSOLUTE))
        return answer.asked > ends + _outside(_LEEWAY + _APART + 1)


def _outside(seconds: float) -> float:
    return seconds / _SPEED


class User:
    """A user who does, each time, one of the things that users do."""

    def __init__(self, visitors: Visitors, number: int) -> None:
        self._visitors = visitors
        self.name = f"user-{number}"
        self.jar: dict[str, str] = {}
        self.owed: Owed | None = None

    async def live(self, until: float, mean_pause: float) -> None:
        """Do one thing after another."""
        chance = self._visitors.chance
        doings = (self._count, self._tabs, self._grow, self._shrink, self._logout, self._oversize)
        weights = (8, 3, 2, 1, 1, 2)
        await self._visitors.pause(mean_pause, until)
        while time.time() < until:
            await chance.choices(doings, weights)[0]()
            away = chance.random() < 0.05
            await self._visitors.pause(15 if away else mean_pause, until)

    async def _count(self, more: str = "") -> None:
        answer = await self._ask(more)
        if answer:
            self._take(answer, self.owed)

    async def _tabs(self) -> None:
        """Ask for three pages at once, that all carry the same cookies; the last answer counts."""
        before = self.owed
        for answered in asyncio.as_completed([self._ask(more) for more in ("", "&size=99", "")]):
            answer = await answered
            if answer:
                self._take(answer, before)

    async def _grow(self) -> None:
        await self._count(f"&size={_SPLIT}")

    async def _shrink(self) -> None:
        await self._count("&size=0")

    async def _ask(self, more: str) -> Answer | None:
        answer = await self._visitors.ask(f"/count?user={self.name}{more}", dict(self.jar))
        return answer if answer and answer.status == 200 else None

    async def _logout(self) -> None:
        answer = await self._visitors.ask("/logout", self.jar)
        if answer:
            keep(self.jar, answer.lines)
            self.owed = None
            if _COOKIE in self.jar:
                self._visitors.tally.note("revived", answer)

    async def _oversize(self) -> None:
        """Have the application try to save too much: nothing is written, and nothing is lost."""
        answer = await self._visitors.ask("/oversize", self.jar)
        if answer and (answer.status != 413 or answer.lines):
            self._visitors.tally.note("inexact", answer)

    def _take(self, answer: Answer, owed: Owed | None) -> None:
        """Compare an answer with what was owed, and keep what it sets."""
        self._judge(answer, owed)
        keep(self.jar, answer.lines)
        body, moments = answer.body, (answer.asked, answer.received)
        created = owed.created if owed and body["status"] == "valid" else moments
        self.owed = Owed(body["count"], body["after"], created, moments)

    def _judge(self, answer: Answer, owed: Owed | None) -> None:
        tally, body = self._visitors.tally, answer.body
        lives = body["status"] == "valid"
        tally.sessions += not lives
        if body["user"] != self.name:
            tally.note("crossed", answer)
        elif not lives and owed and owed.must_live(answer):
            tally.note("lost", answer)
        elif lives and (not owed or owed.must_be_over(answer)):
            tally.note("revived", answer)
        elif (body["count"], body["before"]) != _expected(owed if lives else None):
            tally.note("inexact", answer)
        elif not lives and owed:
            tally.ended += 1


def _expected(owed: Owed | None) -> tuple[int, int]:
    return (owed.count + 1, owed.blob) if owed else (1, _NOTHING)


class RingOnFullDisk:
    """A key ring that rotates on schedule, on a disk that is full for a while."""

    def __init__(self, folder: Path, start: float) -> None:
        self.path = folder / "keyring.json"
        self.refused = self.rotated = 0
        self._ids: set[str] = set()
        self._lock = Lock()  # so that what changes the file meanwhile is the try alone
        document = KeyringDocument(schedule=_SCHEDULE)
        self._edit(lambda _: rotation.add(document, int(start)))

    def _edit(self, change: Callable[[KeyringDocument], KeyringDocument]) -> None:
        before = self._ids
        self._ids = {key.id for key in KeyringFile(self.path).edit(change, create=True).keys}
        self.rotated += bool(before and self._ids - before)

    def tick(self, world: World) -> None:
        """Rotate, as from cron, but not while a change is tried."""
        if self._lock.acquire(blocking=False):
            try:
                self._edit(lambda document: rotation.rotate(document, int(world.now())))
            finally:
                self._lock.release()

    def try_while_full(self) -> None:
        """Change the ring where no byte can be written any more: it says so, and nothing changes.

        In a process of its own that may write no file: root or not, it meets the error at `write`.
        """
        with self._lock:
            before = self.path.read_bytes()
            words = [sys.executable, "-m", "tests.soak.faults", str(self.path)]
            root = Path(__file__).parents[2]
            ended = subprocess.run(words, cwd=root, check=False, timeout=60, capture_output=True)
            left = list(self.path.parent.glob(f".{self.path.name}.*"))
            says_so = b"it is as it was" in ended.stdout
            self.refused += says_so and self.path.read_bytes() == before and not left


def _change_where_nothing_can_be_written(path: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        KeyringFile(path).edit(lambda document: rotation.add(document, int(time.time())))
    except ConfigurationError as error:
        sys.stdout.write(str(error))


class Faults:
    """Kills and stops workers in turn; gunicorn's oldest and uvicorn's first are only watched."""

    def __init__(self, servers: Servers, visitors: Visitors) -> None:
        self._servers = servers
        self._visitors = visitors
        self._turn = 0
        self._watched = [servers.uvicorns[0].pid, servers.gunicorn_workers[0]]
        self.memory: list[list[int]] = []
        self.done = {"workers killed": 0, "workers stopped for two seconds": 0}

    async def next(self) -> None:
        """Do the next of four things."""
        servers, number = self._servers, 1 + self._turn // 4 % (WORKERS - 1)
        if self._turn % 4 in (0, 2):
            kind = "workers killed"
            if self._turn % 4:
                servers.uvicorns[number].kill()
            else:
                servers.kill_gunicorn_worker()
        else:
            kind = "workers stopped for two seconds"
            is_uvicorn = self._turn % 4 == 3
            gunicorns = servers.gunicorn_workers[1:2]
            for pid in [servers.uvicorns[number].pid] if is_uvicorn else gunicorns:
                await _stop_for_a_while(pid)
        self._turn += 1
        self._visitors.fatal += 1
        self.done[kind] += 1

    def sample(self) -> None:
        """Note how much memory the watched workers hold."""
        held = self._servers.memory()
        self.memory.append([held.get(pid, 0) for pid in self._watched])


async def _stop_for_a_while(pid: int) -> None:
    send(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(2)
    finally:
        send(pid, signal.SIGCONT)


def run(*, short: bool = False) -> list[Figure]:
    """Run it all."""
    with tempfile.TemporaryDirectory() as folder:
        return bounded(_run(Path(folder), SHORT if short else LONG))


async def _run(folder: Path, plan: Plan) -> list[Figure]:
    start = time.time() + START
    ring = RingOnFullDisk(folder, start)
    world = World(
        str(ring.path),
        str(folder / "events"),
        start,
        idle=_IDLE,
        absolute=_ABSOLUTE,
        speed=_SPEED,
        refresh=0.5,
        max_cookies=3,
        swing=plan.seconds / 8,
    )
    with Servers(world) as servers:
        visitors = Visitors(servers.addresses)
        await visitors.workers(2 * WORKERS)
        await world.moment(0)
        faults = Faults(servers, visitors)
        until = time.time() + plan.seconds
        await all_of(
            [
                *(User(visitors, number).live(until, plan.pause) for number in range(plan.users)),
                every(0.25, until, lambda: ring.tick(world)),
                every(plan.seconds / 5, until, lambda: asyncio.to_thread(ring.try_while_full)),
                every(2.5, until, faults.next),
                every(1, until, faults.sample),
                every(0.1, until, servers.revive),
            ]
        )
    return _figures(plan, visitors, ring, faults)


def _figures(plan: Plan, visitors: Visitors, ring: RingOnFullDisk, faults: Faults) -> list[Figure]:
    tally = visitors.tally
    first = f"; first: {'; '.join(tally.first)}" if tally.first else ""
    middle, end = faults.memory[len(faults.memory) // 2], faults.memory[-1]
    growth = max(after - before for before, after in zip(middle, end, strict=True))
    return [
        at_least("requests", tally.requests, 4 * plan.users),
        at_least("sessions", tally.sessions, plan.users),
        at_least("sessions that ended in time", tally.ended, plan.users // 10),
        *(at_least(what, count, 3) for what, count in faults.done.items()),
        at_least("rotations meanwhile", ring.rotated, 1),
        at_least("changes of the ring that a full disk refused, whole", ring.refused, 3),
        Figure("sessions lost that should live", "0", f"{tally.lost}{first}", not tally.lost),
        none_of("sessions alive that should have ended", tally.revived),
        none_of("sessions that crossed users", tally.crossed),
        none_of("sessions that held something else", tally.inexact),
        none_of("responses of 500 or above", tally.errors),
        none_of("requests that nobody answered", tally.unanswered),
        at_least("requests asked again, as a worker was killed", tally.retries, 3),
        Figure(
            "growth of a worker's memory in the second half",
            f"at most {_MOST_GROWTH >> 20} MiB",
            f"{growth / (1 << 20):.1f} MiB (to {', '.join(f'{each >> 20}' for each in end)} MiB)",
            min(end) > 0 and growth <= _MOST_GROWTH,
        ),
    ]


if __name__ == "__main__":
    _change_where_nothing_can_be_written(sys.argv[1])
