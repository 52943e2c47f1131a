"""Any WSGI application: under the standard library's validator first, then real servers.

The servers run `served`, below, in a process of their own.
"""

import sys
from io import BytesIO
from threading import Thread
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from cookiesession import (
    ConfigurationError,
    Key,
    SessionClosedError,
    SessionManager,
    SessionTooLarge,
)
from cookiesession.wsgi import SessionMiddleware
from tests.clients import Visitor, Wire, pairs_of, serving, sessions_left, wsgi_response

HEAD = "__Host-session"
SESSION = "cookiesession.session"
PLAIN = ("Content-Type", "text/plain")


def save(session):
    session["saved"] = session.get("saved", 0) + 1


def respond(act=lambda session: None, *, status="200 OK", headers=(), late=lambda session: None):
    """Make an application that does `act`, answers, and does `late` before it returns."""

    def application(environ, start_response):
        act(environ[SESSION])
        start_response(status, [PLAIN, *headers])
        late(environ[SESSION])
        return [b"one", b"two"]

    return application


def generating(act, late=lambda session: None):
    """Make an application that does all of that within its body."""

    def application(environ, start_response):
        act(environ[SESSION])
        start_response("200 OK", [PLAIN])
        yield b"one"
        late(environ[SESSION])
        yield b"two"

    return application


def wrapped(app, manager):
    """Put the validator on both sides of the middleware."""
    return validator(SessionMiddleware(validator(app), manager))


@pytest.mark.parametrize("make", [respond, generating])
def test_a_session_comes_back(make, manager):
    app = wrapped(make(save), manager)
    first = wsgi_response(app)
    assert (first.status, first.body) == (200, b"onetwo")
    visitor = Visitor(manager)
    visitor.keep(first.lines)
    visitor.keep(wsgi_response(app, visitor.cookie.decode()).lines)
    assert visitor.read() == {"saved": 2}


def test_an_untouched_session_leaves_the_response_alone(manager):
    """H1."""
    headers = [("Vary", "Accept"), ("Cache-Control", "public")]
    answer = wsgi_response(wrapped(respond(headers=headers), manager), f"{HEAD}=1")
    assert answer.headers == [PLAIN, *headers]


def test_headers_are_merged_and_the_applications_own_stay(manager):
    """H1-H3, O4."""
    own = [
        ("VARY", "Accept"),
        ("vary", "Origin"),
        ("Set-Cookie", "own=1"),
        ("set-cookie", "own2=1"),
        ("cache-control", "public"),
        ("Cache-Control", "max-age=60"),
    ]
    answer = wsgi_response(wrapped(respond(save, headers=own), manager))
    assert answer.values("vary") == ["Accept, Origin, Cookie"]
    assert answer.values("cache-control") == ["no-store"]
    assert answer.values("content-type") == ["text/plain"]
    assert list(pairs_of(answer.lines)) == ["own", "own2", HEAD]


def test_a_list_of_headers_that_an_application_gives_everyone_stays_its_own(manager):
    """H4."""
    headers = [PLAIN]

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/save":
            save(environ[SESSION])
        start_response("200 OK", headers)
        return [b""]

    app = wrapped(application, manager)
    assert wsgi_response(app, PATH_INFO="/save").lines
    assert wsgi_response(app, PATH_INFO="/").lines == []
    assert headers == [PLAIN]


@pytest.mark.parametrize(
    ("fetch_dest", "touched"), [("", True), ("document", True), ("empty", True), ("image", False)]
)
def test_a_session_is_touched_where_a_person_looks(fetch_dest, touched, manager, clock):
    """L3."""
    cookie = f"{HEAD}={manager.dumps({'a': 1})}"
    clock.advance(3 * 86_400)
    answer = wsgi_response(wrapped(respond(len), manager), cookie, HTTP_SEC_FETCH_DEST=fetch_dest)
    assert bool(answer.lines) == touched


@pytest.mark.parametrize(
    "forwarded",
    [
        {"HTTP_X_FORWARDED_HOST": "localhost"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "host=localhost"},
        {"SERVER_NAME": "localhost", "REMOTE_ADDR": "127.0.0.1"},
    ],
)
def test_forwarded_headers_are_never_read(forwarded, make_manager):
    """I9."""
    told = []
    app = wrapped(respond(save), make_manager(development=True, on_event=told.append))
    assert wsgi_response(app, HTTP_HOST="example.com", **forwarded).lines == []
    assert told[0].reason == "host_refused"


def test_plain_http_is_told_unless_the_browser_says_https(make_manager):
    told = []
    app = wrapped(respond(save), make_manager(on_event=told.append))
    request = {"wsgi.url_scheme": "http", "HTTP_HOST": "example.com"}
    wsgi_response(app, **request, HTTP_SEC_FETCH_SITE="none")
    wsgi_response(app, **request)
    names = [type(event).__name__ for event in told]
    assert names == ["Saved", "Saved", "InsecureTransport"]


