"""Holds what survived to the list, `survivors.md`.

There a mutant stands in a block of its own, by its name; above it, the reason.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

LIST = Path(__file__).parent / "survivors.md"
_BLOCK = re.compile(r"^```diff\n(\S+)\n((?:[-+] .*\n)+)```$", re.MULTILINE)


class Outcome(StrEnum):
    """What the tests said of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    ENDLESS = "endless"  # as good as killed; of one that is listed it proves nothing


class Name(NamedTuple):
    """A mutant's name: the module and the function, and the lines that differ."""

    place: str
    diff: str

    def __str__(self) -> str:
        return f"```diff\n{self.place}\n{self.diff}\n```"


class Verdict(NamedTuple):
    """What a run comes to."""

    counts: Counter[Outcome]
    unlisted: set[Name]  # survived without a reason
    stale: set[Name]  # there is a reason, and no need of one

    @property
    def ok(self) -> bool:
        return not self.unlisted and not self.stale

    def __str__(self) -> str:
        counts = {"ran": self.counts.total()}
        counts |= {outcome.value: self.counts[outcome] for outcome in Outcome}
        counts |= {"unlisted": len(self.unlisted), "stale": len(self.stale)}
        return " ".join(f"{name}={count}" for name, count in counts.items())


def listed() -> list[Name]:
    """Read the list."""
    return [Name(place, diff.strip()) for place, diff in _BLOCK.findall(LIST.read_text("utf-8"))]


def verdict(outcomes: Iterable[tuple[Name, Outcome]], known: Collection[Name]) -> Verdict:
    """Compare what ran with the list. What did not run is not looked at."""
    ran = list(outcomes)
    survived = {name for name, outcome in ran if outcome is Outcome.SURVIVED}
    killed = {name for name, outcome in ran if outcome is Outcome.KILLED}
    # Two mutants of one name, in lines that read alike, can fare differently.
    return Verdict(
        Counter(outcome for _, outcome in ran),
        unlisted=survived.difference(known),
        stale=killed.intersection(known) - survived,
    )
