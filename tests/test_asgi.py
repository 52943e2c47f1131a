"""Any ASGI application: pure calls first, then real servers.

The servers run `served`, below, in a process of their own.
"""

import asyncio
import inspect
import json
from copy import deepcopy

import pytest

from cookiesession import (
    ConfigurationError,
    Key,
    SessionClosedError,
    SessionManager,
    SessionTooLarge,
)
from cookiesession.asgi import SessionMiddleware
from tests.clients import (
    Visitor,
    Wire,
    asgi_messages,
    asgi_response,
    asgi_scope,
    is_deletion,
    keep,
    pairs_of,
    run,
    serving,
    sessions_left,
)

HEAD = "__Host-session"


def respond(act=lambda session: None, *, status=200, headers=(), late=lambda session: None):
    """Make an application that does `act`, answers, and does `late` within the body."""

    async def application(scope, _receive, send):
        act(scope["session"])
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        late(scope["session"])
        await send({"type": "http.response.body", "body": b"two"})

    return application


def save(session):
    session["saved"] = session.get("saved", 0) + 1


def test_a_session_comes_back(manager):
    app = SessionMiddleware(respond(save), manager)
    first = asgi_response(app)
    assert (first.status, first.body) == (200, b"onetwo")
    visitor = Visitor(manager)
    visitor.keep(first.lines)
    visitor.keep(asgi_response(app, visitor.cookie).lines)
    assert visitor.read() == {"saved": 2}


def test_an_untouched_session_leaves_the_response_alone(manager):
    """H1."""
    headers = [(b"Vary", b"Accept"), (b"Cache-Control", b"public")]
    app = SessionMiddleware(respond(headers=headers), manager)
    (start, *_) = asgi_messages(app, asgi_scope(b"__Host-session=1"))
    assert start["headers"] == headers


def test_headers_are_merged_and_the_applications_own_stay(manager):
    """H1-H3, O4."""
    own = [
        (b"Content-Type", b"text/plain"),
        (b"VARY", b"Accept"),
        (b"vary", b"Origin"),
        (b"Set-Cookie", b"own=1"),
        (b"set-cookie", b"own2=1"),
        (b"cache-control", b"public"),
        (b"Cache-Control", b"max-age=60"),
    ]
    answer = asgi_response(SessionMiddleware(respond(save, headers=iter(own)), manager))
    assert answer.values("vary") == ["Accept, Origin, Cookie"]
    assert answer.values("cache-control") == ["no-store"]
    assert answer.values("content-type") == ["text/plain"]
    assert list(pairs_of(answer.lines)) == ["own", "own2", HEAD]


def test_header_names_are_written_in_small_letters(manager):
    """ASGI asks for it; HTTP/2 refuses others."""
    answer = asgi_response(SessionMiddleware(respond(save), manager))
    assert [name for name, _ in answer.headers] == ["vary", "cache-control", "set-cookie"]


def test_a_response_without_headers_gets_some(manager):
    async def application(scope, _receive, send):
        save(scope["session"])
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body", "body": b""})

    assert asgi_response(SessionMiddleware(application, manager)).lines


def test_a_message_that_an_application_sends_to_everyone_stays_its_own(manager):
    """H4. One visitor's cookie in a shared message would be sent to the next visitor."""
    own = {"type": "http.response.start", "status": 200, "headers": [(b"x-own", b"1")]}
    start = deepcopy(own)

    async def application(scope, _receive, send):
        if scope["path"] == "/save":
            save(scope["session"])
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    app = SessionMiddleware(application, manager)
    assert asgi_response(app, path="/save").lines
    assert asgi_response(app, path="/").lines == []
    assert len(asgi_response(app, path="/save").lines) == 1
    assert start == own


def test_several_cookie_headers_are_read_as_one(manager):
    """I6. As HTTP/2 sends them."""
    ours = f"{HEAD}={manager.dumps({'saved': 5})}".encode()
    headers = [(b"cookie", b"a=b"), (b"cookie", ours), (b"cookie", b"c=d")]
    answer = asgi_response(SessionMiddleware(respond(save), manager), headers=headers)
    visitor = Visitor(manager)
    visitor.keep(answer.lines)
    assert visitor.read() == {"saved": 6}