def test_a_cookie_that_is_not_latin_1_is_no_error(manager):
    """I8."""
    cookie = f"a=\u20ac\ud800; {HEAD}={manager.dumps({'saved': 1})}"
    app = SessionMiddleware(respond(save), manager)
    visitor = Visitor(manager)
    visitor.keep(wsgi_response(app, cookie).lines)
    assert visitor.read() == {"saved": 2}


def test_an_answer_of_500_writes_nothing(manager):
    answer = wsgi_response(wrapped(respond(save, status="500 Sorry"), manager))
    assert (answer.status, answer.lines) == (500, [])


@pytest.mark.parametrize("make", [respond, generating])
def test_an_error_of_the_application_comes_through_unchanged(make, manager):
    error = ZeroDivisionError()

    def fail(session):
        save(session)
        raise error

    with pytest.raises(ZeroDivisionError) as caught:
        wsgi_response(SessionMiddleware(make(fail), manager))
    assert caught.value is error


def test_what_does_not_fit_is_an_error_of_the_application_and_its_error_page_leaves(manager):
    """G2."""

    def application(environ, start_response):
        environ[SESSION]["photo"] = "".join(map(chr, range(3000)))
        try:
            return respond()(environ, start_response)
        except SessionTooLarge:
            start_response("413 Too Large", [PLAIN], sys.exc_info())
            return [b"sorry"]

    answer = wsgi_response(wrapped(application, manager))
    assert (answer.status, answer.lines, answer.body) == (413, [], b"sorry")


@pytest.mark.parametrize(("status", "written"), [("404 Not Found", True), ("500 Sorry", False)])
def test_an_error_page_replaces_a_response_that_never_left(status, written, manager):
    """O4. With `exc_info`, as PEP 3333 has it."""

    def application(environ, start_response):
        save(environ[SESSION])
        start_response("200 OK", [PLAIN])
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            start_response(status, [PLAIN], sys.exc_info())
        return [b"sorry"]

    answer = wsgi_response(wrapped(application, manager))
    assert answer.status == int(status[:3])
    assert len(answer.lines) == written


def test_what_is_written_by_the_old_callable_leaves_first(manager):
    def application(environ, start_response):
        save(environ[SESSION])
        write = start_response("200 OK", [PLAIN])
        write(b"zero")
        return [b"one"]

    answer = wsgi_response(wrapped(application, manager))
    assert answer.body == b"zeroone"
    assert answer.lines


@pytest.mark.parametrize("make", [respond, generating])
def test_a_late_change_is_an_error_at_once(make, manager):
    """D1."""
    reached = []

    def late(session):
        with pytest.raises(SessionClosedError):
            save(session)
        reached.append("late")

    with pytest.raises(SessionClosedError):
        wsgi_response(SessionMiddleware(make(len, late=late), manager))
    assert reached == ["late"]


@pytest.mark.parametrize("make", [respond, generating])
def test_a_late_nested_change_is_an_error_at_the_end(make, manager):
    """D1."""
    app = make(
        lambda session: session.update(cart=[]), late=lambda session: session["cart"].append(1)
    )
    with pytest.raises(SessionClosedError, match="cart"):
        wsgi_response(SessionMiddleware(app, manager))


class Body:
    """A body that knows whether it was closed."""

    closed = 0

    def __iter__(self):
        yield b"one"
        raise ZeroDivisionError

    def close(self):
        self.closed += 1


def test_a_body_is_closed_whatever_happens(manager):
    body = Body()

    def application(environ, start_response):
        save(environ[SESSION])
        start_response("200 OK", [PLAIN])
        return body

    with pytest.raises(ZeroDivisionError):
        wsgi_response(SessionMiddleware(application, manager))
    assert body.closed == 1


def test_a_file_goes_out_as_it_came(manager):
    """So that a server may hand it to the operating system."""
    file = BytesIO(b"file")
    returned = []

    def application(environ, start_response):
        save(environ[SESSION])
        start_response("200 OK", [PLAIN])
        returned.append(environ["wsgi.file_wrapper"](file))
        return returned[0]

    def see(environ, start_response):
        body = SessionMiddleware(application, manager)(environ, start_response)
        assert body is returned[0]
        return body

    answer = wsgi_response(see, **{"wsgi.file_wrapper": FileWrapper})
    assert answer.body == b"file"
    assert answer.lines
    assert file.closed


