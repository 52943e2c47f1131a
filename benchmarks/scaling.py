"""How costs grow: with the session, the ring, the Cookie header, the parts; memory; the import.

    python -m benchmarks.scaling [--quick]

Requests are served by the core alone (`SessionManager.open`), with no framework around it. Time
comes as "median (minimum)", in microseconds.
"""

import gc
import resource
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.measure import (
    SESSIONS,
    Effort,
    Figures,
    Target,
    effort,
    measure,
    print_table,
    print_targets,
    token,
)
from cookiesession import Exchange, Incoming, Key, SessionManager

FULL = Effort(rounds=40, seconds=0.002)
KIB = 1024
CONCURRENT = 10_000

Call = Callable[[], object]


def main() -> None:
    how = effort(__doc__, FULL)
    sections = (by_session, by_ring, by_parts, by_header, refusing, untouched, in_memory, importing)
    print_targets([target for section in sections for target in section(how)])


def by_session(how: Effort) -> Iterator[Target]:
    manager = SessionManager(Key.generate())
    sessions = {f"{size} bytes": fields(size) for size in (100, 250, 500, 1000, 1500, 2000, 2700)}
    texts = {size: manager.dumps(data) for size, data in sessions.items()}
    lengths = {size: len(text) for size, text in texts.items()}
    seal = measure({size: partial(manager.dumps, data) for size, data in sessions.items()}, how)
    open_ = measure({size: partial(manager.loads, text) for size, text in texts.items()}, how)
    headings = ("session", "characters", "seal", "open")
    rows = [
        (size, lengths.get(size, ""), both(seal, size), both(open_, size)) for size in seal.rounds
    ]
    print_table("A session of random text, up to what one cookie takes", headings, rows)
    yield from ()


def by_ring(how: Effort) -> Iterator[Target]:
    keys = [Key.generate() for _ in range(100)]
    managers = {f"{size} keys": SessionManager(keys[:size]) for size in (1, 2, 10, 30, 100)}
    typical = SESSIONS["typical"]
    seal = measure({size: partial(each.dumps, typical) for size, each in managers.items()}, how)
    newest = {size: request(each, header_of(each, typical)) for size, each in managers.items()}
    oldest = {
        size: request(each, header_of(SessionManager(each.keyring.accepted[-1]), typical))
        for size, each in managers.items()
    }
    open_newest, open_oldest = measure(newest, how), measure(oldest, how)
    headings = ("ring", "seal", "read, newest key's", "read, and write anew, oldest key's")
    rows = [
        (size, *(both(f, size) for f in (seal, open_newest, open_oldest))) for size in seal.rounds
    ]
    print_table("The typical session, by the keys in the ring", headings, rows)
    for what, figures in (("seal", seal), ("read", open_newest)):
        yield Target("100 keys to 1", what, 1.05, figures.ratio("100 keys", "1 keys"))


def by_parts(how: Effort) -> Iterator[Target]:
    manager = SessionManager(Key.generate(), max_cookies=20)
    headers = {}
    for parts in (1, 2, 5, 10, 20):
        header = header_of(manager, fields(2_700 * parts))
        assert header.count("=") == parts
        headers[f"{parts} parts"] = header
    figures = measure({name: request(manager, header) for name, header in headers.items()}, how)
    lengths = {name: len(header) for name, header in headers.items()}
    rows = [(name, lengths.get(name, ""), both(figures, name)) for name in figures.rounds]
    print_table(
        "A read, by the parts that the session is cut into", ("session", "characters", "read"), rows
    )
    twenty, ten = (figures.median(f"{parts} parts") for parts in (20, 10))
    yield Target("20 parts to 10", "", 2.2, twenty / ten)


