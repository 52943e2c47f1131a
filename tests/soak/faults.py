"""Whatever else can go wrong: nobody gets another's session, nor one that has ended.

Users open several tabs at once, log out, stay away for too long, outgrow one cookie and then all of
them, while workers are killed and stopped, a clock steps back and forth, the key ring rotates, and
the disk on which it is kept is full for a while.

Clocks differ by up to five minutes, so for some minutes two workers may disagree on whether a
session has ended. Each answer says what its worker's clock said, and `Owed` whether by that clock
the session lives: to the second. The users' jars ignore Max-Age, so that servers alone end it.
"""

import asyncio
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from cookiesession import ConfigurationError
from cookiesession.keyring import KeyringDocument, KeyringFile, Schedule, rotation
from tests.clients import keep
from tests.evidence import Row
from tests.soak import at_least, none_of
from tests.soak.load import Answer, Visitors, all_of, bounded, every
from tests.soak.servers import WORKERS, Servers, send
from tests.soak.world import START, World

_LONG, _SHORT = 120, 30  # seconds
_USERS, _PAUSE = 1_000, 5
_SPEED = 120
_ABSOLUTE = 2_000  # seconds of the run's time: 17 outside
_IDLE = 1_200
_LEEWAY = 60  # that a session lives beyond its end
_SPLIT = 5_000  # bytes of a session that needs two cookies
_SCHEDULE = Schedule(propagation=900, lifetime=1_500, session_lifetime=_ABSOLUTE)
_MOST_GROWTH = 1 << 20  # bytes that a worker may gain between the middle and the end
_NOTHING = zlib.crc32(b"")


class Owed(NamedTuple):
    """What a user's session holds, and its times as the workers' clocks had them."""

    count: int
    blob: int
    created: int
    written: int

    def ending(self, now: int) -> str:
        """Return why the session is over by a clock, or "" while it lives."""
        idle, absolute = self.written + _IDLE, self.created + _ABSOLUTE
        if now <= min(idle, absolute) + _LEEWAY:
            return ""
        return "idle_expired" if idle < absolute else "expired"


class User:
    """A user who does, each time, one of the things that users do."""

    def __init__(self, visitors: Visitors, number: int) -> None:
        self._visitors = visitors
        self._seen = visitors.tally.seen
        self.name = f"user-{number}"
        self.jar: dict[str, str] = {}
        self.owed: Owed | None = None

    async def live(self, until: float) -> None:
        """Do one thing after another, and count once more after that moment."""
        chance = self._visitors.chance
        doings = (self._count, self._tabs, self._grow, self._shrink, self._logout, self._oversize)
        weights = (8, 3, 2, 1, 1, 2)
        await self._visitors.pause(_PAUSE, until)
        while time.time() < until:
            await chance.choices(doings, weights)[0]()
            away = chance.random() < 0.05
            await self._visitors.pause(15 if away else _PAUSE, until)
        await self._count()

    async def _count(self, more: str = "") -> None:
        answer = await self._ask(more)
        if answer:
            self._take(answer, self.owed)

    async def _tabs(self) -> None:
        """Ask for three pages at once, that all carry the same cookies; the last answer counts."""
        before = self.owed
        self._seen["tabs"] += 1
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
        if answer and answer.status != 200:
            self._visitors.tally.note("errors", answer)
            return None
        return answer

    async def _logout(self) -> None:
        answer = await self._visitors.ask("/logout", self.jar)
        if answer and answer.status == 200:
            self._seen["logouts"] += bool(self.jar)
            keep(self.jar, answer.lines)
            self.owed = None
            if self.jar:
                self._visitors.tally.note("revived", answer)

    async def _oversize(self) -> None:
        """Have the application try to save too much: nothing is written, and nothing is lost."""
        answer = await self._visitors.ask("/oversize", self.jar)
        if answer and (answer.status != 413 or answer.lines):
            self._visitors.tally.note("inexact", answer)
        self._seen["oversize"] += 1

    def _take(self, answer: Answer, owed: Owed | None) -> None:
        """Compare an answer with what was owed, and keep what it sets."""
        self._judge(answer, owed)
        keep(self.jar, answer.lines)
        body, now = answer.body, answer.body["now"]
        created, written = now, now
        if owed and body["status"] == "valid":
            created, written = owed.created, max(now, owed.written)
        self.owed = Owed(body["count"], body["after"], created, written)
        self._seen["splits"] += len(answer.lines) > 1
        if now == created + _ABSOLUTE + _LEEWAY:  # the very last second: Max-Age=0
            self.owed = None

    def _judge(self, answer: Answer, owed: Owed | None) -> None:
        tally, note, body = self._visitors.tally, self._visitors.tally.note, answer.body
        ending = owed.ending(body["now"]) if owed else "missing"
        lives = body["status"] == "valid"
        held = (owed.count + 1, owed.blob) if owed and lives else (1, _NOTHING)
        tally.sessions += not lives
        tally.steps_back[body["pid"]] = body["steps_back"]
        self._seen[ending] += 1
        if body["user"] != self.name:
            note("crossed", answer)
        elif lives and ending:
            note("revived", answer)
        elif not lives and (not ending or body["status"] not in (ending, "unknown_key")):
            note("lost", answer)
        elif (body["count"], body["before"]) != held:
            note("inexact", answer)


