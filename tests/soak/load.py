"""Users: each keeps its cookies, asks again where no whole answer came, and knows what it is owed.

An answer that was cut off is none: the cookie in it was never received, so it never existed.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from tests.clients import keep

_PATIENCE = 5  # seconds for one answer
_ATTEMPTS = 12
_ASKED_FOR_A_WORKER = 100
_LONGEST_RUN = 300  # seconds
_SHOWN = 3  # of what fell short

_T = TypeVar("_T")


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    lines: list[str]
    body: dict[str, Any]


@dataclass
class Tally:
    """What a run saw."""

    requests: int = 0
    retries: int = 0
    sessions: int = 0
    lost: int = 0
    inexact: int = 0
    crossed: int = 0
    revived: int = 0
    errors: int = 0
    unanswered: int = 0
    seen: Counter[str] = field(default_factory=Counter)  # what makes a run worth something
    workers: Counter[int] = field(default_factory=Counter)
    steps_back: dict[int, int] = field(default_factory=dict)  # of a worker's clock, by process id
    first: list[str] = field(default_factory=list)  # the first things that fell short

    def note(self, kind: str, what: "Answer | str") -> None:
        """Count something that fell short."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.first) < _SHOWN:
            self.first.append(
                f"{kind} {what if isinstance(what, str) else what.body or what.status}"
            )


class Visitors:
    """What all users of a run share: the servers, a limit, one source of chance, the tally."""

    def __init__(self, addresses: list[tuple[str, int]], *, at_once: int = 48) -> None:
        self._addresses = addresses
        self._limit = asyncio.Semaphore(at_once)
        self.chance = random.Random(7)
        self.fatal = 0  # how many of the next requests are to kill the worker that gets them
        self.tally = Tally()

    async def ask(self, target: str, jar: dict[str, str]) -> Answer | None:
        """Ask any of the workers, again where it did not answer; None where none ever does."""
        for _ in range(_ATTEMPTS):
            async with self._limit:
                fatal = self.fatal > 0 and "?" in target
                self.fatal -= fatal
                address, more = self.chance.choice(self._addresses), "&die" * fatal
                try:
                    answer = await _get(address, target + more, jar)
                except (OSError, EOFError, TimeoutError):
                    self.tally.retries += 1
                    continue
            self.fatal += fatal  # it came to a worker that is to live
            self.tally.requests += 1
            self.tally.workers[answer.body.get("pid", 0)] += 1
            if answer.status not in (200, 413):
                self.tally.note("errors", answer)
            return answer
        self.tally.note("unanswered", target)
        return None

    async def workers(self, count: int) -> dict[int, str]:
        """Ask until so many workers have said which key they write with, or it is hopeless."""
        keys: dict[int, str] = {}
        for _ in range(_ASKED_FOR_A_WORKER * count):
            answer = await self.ask("/ring", {})
            if answer and answer.status == 200:
                keys[answer.body["pid"]] = answer.body["key"]
            if len(keys) == count:
                break
        return keys

    def pause(self, mean: float, until: float) -> Any:
        """Wait for up to twice that many seconds, but not beyond `until`.

        Often for a moment only: two workers that are at odds for a second are to be found out.
        """
        seconds = mean * self.chance.choice((0.1, 1.5, 1.5)) * self.chance.uniform(0.5, 1.3)
        return asyncio.sleep(min(seconds, until - time.time()))


async def _get(address: tuple[str, int], target: str, jar: dict[str, str]) -> Answer:
    async with asyncio.timeout(_PATIENCE):
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(_request(target, jar))
            raw = await reader.read()
        finally:
            writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [
        (name.lower(), value.strip()) for name, _, value in (s.partition(":") for s in lines)
    ]
    if len(body) != int(dict(headers).get("content-length", -1)):
        raise EOFError
    cookies = [value for name, value in headers if name == "set-cookie"]
    status = int(first.split()[1])
    told = json.loads(body) if status in (200, 413) else {}
    return Answer(status, cookies, told)


def _request(target: str, jar: dict[str, str]) -> bytes:
    cookies = "; ".join(map("=".join, jar.items()))
    lines = [f"GET {target} HTTP/1.1", "Host: localhost", "Connection: close"]
    return "\r\n".join([*lines, *([f"Cookie: {cookies}"] if cookies else []), "", ""]).encode()


class Sequential:
    """A user who asks one thing after another, and whose session may never end."""

    def __init__(self, visitors: Visitors, number: int) -> None:
        self._visitors = visitors
        self.name = f"user-{number}"
        self.jar: dict[str, str] = {}
        self.count = 0

    async def visit(self) -> None:
        """Count one request, and see that the session is the one of before."""
        tally = self._visitors.tally
        login = "&login" if self.count % 2 else ""  # so that it lives for as long as it is in use
        answer = await self._visitors.ask(f"/count?user={self.name}{login}", self.jar)
        if answer is None or answer.status != 200:
            return
        body = answer.body
        if body["user"] != self.name:
            tally.note("crossed", answer)
        elif self.count and body["status"] != "valid":
            tally.note("lost", answer)
        elif body["count"] != self.count + 1:
            tally.note("inexact", answer)
        keep(self.jar, answer.lines)
        self.count = body["count"]

    async def live(self, until: float, mean_pause: float) -> None:
        """Visit again and again, and once more after that moment."""
        await self._visitors.pause(mean_pause, until)
        while time.time() < until:
            await self.visit()
            await self._visitors.pause(mean_pause, until)
        await self.visit()


async def all_of(visits: Iterable[Any]) -> None:
    """Wait for all of these; what one of them raises ends the run."""
    async with asyncio.TaskGroup() as group:
        for visit in visits:
            group.create_task(visit)


def bounded(running: Coroutine[Any, Any, _T]) -> _T:
    """Run it, and give up where it does not end by itself."""
    return asyncio.run(asyncio.wait_for(running, _LONGEST_RUN))


async def every(seconds: float, until: float, act: Callable[[], Any]) -> None:
    """Do something every so often; it may be a coroutine function."""
    while time.time() + seconds < until:
        await asyncio.sleep(seconds)
        result = act()
        if asyncio.iscoroutine(result):
            await result
