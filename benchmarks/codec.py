"""What sealing and opening a session cost, and how long the cookie is, beside other libraries.

    pip install -r benchmarks/requirements.txt && npm ci --prefix benchmarks
    python -m benchmarks.codec [--quick]

The floor (`floor.py`) writes and reads the same cookies with no layers. Each library is called as
it calls itself in a request (`peers.py`); those from npm are measured right after, in a process of
their own (`peers.mjs`). Ratios are of medians, except in the columns that say minima.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks import floor, peers
from benchmarks.measure import (
    CONTROL,
    PEER_SESSIONS,
    SESSIONS,
    Effort,
    Figures,
    Target,
    effort,
    measure,
    print_table,
    print_targets,
)
from cookiesession import Key, SessionManager

FULL = Effort(rounds=60, seconds=0.002)
OURS, FLOOR = "cookiesession", "floor"
HEADINGS = (
    "library", "encrypts", "deflates all", "characters",
    "seal µs", "to ours", "minima", "open µs", "to ours", "minima",
)  # fmt: skip

_FLOOR_LIMITS = {"300 bytes": 1.4, "token": 1.2, "1 KB": 1.2, "large": 1.2}
_PEER_LIMITS = {peers.FLASK: (0.20, 0.30), peers.TIMED: (0.40, 0.50), peers.FERNET: (0.55, 0.65)}
_LOGIN_CHARACTERS = 205


class Result(NamedTuple):
    """What was measured of one session."""

    lengths: dict[str, int]
    seal: Figures
    open: Figures


def available() -> dict[str, peers.Pair]:
    """Return the libraries that are installed, ours and the floor first."""
    key = Key.generate()
    manager, ground = SessionManager(key), floor.Floor(key)
    for data in SESSIONS.values():
        floor.check(ground, manager, data)
    pairs = {
        FLOOR: peers.Pair(ground.seal, ground.open),
        OURS: peers.Pair(manager.dumps, manager.loads),
    }
    for name, peer in peers.PEERS.items():
        try:
            if peer.make:
                pairs[name] = peer.make()
        except ImportError as error:
            print(f"skipped: {name} ({error})")
    return pairs


def compare(data: dict[str, Any], pairs: dict[str, peers.Pair], how: Effort) -> Result:
    """Measure one session with every library that can take it."""
    texts: dict[str, str] = {}
    for name, pair in pairs.items():
        try:
            texts[name] = pair.seal(data)
        except Exception as error:  # noqa: BLE001  whatever the library says of it
            print(f"skipped: {name} ({error})")
    seals = {name: _bound(pairs[name].seal, data) for name in texts}
    opens = {name: _bound(pairs[name].open, text) for name, text in texts.items()}
    lengths = {name: len(text) for name, text in texts.items()}
    return Result(lengths, measure(seals, how), measure(opens, how))


def _bound(call: Callable[[Any], object], value: Any) -> Callable[[], object]:
    return lambda: call(value)


def rows(result: Result) -> Iterator[tuple[object, ...]]:
    """Return the table's rows, ours as the unit."""
    for name in (*result.lengths, CONTROL):
        timed: list[object] = []
        for figures in (result.seal, result.open):
            timed.append(f"{figures.median(name):.1f}")
            timed += [figures.ratio(name, OURS), figures.minima_ratio(name, OURS)]
        what = "floor, measured again" if name == CONTROL else name
        answers = ("yes" if answer else "no" for answer in (_encrypts(name), _deflates(name)))
        yield what, *answers, result.lengths.get(name, ""), *timed


def lengths(results: dict[str, Result]) -> Iterator[tuple[object, ...]]:
    """Return how long the cookies are, those of everything that encrypts; ours first."""
    for name in (OURS, *filter(_encrypts, peers.PEERS)):
        of_each = [results[session].lengths.get(name, "") for session in PEER_SESSIONS]
        yield name, "yes" if _deflates(name) else "no", *of_each


def targets(results: dict[str, Result]) -> Iterator[Target]:
    """Compare what was measured with what is wanted."""
    for session, (lengths, *steps) in results.items():
        for step, figures in zip(("seal", "open"), steps, strict=True):
            if session in _FLOOR_LIMITS:
                limit, ours = _FLOOR_LIMITS[session], figures.ratio(OURS, FLOOR)
                same = (name for name, each in _FLOOR_LIMITS.items() if each == limit)
                yield Target(f"{step}, to the floor: {', '.join(same)}", session, limit, ours)
            for peer, limits in _PEER_LIMITS.items():
                if peer in lengths and session in (*PEER_SESSIONS, "300 bytes"):
                    ours, least = figures.ratio(OURS, peer), figures.ratio(FLOOR, peer)
                    limit = limits[step == "open"]
                    yield Target(f"{step}, to {peer}", session, limit, ours, least)
        alike = [name for name in lengths if _is_alike(name)]
        if session in PEER_SESSIONS and alike:
            shortest = min(lengths[name] for name in alike)
            ours = lengths[OURS] / shortest
            yield Target("characters, to the shortest alike that encrypts", session, 1, ours)
    yield Target("characters of a login", "", _LOGIN_CHARACTERS, results["login"].lengths[OURS])


def _encrypts(name: str) -> bool:
    return name not in peers.PEERS or peers.PEERS[name].encrypts


def _deflates(name: str) -> bool:
    return name in peers.PEERS and peers.PEERS[name].deflates


def _is_alike(name: str) -> bool:
    return name in peers.PEERS and _encrypts(name) and not _deflates(name)


def add_node(results: dict[str, Result], how: Effort) -> None:
    """Add what the libraries from npm took; Node compiles what it runs often, so it runs before."""
    warm_up = how.seconds * 100
    sent = {"sessions": SESSIONS, **how._asdict(), "warmUp": warm_up}
    for library, by_session in peers.in_node(sent).items():
        for session, seen in by_session.items():
            lengths, *steps = results[session]
            lengths[library] = seen["length"]
            for step, figures in zip(("seal", "open"), steps, strict=True):
                figures.rounds[library] = seen[step]


def main() -> None:
    how = effort(__doc__, FULL)
    pairs = available()
    results = {name: compare(data, pairs, how) for name, data in SESSIONS.items()}
    add_node(results, how)
    for name, result in results.items():
        print_table(f"Session: {name}", HEADINGS, rows(result))
    headings = ("characters of a cookie", "deflates all", *PEER_SESSIONS)
    print_table("What encrypts", headings, lengths(results))
    print_targets(targets(results))


if __name__ == "__main__":
    main()