@pytest.mark.parametrize(
    ("headers", "touched"),
    [
        ([], True),
        ([(b"sec-fetch-dest", b"document")], True),
        ([(b"sec-fetch-dest", b"empty")], True),
        ([(b"sec-fetch-dest", b"image")], False),
        ([(b"sec-fetch-dest", b"\xff")], False),
    ],
)
def test_a_session_is_touched_where_a_person_looks(headers, touched, manager, clock):
    """L3."""
    cookie = f"{HEAD}={manager.dumps({'a': 1})}".encode()
    clock.advance(3 * 86_400)
    app = SessionMiddleware(respond(len), manager)
    answer = asgi_response(app, headers=[(b"cookie", cookie), *headers])
    assert bool(answer.lines) == touched


@pytest.mark.parametrize(
    "forwarded",
    [
        (b"x-forwarded-host", b"localhost"),
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"forwarded", b"host=localhost"),
        (b"x-forwarded-proto", b"https"),
    ],
)
def test_forwarded_headers_are_never_read(forwarded, make_manager):
    """I9."""
    told = []
    manager = make_manager(development=True, on_event=told.append)
    headers = [(b"host", b"example.com"), forwarded]
    app = SessionMiddleware(respond(save), manager)
    assert asgi_response(app, headers=headers, scheme="http").lines == []
    assert told[0].reason == "host_refused"
    headers = [(b"host", b"localhost:8000"), (b"x-forwarded-host", b"example.com")]
    assert asgi_response(app, headers=headers, scheme="http").lines


def test_plain_http_is_told(make_manager):
    told = []
    app = SessionMiddleware(respond(save), make_manager(on_event=told.append))
    asgi_response(app, scheme="http")
    assert [type(event).__name__ for event in told] == ["Saved", "InsecureTransport"]


def test_an_answer_of_500_writes_nothing(manager):
    assert asgi_response(SessionMiddleware(respond(save, status=500), manager)).lines == []


def test_an_error_of_the_application_comes_through_unchanged(manager):
    error = ZeroDivisionError()

    async def application(scope, _receive, _send):
        save(scope["session"])
        raise error

    with pytest.raises(ZeroDivisionError) as caught:
        asgi_response(SessionMiddleware(application, manager))
    assert caught.value is error


def test_what_does_not_fit_is_an_error_of_the_application_and_its_error_page_leaves(manager):
    """G2."""

    async def application(scope, receive, send):
        scope["session"]["photo"] = "".join(map(chr, range(3000)))
        try:
            await respond()(scope, receive, send)
        except SessionTooLarge:
            await respond(status=413)(scope, receive, send)

    answer = asgi_response(SessionMiddleware(application, manager))
    assert (answer.status, answer.lines) == (413, [])
    assert answer.values("vary") == ["Cookie"]


@pytest.mark.parametrize("first", [save, len, lambda session: None])
def test_a_late_change_in_a_stream_is_an_error_at_once(first, manager):
    """D1."""
    sent = []

    def late(session):
        with pytest.raises(SessionClosedError):
            save(session)
        sent.append("late")

    with pytest.raises(SessionClosedError):
        asgi_response(SessionMiddleware(respond(first, late=late), manager))
    assert sent == ["late"]


def test_a_late_nested_change_is_an_error_at_the_end(manager):
    """D1."""
    app = respond(
        lambda session: session.update(cart=[]), late=lambda session: session["cart"].append(1)
    )
    with pytest.raises(SessionClosedError, match="cart"):
        asgi_response(SessionMiddleware(app, manager))


def test_a_change_in_a_background_task_is_an_error(manager):
    """D1. Frameworks run such tasks within the application's call, after the response."""

    async def application(scope, receive, send):
        await respond(len)(scope, receive, send)
        save(scope["session"])

    with pytest.raises(SessionClosedError, match="saved"):
        asgi_response(SessionMiddleware(application, manager))


def test_a_change_without_an_answer_is_an_error(manager):
    """D1."""

    async def application(scope, _receive, _send):
        save(scope["session"])

    with pytest.raises(SessionClosedError):
        asgi_messages(SessionMiddleware(application, manager), asgi_scope())


def test_what_an_application_sends_with_is_a_coroutine_function(manager):
    """Whatever the server's is: asgiref's `async_to_sync` warns of others, and trio and anyio's
    task groups start no others."""
    inner = []

    async def application(scope, _receive, send):
        inner.append(send)
        await respond()(scope, _receive, send)

    sent = []

    class Sending:
        def __init__(self, message):
            self.message = message

        def __await__(self):
            sent.append(self.message)
            yield from ()

    run(SessionMiddleware(application, manager)(asgi_scope(), None, Sending))
    assert inspect.iscoroutinefunction(inner[0])
    assert len(sent) == 3


