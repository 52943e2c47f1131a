"""What the benchmarks share: the sessions, the clock, and Markdown tables.

The rules: all variants of a figure run interleaved, round by round, in one process, so that what
else the machine does meets them alike. The first variant runs twice: the second time is the
control, and its distance from the first is the noise. Figures are microseconds of this process's
own time on the processor. Nothing is asserted on them.
"""

import argparse
import random
import statistics
import string
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

CONTROL = "control"

_random = random.Random(7)  # the sessions are the same in every run


def token(length: int) -> str:
    return "".join(_random.choices(string.ascii_letters + string.digits + "-_", k=length))


_WORDS = (
    "the a session cookie order customer please deliver after before parcel address street gate "
    "number invoice attached thank you for with without every we our is was will not and colour "
    "size large small blue green returned Tuesday Friday morning evening message"
)


def prose(length: int) -> str:
    return " ".join(_random.choices(_WORDS.split(), k=length))[:length]


SESSIONS: dict[str, dict[str, Any]] = {
    "login": {
        "user_id": 48_151,
        "csrf_token": _random.randbytes(20).hex(),
        "logged_in": True,
        "role": "editor",
    },
    "300 bytes": {
        "user_id": 48_151,
        "csrf_token": token(32),
        "roles": ["editor", "reviewer"],
        "locale": "en-GB",
        "cart": [{"sku": "AB-1234", "qty": 2, "price": 19.9}],
        "flashes": [["info", "Welcome back, your last visit was on Tuesday."]],
        "theme": "dark",
        "next": "/account/orders?page=2&sort=newest",
        "visits": 12,
    },
    "typical": {
        "user_id": 48_151,
        "csrf_token": token(43),
        "auth_time": 1_790_000_000,
        "roles": ["editor", "reviewer"],
        "locale": "en-GB",
        "timezone": "Europe/London",
        "cart": [
            {"sku": "AB-1234", "qty": 2, "price": 19.9},
            {"sku": "CD-9", "qty": 1, "price": 5.5},
        ],
        "flashes": [["info", "Welcome back, your last visit was on Tuesday."]],
        "theme": "dark",
        "next": "/account/orders?page=2",
        "referrer": "https://example.com/some/long/page/that/led/here?from=a",
    },
    "token": {"user_id": 48_151, "access_token": token(1_060)},
    "1 KB": {f"field_{number}": token(80) for number in range(11)},
    "large": {"user_id": 48_151, "csrf_token": token(43), "draft": prose(2_700)},
}
"""By name, from small to large: 110 bytes as JSON, 300, 450, 1.1 KB in one value that compresses
by little and in eleven that are not compressed, and 2.8 KB of text."""

PEER_SESSIONS = ("login", "typical", "large", "token")


class Effort(NamedTuple):
    """How long to measure: so many rounds, so many seconds for each variant in each."""

    rounds: int
    seconds: float


QUICK = Effort(rounds=3, seconds=0.0002)


def effort(description: str | None, full: Effort) -> Effort:
    """Read the command line: `--quick` shows that a script runs, and measures little."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="run for seconds, measure little")
    return QUICK if parser.parse_args().quick else full


class Figures(NamedTuple):
    """Microseconds of each variant, one figure a round."""

    rounds: dict[str, list[float]]

    def median(self, name: str) -> float:
        return statistics.median(self.rounds[name])

    def minimum(self, name: str) -> float:
        return min(self.rounds[name])

    def ratio(self, name: str, to: str) -> float:
        """Return how the medians of two variants stand to one another."""
        return self.median(name) / self.median(to)

    def minima_ratio(self, name: str, to: str) -> float:
        """Return how the minima do, in which the rest of the machine has no part."""
        return self.minimum(name) / self.minimum(to)

    def added(self, name: str, base: str) -> float:
        """Return the median, over the rounds, of what one variant takes more than another."""
        pairs = zip(self.rounds[name], self.rounds[base], strict=True)
        return statistics.median(one - other for one, other in pairs)

    def minima_added(self, name: str, base: str) -> float:
        """Return what it takes more by the minima of both."""
        return self.minimum(name) - self.minimum(base)


def measure(
    calls: dict[str, Callable[[], object]],
    how: Effort,
    clock: Callable[[], float] = time.process_time,
) -> Figures:
    """Measure calls against one another; the first of them is the control's, too."""
    calls = {**calls, CONTROL: next(iter(calls.values()))}
    repeats = {name: _repeats(call, how.seconds, clock) for name, call in calls.items()}
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for _ in range(how.rounds):
        _random.shuffle(names)  # no variant always comes after the same one
        for name in names:
            calls[name]()  # brings its code and data back into the processor's caches
            seconds = _seconds(calls[name], repeats[name], clock)
            rounds[name].append(seconds / repeats[name] * 1e6)
    return Figures(rounds)


def _repeats(call: Callable[[], object], seconds: float, clock: Callable[[], float]) -> int:
    shortest = min(_seconds(call, 1, clock) for _ in range(5))
    return max(1, int(seconds / max(shortest, 1e-9)))


def _seconds(call: Callable[[], object], repeats: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(repeats):
        call()
    return clock() - start


def print_table(title: str, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print(f"\n{title}\n")
    print("|", " | ".join(headings), "|")
    print("|" + "---|" * len(headings))
    for row in rows:
        cells = (f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in row)
        print("|", " | ".join(cells), "|", flush=True)


class Target(NamedTuple):
    """What a figure should be at most, and what the floor would reach where there is one."""

    what: str
    where: str  # of several figures with the same limit: which
    limit: float
    measured: float
    floor: float | None = None

    @property
    def met(self) -> bool:
        return self.measured <= self.limit


def print_targets(targets: Iterable[Target]) -> None:
    """Print which targets were met, one row for all that share a limit."""
    groups: dict[tuple[str, float], list[Target]] = {}
    for target in targets:
        groups.setdefault((target.what, target.limit), []).append(target)
    rows = []
    for (what, limit), group in groups.items():
        floors = [target.floor for target in group if target.floor is not None]
        measured = [target.measured for target in group]
        rows.append((what, f"{limit:g}", _span(measured), _span(floors), _met(group)))
    print_table("Targets", ("what", "at most", "measured", "floor", "met"), rows)


def _span(figures: list[float]) -> str:
    # Three digits that count, and no exponent: 0.989, 1050.
    rounded = [float(f"{end:.3g}") for end in (min(figures), max(figures))] if figures else []
    ends = dict.fromkeys(f"{end:g}" for end in rounded)
    return " to ".join(ends)


def _met(group: list[Target]) -> str:
    missed = [target.where for target in group if not target.met]
    if not missed:
        return "yes"
    return "no" if len(missed) == len(group) else f"all but {', '.join(missed)}"
