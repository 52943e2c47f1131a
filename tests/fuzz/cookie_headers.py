"""Cookie headers, one a line: valid cookies of a known key, their parts, and anything else.

Nobody but the vectors' makers has signed anything, so what opens must be one of theirs: what the
opener that shares no code with the library (`tests/independent.py`) makes of the same pairs. A
header never raises and its refusal never gets lost, nor does what is saved in answer to it.
"""

from functools import lru_cache

from cookiesession import Incoming, Key, SessionManager
from tests import independent
from tests.test_vectors import VECTORS, same, session_as_expected
from tests.vectors.make import ABSOLUTE, IDLE, NOW, REMEMBER, SECRET

SETTINGS = {
    "name": "session", "namespace": "", "idle_timeout": IDLE, "absolute_timeout": ABSOLUTE,
    "remember_timeout": REMEMBER, "issued_after": 0, "max_cookies": 20,
}  # fmt: skip
MANAGER = SessionManager(Key(SECRET), clock=lambda: NOW, on_event=lambda event: None, **SETTINGS)
VECTOR = {**SETTINGS, "secret": SECRET.hex(), "now": NOW}
MOST_PAIRS = 500  # the library looks at no more than 512, the other opener at all


def seeds():
    """Send the vectors' cookies, together and in two headers."""
    for vector in VECTORS.values():
        pairs = [f"{name}={value}".encode("latin-1") for name, value in vector["cookies"]]
        yield b"; ".join(pairs)
        if len(pairs) > 1:
            yield b"\n".join([b"; ".join(pairs[1:]), b"a=1; " + pairs[0] + b" ;\tb"])
    name, value = VECTORS["alive-idle"]["cookies"][0]
    for space in ("", " ", "\t", "\v", "\f", "\x1f", "\x85", "\xa0", '"', "$", ","):
        for pair in (f"{space}{name}={value}", f"{name}{space}={value}"):
            yield f"a=1;{pair}".encode("latin-1")
        for spaced in (f"{space}{value}", f"{value}{space}"):
            yield f"a=1;{name}={spaced};b=2".encode("latin-1")


def check(data):
    """Answer a request that has these headers, and the next one of the same browser."""
    if data.count(b";") + data.count(b"\n") > MOST_PAIRS:
        return
    headers = data.split(b"\n")
    with MANAGER.open(Incoming(cookies=headers)) as exchange:
        session = exchange.session
        found = {"status": session.status} if session.new else session_as_expected(session)
        expected = expectation_of(headers)
        assert same(found, expected), (found, expected)
        session["seen"] = True
        saved = dict(session)
        edits = exchange.headers(200)
    kept = dict(line.partition(";")[0].split("=", 1) for _, line in edits.add)
    header = "; ".join(f"{name}={value}" for name, value in kept.items() if value)
    with MANAGER.open(Incoming(cookies=[header.encode("ascii")])) as exchange:
        assert exchange.session.status == "valid"
        assert same_values(exchange.session, saved)


def same_values(one, other):
    return same(independent.tagged(dict(one)), independent.tagged(other))


def expectation_of(headers):
    """Ask the other opener."""
    pairs = [pair for header in headers for pair in map(named, header.split(b";")) if pair]
    outcomes = [outcome(text) for text in independent.texts({**VECTOR, "cookies": pairs})]
    valid = [each for each in outcomes if each["status"] == "valid"]
    if valid:
        return max(valid, key=lambda each: each["issued"])
    return outcomes[0] if outcomes else {"status": "missing"}


def named(pair):
    name, equals, value = pair.decode("latin-1").partition("=")
    return (name.strip(" "), value.strip(" \t")) if equals else None


@lru_cache(1000)
def outcome(text):
    try:
        if text is None:
            return {"status": "incomplete"}
        return independent.read(text, VECTOR)
    except independent.Refused as refusal:
        return {"status": str(refusal)}
