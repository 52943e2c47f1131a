"""A rotation under load loses nothing.

Users count their requests in their sessions, through gunicorn and uvicorn with one cookie, while
the ring is rotated three times on a shortened schedule and workers are killed. Workers' clocks are
up to five minutes apart. Each key is written by some workers while others still, or already, write
with its neighbour.

A user logs in anew with every second request, so that keys retire while sessions go on.
"""

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cookiesession import SessionManager
from cookiesession.keyring import KeyringDocument, KeyringFile, Schedule, rotation
from tests.evidence import Row
from tests.soak import at_least, none_of
from tests.soak.load import Sequential, Visitors, all_of, bounded, every
from tests.soak.servers import WORKERS, Servers
from tests.soak.sources import Mount, RedisServer
from tests.soak.world import START, World

_FULL_WORKERS = 2 * WORKERS


@dataclass(frozen=True)
class Plan:
    """The size of a run. Its schedule is in the run's seconds, 60 to one outside."""

    users: int
    pause: float  # of a user, between two requests
    seconds: float
    rotations: int
    schedule: Schedule
    kill_after: float
    outage: tuple[float, float] = (0, 0)  # of Redis: from when to when


# Rotations: a key writes 15, 30 and 45 s after the start, and the first one is gone after 66 s.
LONG = Plan(2_000, 8, 90, 3, Schedule(480, 900, 2_700), 29)
# A key writes after 10, 20 and 30 s, and the first one is gone after 34 s.
SHORT = Plan(300, 2, 36, 3, Schedule(420, 600, 1_080), 19)
# A key begins to write while Redis is down, and the next one is added then.
REDIS = Plan(1_000, 5, 60, 3, Schedule(780, 960, 2_700), 31, outage=(12, 22))
SHORT_REDIS = Plan(150, 2, 26, 2, Schedule(600, 660, 1_500), 21, outage=(5, 15))


class Controller:
    """Whoever rotates the ring: edits the document, and publishes it to where servers read it."""

    def __init__(self, folder: Path, source: Mount | RedisServer, plan: Plan, start: float) -> None:
        self._file = KeyringFile(folder / "original.json")
        self._source = source
        self._plan = plan
        self._seen: set[str] = set()
        self.document = KeyringDocument(schedule=plan.schedule)
        self._edit(lambda _: rotation.add(self.document, int(start)))

    def tick(self, world: World) -> None:
        """Rotate, as from cron; once there were enough rotations, only forget what has gone."""
        step = rotation.rotate if self.rotations < self._plan.rotations else rotation.prune
        self._edit(lambda document: step(document, int(world.now())))

    def _edit(self, change: Callable[[KeyringDocument], KeyringDocument]) -> None:
        before, self.document = self.document, self._file.edit(change, create=True)
        self._seen |= {key.id for key in self.document.keys}
        if self.document != before:
            self._source.publish(self.document.text())

    @property
    def rotations(self) -> int:
        """How many keys came after the first."""
        return len(self._seen) - 1

    @property
    def gone(self) -> int:
        """How many keys went."""
        return len(self._seen) - len(self.document.keys)

    @property
    def newest(self) -> str:
        """The characters by which cookies name the newest key."""
        return SessionManager(self.document.keys[0].key).key_id


def run(*, short: bool = False, preload: bool = False) -> list[Row]:
    """Rotate keys in a mounted file."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mount").mkdir()
        source = Mount(Path(folder) / "mount")
        return bounded(_run(Path(folder), source, SHORT if short else LONG, preload=preload))


def run_redis(*, short: bool = False) -> list[Row]:
    """Rotate keys in Redis, and stop it meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        source = RedisServer(Path(folder))
        try:
            return bounded(_run(Path(folder), source, SHORT_REDIS if short else REDIS))
        finally:
            source.stop()


async def _run(
    folder: Path, source: Mount | RedisServer, plan: Plan, *, preload: bool = False
) -> list[Row]:
    start = time.time() + START
    controller = Controller(folder, source, plan, start)
    events = folder / "events"
    lifetime = plan.schedule.session_lifetime
    world = World(source.ring, str(events), start, idle=lifetime * 2 // 3, absolute=lifetime)
    with Servers(world, preload=preload) as servers:
        visitors = Visitors(servers.addresses)
        await visitors.workers(_FULL_WORKERS)
        await world.moment(0)
        users = [Sequential(visitors, number) for number in range(plan.users)]
        served_meanwhile = [0]
        until = time.time() + plan.seconds
        await all_of(
            [
                *(user.live(until, plan.pause) for user in users),
                every(0.25, until, lambda: controller.tick(world)),
                _kill(servers, visitors, plan.kill_after),
                every(0.1, until, servers.revive),
                _stop_redis(source, plan, visitors, served_meanwhile),
            ]
        )
        fresh = await visitors.workers(_FULL_WORKERS)
    are_fresh = list(fresh.values()).count(controller.newest)
    return [
        *_figures(controller, users, visitors),
        at_least("workers with the newest key at the end", are_fresh, _FULL_WORKERS),
        *(_redis_figures(events, served_meanwhile[0]) if isinstance(source, RedisServer) else ()),
    ]


# Both count from when the users begin, as the rotations do: servers may take longer to start than
# the world's time waits for them.


async def _kill(servers: Servers, visitors: Visitors, after: float) -> None:
    """Kill one worker of each server, and two more as they are about to answer."""
    await asyncio.sleep(after)
    servers.kill_gunicorn_worker()
    servers.uvicorns[-1].kill()
    visitors.fatal = 2


async def _stop_redis(
    source: Mount | RedisServer, plan: Plan, visitors: Visitors, served: list[int]
) -> None:
    if isinstance(source, RedisServer):
        down, up = plan.outage
        await asyncio.sleep(down)
        source.stop()
        before = visitors.tally.requests
        await asyncio.sleep(up - down)
        served[0] = visitors.tally.requests - before
        source.start()


def _figures(controller: Controller, users: list[Sequential], visitors: Visitors) -> list[Row]:
    tally, plan = visitors.tally, controller._plan
    cookies = [cookie for user in users for cookie in user.jar.values()]
    older = sum(cookie[1:5] != controller.newest for cookie in cookies)
    first = f"; first: {'; '.join(tally.first)}" if tally.first else ""
    wrong = tally.inexact + tally.crossed
    rotated = controller.rotations
    return [
        at_least("users with a session at the end", len(cookies), plan.users),
        at_least("requests", tally.requests, 2 * plan.users),
        at_least("workers that answered, killed ones and their successors", len(tally.workers), 10),
        Row("rotations", str(plan.rotations), str(rotated), rotated == plan.rotations),
        at_least("keys that went meanwhile", controller.gone, 0 if plan.outage[1] else 1),
        Row("sessions lost", "0", f"{tally.lost}{first}", not tally.lost),
        none_of("counters that were not exact", wrong),
        none_of("responses of 500 or above, or another error", tally.errors),
        none_of("requests that nobody answered", tally.unanswered),
        none_of("cookies at the end that are not under the newest key", older),
        at_least("requests asked again, as a worker was killed", tally.retries, 2),
    ]


def _redis_figures(events: Path, served: int) -> list[Row]:
    told = [line.split() for line in events.read_text().splitlines()]
    failures = {pid for pid, name, *_ in told if name == "KeyringNotRefreshed"}
    return [
        at_least("requests served while Redis was down", served, 100),
        at_least("workers that told of failed refreshes", len(failures), _FULL_WORKERS),
    ]
