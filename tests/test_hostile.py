"""No input that a client can send makes either middleware raise, or answer with an error.

A hundred thousand Cookie headers, made from valid ones by a seeded generator: flips, cuts, splices,
splits, duplicates and raw bytes, half of them through ASGI and half through WSGI.
"""

import re
from random import Random

import pytest

from cookiesession import Incoming, Key, SessionManager
from cookiesession.asgi import SessionMiddleware as AsgiMiddleware
from cookiesession.wsgi import SessionMiddleware as WsgiMiddleware
from tests.clients import Visitor, asgi_response, pairs_of, wsgi_response
from tests.conftest import NOW

HEAD = b"__Host-session"
ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
SYNTAX = [b";", b"; ", b"=", b"~", b".", b'"', b"\\", b",", b"$", b" ", b"\t", b"%00", b"1", b"~2."]
LINE = re.compile(
    r"__Host-session(\.[A-Za-z0-9_-]{8}\.[0-9]{1,2})?=[A-Za-z0-9_.~-]*; Max-Age=[0-9]+; "
    r"(Expires=Thu, 01 Jan 1970 00:00:00 GMT; )?Path=/; Secure; HttpOnly; SameSite=Lax"
)


def make_manager(key, **settings):
    return SessionManager(
        key, **{"clock": lambda: NOW, "max_cookies": 4, "compress": False, **settings}
    )


MANAGER = make_manager(Key.generate())
CONTENTS = [
    {"user": "ann"},
    {"user": "bob", "cart": ["tea"] * 20},
    {"user": "cay", "text": "x" * 4000},
    {"user": "dan", "text": "y" * 8000},
]


def cookies_of(manager, content):
    visitor = Visitor(manager)
    visitor.store(**content)
    return visitor.cookie


SEEDS = [
    *(cookies_of(MANAGER, content) for content in CONTENTS),
    cookies_of(make_manager(Key.generate()), CONTENTS[0]),
    cookies_of(make_manager(MANAGER.keyring, clock=lambda: NOW - 90 * 86_400), CONTENTS[2]),
    cookies_of(make_manager(MANAGER.keyring, clock=lambda: NOW + 86_400), CONTENTS[0]),
    cookies_of(make_manager(MANAGER.keyring, namespace="other"), CONTENTS[3]),
]

# Mutations: each takes a header and gives another one.


def flip(random, header):
    place = random.randrange(len(header))
    return header[:place] + bytes([header[place] ^ 1 << random.randrange(8)]) + header[place + 1 :]


def respell(random, header):
    place = random.randrange(len(header))
    return header[:place] + bytes([random.choice(ALPHABET)]) + header[place + 1 :]


def cut(random, header):
    start, end = sorted(random.choices(range(len(header) + 1), k=2))
    return header[start:end]


def leave_out(random, header):
    start = random.randrange(len(header))
    return header[:start] + header[start + random.randint(1, 50) :]


def splice(random, header):
    other = random.choice(SEEDS)
    return header[: random.randrange(len(header))] + other[random.randrange(len(other)) :]


def insert(random, header):
    place = random.randrange(len(header))
    piece = random.choice([random.choice(SYNTAX), random.randbytes(random.randint(1, 8))])
    return header[:place] + piece + header[place:]


def join(random, header):
    both = [header, random.choice(SEEDS)]
    random.shuffle(both)
    return b"; ".join(both)


def shuffle(random, header):
    pairs = header.split(b"; ")
    return b"; ".join(random.choices(pairs, k=random.randint(1, len(pairs) + 2)))


def exchange(random, header):
    """Give the values of a header's cookies to one another."""
    pairs = [pair.partition(b"=") for pair in header.split(b"; ")]
    values = [value for _, _, value in pairs]
    random.shuffle(values)
    return b"; ".join(
        name + b"=" + value for (name, _, _), value in zip(pairs, values, strict=True)
    )


def renumber(random, header):
    return header.replace(b"%d" % random.randint(0, 4), b"%d" % random.randint(0, 21), 1)


def repeat(random, header):
    return (header[:1000] + b"; ") * random.randint(2, 9)


def make_up(random, _header):
    return (
        HEAD
        + random.choice([b"=", b"=1", b"=~", b"=~2."])
        + random.randbytes(random.choice([0, 1, 30, 113, 200]))
    )


def forget(random, _header):
    return random.randbytes(random.randint(0, 100))


MUTATIONS = [
    flip,
    respell,
    cut,
    leave_out,
    splice,
    insert,
    join,
    shuffle,
    exchange,
    renumber,
    repeat,
    make_up,
    forget,
]


def hostile_headers(seed, number):
    """Make headers, each by one to three mutations of a seed."""
    random = Random(seed)
    for _ in range(number):
        header = random.choice(SEEDS)
        for mutate in random.choices(MUTATIONS, k=random.choice([1, 1, 1, 2, 3])):
            header = mutate(random, header or b"=")
        yield header


class Judge:
    """An application's part in a request, and what must hold of what it saw."""

    def __init__(self):
        self.valid = self.refused = self.written = 0

    def use(self, session):
        if session:
            self.valid += 1
            assert dict(session) in CONTENTS, "nobody wrote this"
        elif session.status != "missing":
            self.refused += 1
        if (self.valid + self.refused) % 4 == 0:
            session["user"] = "eve"

    def judge(self, answer):
        assert answer.status == 200
        pairs_of(answer.lines)  # which counts names
        self.written += bool(answer.lines)
        assert all(map(LINE.fullmatch, answer.lines))


def through_asgi(judge, headers):
    async def application(scope, _receive, send):
        judge.use(scope["session"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = AsgiMiddleware(application, MANAGER)
    for header in headers:
        judge.judge(asgi_response(app, header))


def through_wsgi(judge, headers):
    def application(environ, start_response):
        judge.use(environ["cookiesession.session"])
        start_response("200 OK", [])
        return [b""]

    app = WsgiMiddleware(application, MANAGER)
    for header in headers:
        judge.judge(wsgi_response(app, header.decode("latin-1")))


@pytest.mark.parametrize("send", [through_asgi, through_wsgi])
def test_no_cookie_header_breaks_a_request(send):
    """I1 to I8, C10."""
    judge = Judge()
    send(judge, hostile_headers(send.__name__, 50_000))
    # The generator must not have degenerated.
    assert judge.valid > 1000
    assert judge.refused > 10_000
    assert judge.written > 1000


def test_the_seeds_are_what_they_should_be():
    statuses = [MANAGER.open(Incoming(cookies=[seed])).session.status for seed in SEEDS]
    assert statuses == [
        *("valid",) * 4,
        "unknown_key",
        "idle_expired",
        "not_yet_valid",
        "unknown_key",
    ]