@pytest.mark.parametrize("kind", ["lifespan", "other"])
def test_other_kinds_of_scope_pass_through(kind, manager):
    seen = []

    async def application(scope, receive, send):
        seen.append((scope, receive, send))

    scope, receive, send = {"type": kind}, object(), object()
    run(SessionMiddleware(application, manager)(scope, receive, send))
    assert seen == [(scope, receive, send)]
    assert "session" not in scope


@pytest.mark.parametrize("wrong", [None, "key", Key.generate(), SessionManager])
def test_the_middleware_wants_a_manager(wrong):
    with pytest.raises(ConfigurationError, match="takes the application and a SessionManager"):
        SessionMiddleware(respond(), wrong)


def test_json_shows_a_session_that_nobody_looked_at(manager):
    """`JSONResponse(request.session)`: json's C code asks for the length of the dict's memory."""
    seen = []
    app = SessionMiddleware(respond(lambda session: seen.append(json.dumps(session))), manager)
    asgi_response(app, f"{HEAD}={manager.dumps({'a': 1})}".encode())
    assert seen == ['{"a": 1}']


def test_two_middlewares_around_one_application_are_refused(manager):
    """Else one would read what the other writes."""
    app = SessionMiddleware(SessionMiddleware(respond(), manager), manager)
    with pytest.raises(ConfigurationError, match="remove one"):
        asgi_response(app)


def test_a_request_leaves_no_circle_behind(manager):
    """Else each scope would live on until the garbage collector comes by."""
    app = SessionMiddleware(respond(), manager)
    assert sessions_left(lambda: asgi_response(app)) == 0


def test_a_thousand_users_at_once_never_cross(manager):
    """H4. All of them are inside the application at the same moment."""

    async def main():
        together = asyncio.Barrier(1000)

        async def application(scope, receive, send):
            session, user = scope["session"], scope["path"]
            assert session.setdefault("user", user) == user
            session["visit"] = session.get("visit", 0) + 1
            await together.wait()
            await respond()(scope, receive, send)

        app = SessionMiddleware(application, manager)

        async def use(user):
            visitor = Visitor(manager)
            for visit in (1, 2):
                lines = []

                async def send(message, lines=lines):
                    lines += [
                        value.decode()
                        for name, value in message.get("headers", ())
                        if name == b"set-cookie"
                    ]

                await app(asgi_scope(visitor.cookie, path=f"/{user}"), None, send)
                visitor.keep(lines)
                assert visitor.read() == {"user": f"/{user}", "visit": visit}

        await asyncio.gather(*map(use, range(1000)))

    asyncio.run(main())


# WebSockets.


def websocket(*messages, act=save, late=lambda session: None):
    """Make an application that does `act`, sends these messages, and does `late`."""

    async def application(scope, _receive, send):
        act(scope["session"])
        for message in messages:
            await send(dict(message))
        late(scope["session"])

    return application


def websocket_lines(app, manager, version="2.4", cookie=b""):
    asgi = {"version": "3.0"} | ({"spec_version": version} if version else {})
    scope = asgi_scope(cookie, type="websocket", scheme="wss", asgi=asgi)
    del scope["method"]
    sent = asgi_messages(SessionMiddleware(app, manager), scope)
    return [
        value.decode()
        for message in sent
        for name, value in message["headers"]
        if name == b"set-cookie"
    ]


ACCEPT = {"type": "websocket.accept", "subprotocol": None, "headers": [(b"x-own", b"1")]}
CLOSE = {"type": "websocket.close", "code": 1000}
DENIED = [
    {"type": "websocket.http.response.start", "status": 403, "headers": []},
    {"type": "websocket.http.response.body", "body": b"no"},
]


@pytest.mark.parametrize("version", ["2.1", "2.2", "2.3", "2.4", "2.10", "3.0"])
def test_a_websocket_is_written_when_it_is_accepted(version, manager):
    visitor = Visitor(manager)
    lines = websocket_lines(websocket(ACCEPT, CLOSE), manager, version)
    visitor.keep(lines)
    assert visitor.read() == {"saved": 1}


def test_a_websocket_is_written_when_it_is_denied_with_a_response(manager):
    (line,) = websocket_lines(websocket(*DENIED), manager)
    assert line.startswith(HEAD)
    cookie = f"{HEAD}={manager.dumps({'a': 1})}".encode()
    app = websocket(*DENIED, act=lambda session: session.destroy())
    (line,) = websocket_lines(app, manager, cookie=cookie)
    assert is_deletion(line)