def test_a_file_wrapper_that_is_no_class_is_served_like_any_body(manager):
    """uWSGI's is a function."""

    def application(environ, start_response):
        save(environ[SESSION])
        start_response("200 OK", [PLAIN])
        return environ["wsgi.file_wrapper"](BytesIO(b"file"))

    app = SessionMiddleware(application, manager)

    def wrap(file, size=8192):
        return FileWrapper(file, size)

    answer = wsgi_response(app, **{"wsgi.file_wrapper": wrap})
    assert answer.body == b"file"


def test_a_nested_change_before_a_file_is_an_error(manager):
    """D1."""

    def application(environ, start_response):
        cart = environ[SESSION]["cart"] = []
        start_response("200 OK", [PLAIN])
        cart.append(1)
        return FileWrapper(BytesIO(b"file"))

    app = SessionMiddleware(application, manager)
    with pytest.raises(SessionClosedError, match="cart"):
        wsgi_response(app, **{"wsgi.file_wrapper": FileWrapper})


@pytest.mark.parametrize("wrong", [None, "key", Key.generate(), SessionManager])
def test_the_middleware_wants_a_manager(wrong):
    with pytest.raises(ConfigurationError, match="takes the application and a SessionManager"):
        SessionMiddleware(respond(), wrong)


def test_two_middlewares_around_one_application_are_refused(manager):
    """Else one would read what the other writes."""
    app = SessionMiddleware(SessionMiddleware(respond(), manager), manager)
    with pytest.raises(ConfigurationError, match="remove one"):
        wsgi_response(app)


# Real servers.


def application(environ, start_response):
    """What the servers serve: counts visits, in a list, a stream or a file."""
    session, path = environ[SESSION], environ["PATH_INFO"]
    if path in ("/count", "/stream", "/file"):
        session["visits"] = session.get("visits", 0) + 1
    if path == "/destroy":
        session.destroy()
    if path == "/long":
        session["text"] = [str(number) for number in range(1500)]
    body = b"" if path == "/untouched" else str(session.get("visits")).encode()
    start_response("200 OK", [PLAIN, ("Set-Cookie", "own=1"), ("Content-Length", str(len(body)))])
    if path == "/file":
        return environ["wsgi.file_wrapper"](BytesIO(body))
    return (bytes([byte]) for byte in body) if path == "/stream" else [body]


SERVED_BY = Key.generate()
served = SessionMiddleware(application, SessionManager(SERVED_BY, max_cookies=3, compress=False))


# By default it refuses header fields above 8190 bytes, which three cookies exceed.
GUNICORN = ("gunicorn", "--bind", "fd://{fd}", "--limit-request-field_size", "32768")


@pytest.fixture(scope="module", params=["gunicorn", "waitress"])
def address(request):
    """The address at which a server serves."""
    server = pytest.importorskip(request.param)
    if request.param == "gunicorn":
        with serving(*GUNICORN, "tests.test_wsgi:served") as address:
            yield address
    else:
        waitress = server.create_server(served, listen="127.0.0.1:0")
        thread = Thread(target=waitress.run)
        thread.start()
        yield f"127.0.0.1:{waitress.effective_port}"
        waitress.trigger.pull_trigger(waitress.close)
        thread.join()


@pytest.mark.server
def test_a_session_comes_back_over_a_real_server(address):
    wire = Wire(address)
    assert [wire.get(path).body for path in ("/count", "/stream", "/file")] == [b"1", b"2", b"3"]
    read = wire.get("/read")
    assert (read.body, read.lines, read.values("vary")) == (b"3", ["own=1"], ["Cookie"])
    untouched = wire.get("/untouched")
    assert (untouched.lines, untouched.values("vary")) == (["own=1"], [])
    assert len(wire.get("/count", "HEAD").lines) == 2
    assert wire.get("/read").body == b"4"
    wire.get("/destroy")
    assert wire.jar == {}


@pytest.mark.server
def test_split_cookies_come_back_over_a_real_server(address):
    """I7."""
    wire = Wire(address)
    wire.get("/count")
    wire.get("/long")
    assert len(wire.jar) == 3
    assert wire.get("/read").body == b"1"
    wire.get("/destroy")
    assert wire.jar == {}


def test_a_late_change_is_found_where_the_server_stops_early(manager):
    def application(environ, start_response):
        session = environ["cookiesession.session"]
        session["cart"] = []
        start_response("200 OK", [])

        def body():
            session["cart"].append("late")
            yield b"one"
            yield b"two"

        return body()

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}
    body = SessionMiddleware(application, manager)(environ, lambda *_: None)
    assert next(iter(body)) == b"one"
    with pytest.raises(SessionClosedError, match="cart"):
        body.close()


def test_a_request_leaves_no_circle_behind(manager):
    """Else each environ would live on until the garbage collector comes by."""
    app = SessionMiddleware(respond(), manager)
    assert sessions_left(lambda: wsgi_response(app)) == 0