class RingOnFullDisk:
    """A key ring that rotates on schedule, on a disk that is full for a while."""

    def __init__(self, folder: Path, start: float) -> None:
        self.path = folder / "keyring.json"
        self.tried = self.refused = self.rotated = 0
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
            self.tried += 1
            self.refused += says_so and self.path.read_bytes() == before and not left


def _change_where_nothing_can_be_written(path: str) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        KeyringFile(path).edit(lambda document: rotation.add(document, int(time.time())))
    except ConfigurationError as error:
        sys.stdout.write(str(error))


KINDS = (
    "workers of gunicorn killed",
    "workers of gunicorn stopped for two seconds",
    "processes of uvicorn killed",
    "processes of uvicorn stopped for two seconds",
)


class Faults:
    """Kills and stops workers in turn; gunicorn's oldest and uvicorn's first are only watched."""

    def __init__(self, servers: Servers, visitors: Visitors) -> None:
        self._servers = servers
        self._visitors = visitors
        self._turn = 0
        self._watched = [servers.uvicorns[0].pid, servers.gunicorn_workers[0]]
        self.memory: list[list[int]] = []
        self.done: Counter[str] = Counter()

    async def next(self) -> None:
        """Do the next of four things, and have one more worker die before it answers."""
        kind = KINDS[self._turn % 4]
        *_, newest = gunicorns = self._servers.gunicorn_workers
        if "uvicorn" in kind:
            pid = self._servers.uvicorns[1 + self._turn // 4 % (WORKERS - 1)].pid
        elif len(gunicorns) > 1:
            pid = newest
        else:
            return  # the others have died just now
        if "killed" in kind:
            send(pid, signal.SIGKILL)
        else:
            await _stop_for_a_while(pid)
        self.done[kind] += 1
        self._turn += 1
        self._visitors.fatal += 1

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


def run(*, short: bool = False) -> list[Row]:
    """Run it all."""
    with tempfile.TemporaryDirectory() as folder:
        return bounded(_run(Path(folder), _SHORT if short else _LONG))


async def _run(folder: Path, seconds: float) -> list[Row]:
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
        swing=_SHORT / 8,
    )
    with Servers(world) as servers:
        visitors = Visitors(servers.addresses)
        await visitors.workers(2 * WORKERS)
        await world.moment(0)
        faults = Faults(servers, visitors)
        until = time.time() + seconds
        await all_of(
            [
                *(User(visitors, number).live(until) for number in range(_USERS)),
                every(0.25, until, lambda: ring.tick(world)),
                every(_SHORT / 5, until, lambda: asyncio.to_thread(ring.try_while_full)),
                every(2, until, faults.next),
                every(1, until, faults.sample),
                every(0.1, until, servers.revive),
            ]
        )
    return [*_worth(visitors, ring, faults), *_kept(visitors, ring, faults)]


def _worth(visitors: Visitors, ring: RingOnFullDisk, faults: Faults) -> list[Row]:
    """Return what happened, without which the rest would mean little."""
    tally, seen = visitors.tally, visitors.tally.seen
    return [
        at_least(f"requests of {_USERS:,} users", tally.requests, _USERS),
        at_least("sessions", tally.sessions, _USERS),
        at_least("times that three tabs asked at once", seen["tabs"], 20),
        at_least("logouts", seen["logouts"], 5),
        at_least("answers in several cookies", seen["splits"], 20),
        at_least("attempts to save too much", seen["oversize"], 10),
        at_least("sessions that had been idle for too long", seen["idle_expired"], 5),
        at_least("sessions that came to their absolute end", seen["expired"], 1),
        at_least("answers when a session had to live", seen[""], 50),
        *(at_least(what, faults.done[what], 1) for what in KINDS),
        at_least("requests asked again, as no answer came", tally.retries, 3),
        at_least("steps back of a worker's clock", sum(tally.steps_back.values()), 1),
        at_least("rotations", ring.rotated, 1),
        at_least("changes of the ring tried where nothing can be written", ring.tried, 2),
    ]


def _kept(visitors: Visitors, ring: RingOnFullDisk, faults: Faults) -> list[Row]:
    """Return what must not happen, whatever does."""
    tally = visitors.tally
    first = f"; first: {'; '.join(tally.first)}" if tally.first else ""
    middle, end = faults.memory[len(faults.memory) // 2], faults.memory[-1]
    growth = max(after - before for before, after in zip(middle, end, strict=True))
    return [
        none_of("changes so tried that were not refused whole", ring.tried - ring.refused),
        none_of("sessions that crossed users", tally.crossed),
        Row("sessions lost that should live", "0", f"{tally.lost}{first}", not tally.lost),
        none_of("sessions alive that should have ended", tally.revived),
        none_of("sessions that held something else", tally.inexact),
        none_of("responses of 500 or above, or another error", tally.errors),
        none_of("requests that nobody answered", tally.unanswered),
        Row(
            "growth of a worker's memory in the second half",
            f"at most {_MOST_GROWTH >> 20} MiB",
            f"{growth / (1 << 20):.1f} MiB (to {', '.join(f'{each >> 20}' for each in end)} MiB)",
            min(end) > 0 and growth <= _MOST_GROWTH,
        ),
    ]


if __name__ == "__main__":
    _change_where_nothing_can_be_written(sys.argv[1])