@pytest.mark.parametrize("version", ["2.0", ""])
def test_a_websocket_is_read_only_where_no_headers_are_passed_on(version, manager):
    """D1. Before ASGI 2.1."""
    cookie = f"{HEAD}={manager.dumps({'a': 1})}".encode()
    assert websocket_lines(websocket(ACCEPT, act=len), manager, version, cookie) == []
    with pytest.raises(SessionClosedError, match="saved"):
        websocket_lines(websocket(ACCEPT), manager, version, cookie)
    with pytest.raises(SessionClosedError, match="saved"):
        websocket_lines(websocket(ACCEPT, act=len, late=save), manager, version, cookie)


@pytest.mark.parametrize(("message", "version"), [(ACCEPT, "2.0"), (CLOSE, "2.4")])
def test_a_change_where_a_websocket_takes_no_headers_is_an_error_at_once(message, version, manager):
    """D1. Where it is made, and not only when the connection ends."""

    def late(session):
        with pytest.raises(SessionClosedError):
            save(session)

    with pytest.raises(SessionClosedError, match="saved"):
        websocket_lines(websocket(message, act=len, late=late), manager, version)


def test_a_websocket_is_written_where_a_response_could_be(manager):
    """Starlette's test client knows of such responses, and tells no version."""
    scope = asgi_scope(type="websocket", extensions={"websocket.http.response": {}}, asgi={})
    (accept,) = asgi_messages(SessionMiddleware(websocket(ACCEPT), manager), scope)
    assert [name for name, _ in accept["headers"]].count(b"set-cookie") == 1


def test_a_websocket_without_a_word_about_its_asgi_is_read_only(manager):
    """D1. What daphne sends has no such word."""
    scope = asgi_scope(type="websocket")
    del scope["asgi"]
    with pytest.raises(SessionClosedError):
        asgi_messages(SessionMiddleware(websocket(ACCEPT), manager), scope)


def test_a_change_before_a_websocket_is_refused_is_an_error(manager):
    """D1. That answer has no headers."""
    with pytest.raises(SessionClosedError, match="saved"):
        websocket_lines(websocket(CLOSE), manager)
    assert websocket_lines(websocket(CLOSE, act=len), manager) == []


def test_a_late_change_in_a_websocket_is_an_error(manager):
    """D1."""
    with pytest.raises(SessionClosedError, match="saved"):
        websocket_lines(websocket(ACCEPT, act=len, late=save), manager)
    nested = websocket(
        ACCEPT,
        act=lambda session: session.update(cart=[]),
        late=lambda session: session["cart"].append(1),
    )
    with pytest.raises(SessionClosedError, match="cart"):
        websocket_lines(nested, manager)


def test_a_look_within_a_websocket_is_no_conflict(make_manager):
    """H1. No cache keeps a WebSocket."""
    told = []
    manager = make_manager(on_event=told.append)
    app = websocket(ACCEPT, act=lambda session: None, late=len)
    assert websocket_lines(app, manager) == []
    assert told == []


# Real servers.


async def application(scope, receive, send):
    """What the servers serve: counts visits, over HTTP and WebSocket."""
    if scope["type"] == "http":
        await _answer(scope, receive, send)
    elif scope["type"] == "websocket":
        assert (await receive())["type"] == "websocket.connect"
        await _WEBSOCKETS[scope["path"]](scope["session"], receive, send)


