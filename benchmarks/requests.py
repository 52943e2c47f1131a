"""What a session adds to a request, beside each framework's own sessions.

    pip install -r benchmarks/requirements.txt
    python -m benchmarks.requests [--quick]

The same small application is served in process three times: without sessions, with the framework's
own, with ours (`apps.py`). What a session adds is the median difference, round by round, to the
application without; the control is that application once more. A browser sends no cookie, or one
that nobody looks at (untouched), that is read, changed (write), or written as it was (touch).
"""

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.apps import BARE, OURS, OWN, Made, available, cookie_of
from benchmarks.measure import (
    CONTROL,
    Effort,
    Figures,
    Target,
    effort,
    measure,
    print_table,
    print_targets,
)

FULL = Effort(rounds=40, seconds=0.002)
SIZES = ("login", "typical", "large")
CASES = ("untouched", "read", "write", "touch")
RAW = "raw ASGI, Starlette's sessions"
HEADINGS = (
    "case", "without µs", "own adds", "ours adds", "control adds", "ours to own", "minima",
)  # fmt: skip

_RAW_LIMITS = {"no cookie": 0.5, "untouched": 0.15, "read": 0.75, "write": 0.75}
_ALL_LIMITED = ("Flask", "Django", "Litestar", "aiohttp, aiohttp-session", "Pyramid")


class Added(NamedTuple):
    """What sessions add to one kind of request."""

    framework: str
    size: str
    case: str
    figures: Figures


def measured(framework: str, made: Made, how: Effort) -> Iterator[Added]:
    """Measure one framework: no cookie once, the other cases for each size of session."""
    kinds = dict(zip((BARE, OWN, OURS), made, strict=True))
    calls = {kind: prepare("/other", "") for kind, prepare in kinds.items()}
    yield Added(framework, "", "no cookie", measure(calls, how))
    for size in SIZES:
        fill = {kind: prepare(f"/fill-{size}", "") for kind, prepare in kinds.items()}
        cookies = {kind: cookie_of(call()) for kind, call in fill.items()}
        cookies[BARE] = cookies[OURS]
        for case in CASES:
            path = "/other" if case == "untouched" else f"/{case}"
            calls = {kind: prepare(path, cookies[kind]) for kind, prepare in kinds.items()}
            writes = [bool(cookie_of(calls[kind]())) for kind in (OWN, OURS)]
            assert writes[1] == (case in ("write", "touch")) <= writes[0]  # it is no error page
            yield Added(framework, size, case, measure(calls, how))


def row(added: Added) -> tuple[object, ...]:
    """Return a row of the table."""
    _, size, case, figures = added
    of_each = (f"{figures.added(kind, BARE):.1f}" for kind in (OWN, OURS, CONTROL))
    ratio = figures.added(OURS, BARE) / figures.added(OWN, BARE)
    minima = figures.minima_added(OURS, BARE) / figures.minima_added(OWN, BARE)
    case = f"{size}: {case}" if size else case
    return case, f"{figures.median(BARE):.1f}", *of_each, ratio, minima


def summary(results: list[Added], size: str) -> Iterator[tuple[object, ...]]:
    """Return what sessions add in each framework, ours first."""
    for framework in dict.fromkeys(added.framework for added in results):
        of_this = [a for a in results if a.framework == framework and a.size in ("", size)]
        yield (
            framework,
            *(
                f"{added.figures.added(OURS, BARE):.1f} / {added.figures.added(OWN, BARE):.1f}"
                for added in of_this
            ),
        )


def targets(results: list[Added]) -> Iterator[Target]:
    """Compare what was measured with what is wanted."""
    for framework, size, case, figures in results:
        what = f"{framework}: {case}, to own"
        ratio = figures.added(OURS, BARE) / figures.added(OWN, BARE)
        if framework == RAW and case in _RAW_LIMITS:
            yield Target(what, size, _RAW_LIMITS[case], ratio)
        elif framework in _ALL_LIMITED and case in ("read", "write"):
            yield Target(what, size, 1, ratio)


def main() -> None:
    how = effort(__doc__, FULL)
    results: list[Added] = []
    for framework, made in available().items():
        of_this = list(measured(framework, made, how))
        print_table(framework, HEADINGS, map(row, of_this))
        results += of_this
    title = "What a session adds, ours / own, in microseconds: the typical session"
    print_table(title, ("framework", "no cookie", *CASES), summary(results, "typical"))
    print_targets(targets(results))


if __name__ == "__main__":
    main()