def hostile(manager: SessionManager) -> dict[str, Callable[[int], str]]:
    """Return Cookie headers that mean harm, by their length."""
    name, text = manager.cookie_name, manager.dumps({"user_id": 7})
    forged = text[:-2] + "AA"

    def repeated(piece: str) -> Callable[[int], str]:
        return lambda length: (piece * (length // len(piece) + 1))[:length]

    return {
        "other cookies": repeated("a=b; "),
        "semicolons": repeated(";"),
        "one value": repeated("x"),
        "our name, nothing behind it": repeated(name),
        "our name, no value": repeated(f"{name};"),
        "our name and spaces": lambda length: (name + " " * length)[:length],
        "our name at the end of others": repeated(f"a{name}=b; "),
        "our name in values": repeated(f"a={name}="),
        "forged cookies": repeated(f"{name}={forged}; "),
        "one long forged cookie": lambda length: (
            f"{name}={text[:5]}".ljust(length - 44, "A") + text[-44:]
        ),
        "parts that belong to nothing": repeated(f"{name}.AAAAAAAA.1=b; "),
        "heads of 20 parts": repeated(f"{name}=~20.AAAAAAAA.b; "),
    }


def by_header(how: Effort) -> Iterator[Target]:
    manager = SessionManager(Key.generate(), max_cookies=20, on_event=lambda _event: None)
    lengths = (KIB, 4 * KIB, 16 * KIB, 32 * KIB, 64 * KIB)
    rows = []
    for what, header in hostile(manager).items():
        calls = {str(length): request(manager, header(length)) for length in lengths}
        figures = measure(calls, how)
        rows.append((what, *(both(figures, length) for length in calls)))
        whole, half = str(64 * KIB), str(32 * KIB)
        yield Target("hostile header of 64 KiB, µs", what, 1000, figures.median(whole))
        yield Target("the same, to one of half the length", what, 2.2, figures.ratio(whole, half))
    headings = ("Cookie header of", *(f"{length // KIB} KiB" for length in lengths))
    print_table("A read, refused, by what a hostile client sends", headings, rows)


def refusing(how: Effort) -> Iterator[Target]:
    now = 1_800_000_000
    key = Key.generate()
    manager = SessionManager(key, clock=lambda: now)
    early = SessionManager(key, clock=lambda: now - 15 * 86_400)
    foreign = SessionManager(Key.generate(), clock=lambda: now)
    rows = []
    for size in ("login", "typical", "large"):
        data, name = SESSIONS[size], manager.cookie_name
        good = header_of(manager, data)
        middle = len(good) // 2
        calls = {
            "valid": request(manager, good),
            "other text": request(manager, f"{name}={'x' * (len(good) - len(name))}"),
            "another key's": request(manager, header_of(foreign, data)),
            "a character changed": request(
                manager, good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :]
            ),
            "cut short": request(manager, good[:-1]),
            "expired": request(manager, header_of(early, data)),
        }
        figures = measure(calls, how)
        rows.append((size, *(both(figures, what) for what in figures.rounds)))
        for what in list(calls)[1:]:
            yield Target("refused, to opened", f"{size} {what}", 1, figures.ratio(what, "valid"))
    print_table("A read, by the cookie that came", ("session", *figures.rounds), rows)


def untouched(how: Effort) -> Iterator[Target]:
    manager = SessionManager(Key.generate(), max_cookies=20)
    lengths = (200, 1_000, 4_000, 16_000, 64_000)
    calls = {
        f"{length} bytes": request(manager, f"{manager.cookie_name}={'x' * length}", look=False)
        for length in lengths
    }
    figures = measure(calls, how)
    sizes = {what: allocated(call) for what, call in calls.items()}
    rows = [(what, both(figures, what), sizes.get(what, "")) for what in figures.rounds]
    headings = ("Cookie header", "time", "bytes allocated at most")
    print_table("A request in which nobody looks, by the size of its cookie", headings, rows)
    first, *_, last = calls
    yield Target("untouched, 64 KB cookie to 200 bytes: time", "", 1.05, figures.ratio(last, first))
    yield Target("the same: bytes more allocated", "", 0, sizes[last] - sizes[first])


def allocated(call: Call) -> int:
    """Return how many bytes a call has allocated when it has most."""
    call()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        call()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def in_memory(how: Effort) -> Iterator[Target]:
    manager = SessionManager(Key.generate())
    count = CONCURRENT if how is FULL else 100

    def held_by(data: dict[str, Any]) -> Iterator[int]:
        incoming = Incoming(cookies=[header_of(manager, data).encode()])
        text = manager.dumps(data)
        yield held(lambda: manager.open(incoming), count)
        yield held(lambda: looked_at(manager.open(incoming)), count)
        yield held(lambda: dict(manager.loads(text)), count)

    rows = [(size, *held_by(SESSIONS[size])) for size in ("login", "typical", "large")]
    headings = ("session", "not looked at", "looked at", "the data alone, in a dict")
    print_table(f"Bytes that each of {count} concurrent sessions holds", headings, rows)
    yield from ()


def looked_at(exchange: Exchange) -> Exchange:
    exchange.session.mark_accessed()
    return exchange


def held(make: Callable[[], object], count: int) -> int:
    """Return how many bytes each of so many objects keeps while all of them live."""
    make()
    gc.collect()
    tracemalloc.start()
    try:
        kept = [make() for _ in range(count)]
        return (tracemalloc.get_traced_memory()[0] - sys.getsizeof(kept)) // count
    finally:
        tracemalloc.stop()


def importing(how: Effort) -> Iterator[Target]:
    statements = {
        "nothing": "pass",
        "cryptography": "import cryptography",
        "cryptography, AES-GCM and HKDF": (
            "import cryptography.hazmat.primitives.ciphers.aead, "
            "cryptography.hazmat.primitives.kdf.hkdf"
        ),
        "cryptography, Fernet": "import cryptography.fernet",
        "itsdangerous": "import itsdangerous",
        "cookiesession": "import cookiesession",
    }

    def run(statement: str) -> None:
        subprocess.run([sys.executable, "-c", statement], check=True)

    calls = {what: partial(run, statement) for what, statement in statements.items()}
    figures = measure(calls, Effort(rounds=how.rounds // 2, seconds=0), of_children)
    rows = [
        (what, *(f"{time / 1000:.1f}" for time in (figures.median(what), figures.minimum(what))))
        for what in figures.rounds
    ]
    print_table("A fresh interpreter that imports", ("", "median ms", "minimum ms"), rows)
    yield from ()


def of_children() -> float:
    """Return the processor's seconds of the processes that this one started and saw end."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


# What the sections share.


def fields(characters: int) -> dict[str, Any]:
    """Return a session of so many random characters, in values too short to be compressed."""
    text = token(characters)
    return {f"field_{at}": text[at : at + 200] for at in range(0, characters, 200)}


def request(manager: SessionManager, header: str, *, look: bool = True) -> Call:
    """Return a request with a Cookie header, in which somebody looks at the session, or nobody."""
    cookies = [header.encode()]

    def serve() -> None:
        with manager.open(lambda: Incoming(cookies=cookies)) as exchange:
            if look:
                exchange.session.get("user_id")
            exchange.headers(200)

    return serve


def header_of(manager: SessionManager, data: dict[str, Any]) -> str:
    """Return the Cookie header of a browser that has a session."""
    with manager.open(Incoming()) as exchange:
        exchange.session.update(data)
        lines = [line for _, line in exchange.headers(200).add]
    return "; ".join(line.partition(";")[0] for line in lines)


def both(figures: Figures, name: str) -> str:
    return f"{figures.median(name):.1f} ({figures.minimum(name):.1f})"


if __name__ == "__main__":
    main()