async def _answer(scope, receive, send):
    session = scope["session"]
    if scope["path"] == "/count":
        session["visits"] = session.get("visits", 0) + 1
    if scope["path"] == "/destroy":
        session.destroy()
    if scope["path"] == "/long":
        session["text"] = [str(number) for number in range(1500)]
    body = b"" if scope["path"] == "/untouched" else str(session.get("visits")).encode()
    headers = [(b"content-length", b"%d" % len(body)), (b"set-cookie", b"own=1")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _count(session, receive, send):
    session["visits"] = session.get("visits", 0) + 1
    try:
        await send({"type": "websocket.accept"})
        said = str(session["visits"])
    except SessionClosedError:
        session["visits"] -= 1
        await send({"type": "websocket.accept"})
        said = f"read-only, {session['visits']}"
    await send({"type": "websocket.send", "text": said})
    await receive()
    try:
        session["late"] = True
    except SessionClosedError:
        del session["late"]
        await send({"type": "websocket.send", "text": "closed"})
    await send({"type": "websocket.close"})


async def _deny(session, _receive, send):
    session["denied"] = True
    await send({"type": "websocket.http.response.start", "status": 403, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b"no"})


_WEBSOCKETS = {"/count": _count, "/deny": _deny}

SERVED_BY = Key.generate()
served = SessionMiddleware(application, SessionManager(SERVED_BY, max_cookies=3, compress=False))

SERVERS = {
    "uvicorn": ("uvicorn", "--fd", "{fd}", "--log-level", "error", "tests.test_asgi:served"),
    "hypercorn": ("hypercorn", "--bind", "fd://{fd}", "tests.test_asgi:served"),
    "daphne": ("daphne", "--fd", "{fd}", "-v", "0", "tests.test_asgi:served"),
}


@pytest.fixture(scope="module", params=SERVERS)
def server(request):
    """The name of a server, and the address at which it serves."""
    pytest.importorskip(request.param)
    with serving(*SERVERS[request.param]) as address:
        yield request.param, address


def talk(wire, path):
    """Speak with a WebSocket; return what it said, and its Set-Cookie lines."""
    client = pytest.importorskip("websockets.sync.client")
    address = f"ws://{wire.address}{path}"
    with client.connect(address, additional_headers=wire.headers, open_timeout=30) as socket:
        lines = socket.response.headers.get_all("Set-Cookie")
        said = [socket.recv(timeout=30)]
        socket.send("go on")
        said.append(socket.recv(timeout=30))
    keep(wire.jar, lines)
    return said, lines


@pytest.mark.server
def test_a_session_comes_back_over_a_real_server(server):
    wire = Wire(server[1])
    assert [wire.get(path).body for path in ("/count", "/count", "/count")] == [b"1", b"2", b"3"]
    read = wire.get("/read")
    assert (read.body, read.lines, read.values("vary")) == (b"3", ["own=1"], ["Cookie"])
    untouched = wire.get("/untouched")
    assert (untouched.lines, untouched.values("vary")) == (["own=1"], [])
    assert len(wire.get("/count", "HEAD").lines) == 2
    assert wire.get("/read").body == b"4"
    wire.get("/destroy")
    assert wire.jar == {}


@pytest.mark.server
def test_split_cookies_come_back_over_a_real_server(server):
    """I7."""
    wire = Wire(server[1])
    wire.get("/count")
    wire.get("/long")
    assert len(wire.jar) == 3
    assert wire.get("/read").body == b"1"
    wire.get("/destroy")
    assert wire.jar == {}


@pytest.mark.server
@pytest.mark.parametrize("server", ["uvicorn", "hypercorn"], indirect=True)
def test_a_websocket_is_written_on_accept_by_servers_that_can(server):
    wire = Wire(server[1])
    wire.get("/count")
    said, lines = talk(wire, "/count")
    assert said == ["2", "closed"]
    assert len(lines) == 1
    assert wire.get("/read").body == b"2"


@pytest.mark.server
@pytest.mark.parametrize("server", ["daphne"], indirect=True)
def test_a_websocket_is_read_only_in_a_server_that_cannot(server):
    """D1. Its scope names no version of ASGI, and its answer takes no headers."""
    wire = Wire(server[1])
    wire.get("/count")
    said, lines = talk(wire, "/count")
    assert (said, lines) == (["read-only, 1", "closed"], [])
    assert wire.get("/read").body == b"1"


@pytest.mark.server
@pytest.mark.parametrize("server", ["uvicorn", "hypercorn"], indirect=True)
def test_a_denied_websocket_is_written_by_servers_that_can(server):
    client = pytest.importorskip("websockets.sync.client")
    exceptions = pytest.importorskip("websockets.exceptions")
    with pytest.raises(exceptions.InvalidStatus) as caught:
        client.connect(f"ws://{server[1]}/deny", open_timeout=30)
    answer = caught.value.response
    assert answer.status_code == 403
    assert len(answer.headers.get_all("Set-Cookie")) == 1


def test_headers_that_can_be_read_only_once_are_read_by_all(manager):
    """The ASGI specification lets a server pass any iterable; Falcon's test client does."""

    async def application(scope, receive, send):
        assert dict(scope["headers"])[b"host"]
        await answering(scope["session"].get("a"), send)

    async def answering(value, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(value).encode()})

    scope = asgi_scope(f"{manager.cookie_name}={manager.dumps({'a': 1})}".encode())
    scope["headers"] = iter(scope["headers"])
    start, body = asgi_messages(SessionMiddleware(application, manager), scope)
    assert body["body"] == b"1"
    assert (b"vary", b"Cookie") in start["headers"]
