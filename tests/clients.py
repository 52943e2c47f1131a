"""Clients for the tests: a visitor of the bare core, and callers of ASGI and WSGI applications."""

import gc
import http.client
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from socket import create_server
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults

from cookiesession import Edits, Exchange, Incoming, Session, SessionManager


def lines_of(edits: Edits) -> list[str]:
    """Return the Set-Cookie lines of a response."""
    assert {name for name, _ in edits.add} <= {"Set-Cookie"}
    return [value for _, value in edits.add]


def pairs_of(lines: list[str]) -> dict[str, str]:
    """Return name and value of each Set-Cookie line; no name may come twice (O4)."""
    pairs = [tuple(line.partition(";")[0].split("=", 1)) for line in lines]
    assert len({name for name, _ in pairs}) == len(pairs), "two Set-Cookie of one name"
    return dict(pairs)


def is_deletion(line: str) -> bool:
    return "; Max-Age=0;" in line


def keep(jar: dict[str, str], lines: list[str]) -> None:
    """Do what a browser does with Set-Cookie lines."""
    for (name, value), line in zip(pairs_of(lines).items(), lines, strict=True):
        if is_deletion(line):
            jar.pop(name, None)
        else:
            jar[name] = value


class Visitor:
    """A browser as far as the core can see it: keeps cookies, and sends them back."""

    def __init__(self, manager: SessionManager, jar: dict[str, str] | None = None) -> None:
        self.manager = manager
        self.jar = dict(jar or {})

    @property
    def cookie(self) -> bytes:
        return "; ".join(map("=".join, self.jar.items())).encode()

    def open(self, **request: Any) -> Exchange:
        """Begin a request with what is in the jar."""
        return self.manager.open(Incoming(**{"cookies": [self.cookie], **request}))

    def visit(
        self,
        act: Callable[[Session], Any] = lambda session: session.mark_accessed(),
        *,
        status: int = 200,
        vary: str = "",
        cache_control: str = "",
        **request: Any,
    ) -> list[str]:
        """Make one request in which the application does `act`; return the Set-Cookie lines."""
        with self.open(**request) as exchange:
            act(exchange.session)
            edits = exchange.headers(status, vary=vary, cache_control=cache_control)
        self.keep(lines_of(edits))
        return lines_of(edits)

    def store(self, **data: Any) -> list[str]:
        """Make one request in which the application saves this."""
        return self.visit(lambda session: session.update(data))

    def read(self) -> dict[str, Any]:
        """Return what the session holds, without any answer."""
        return dict(self.open().session)

    def status(self, **request: Any) -> str:
        return self.open(**request).session.status

    def keep(self, lines: list[str]) -> None:
        keep(self.jar, lines)


def visitor_with(manager: SessionManager, **data: Any) -> Visitor:
    """Return a visitor who has a session that holds this."""
    return Visitor(manager, {manager.cookie_name: manager.dumps(data)})


# Callers of applications, without a server.


class Response(NamedTuple):
    """What an application answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def lines(self) -> list[str]:
        return self.values("set-cookie")

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name]


def run(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited for something")


def asgi_scope(cookie: bytes = b"", **more: Any) -> dict[str, Any]:
    headers = [(b"host", b"example.com"), *([(b"cookie", cookie)] if cookie else [])]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "GET",
        "scheme": "https",
        "path": "/",
        "headers": headers,
        **more,
    }


def asgi_messages(app: Any, scope: dict[str, Any]) -> list[dict[str, Any]]:
    """Run an application, and return what it sent, as it was when it was sent."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append({**message, "headers": list(message.get("headers", ()))})

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    run(app(scope, receive, send))
    return sent


def asgi_response(app: Any, cookie: bytes = b"", **scope: Any) -> Response:
    """Make one HTTP request to an ASGI application."""
    start, *bodies = asgi_messages(app, asgi_scope(cookie, **scope))
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]
    ]
    return Response(start["status"], headers, b"".join(body["body"] for body in bodies))


def wsgi_response(app: Any, cookie: str = "", **environ: Any) -> Response:
    """Make one HTTP request to a WSGI application."""
    environ = {"SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "", **environ}
    environ.setdefault("wsgi.url_scheme", "https")
    if cookie:
        environ["HTTP_COOKIE"] = cookie
    setup_testing_defaults(environ)
    written = BytesIO()
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        assert exc_info or not started
        started[:] = [int(status[:3]), list(headers)]
        return written.write

    body = app(environ, start_response)
    try:
        for chunk in body:
            written.write(chunk)
    finally:
        if hasattr(body, "close"):
            body.close()
    return Response(started[0], started[1], written.getvalue())


def sessions_left(request: Callable[[], object]) -> int:
    """Return how many sessions live on after a request, until the garbage collector comes by."""
    gc.collect()
    gc.disable()
    try:
        before = _sessions()
        request()
        return _sessions() - before
    finally:
        gc.enable()


def _sessions() -> int:
    return sum(type(each) is Session for each in gc.get_objects())


# Real servers.


@contextmanager
def serving(*command: str) -> Iterator[str]:
    """Run a server in a process of its own; yield its address.

    It inherits a socket that listens already (`{fd}` in the command), so nobody waits for it.
    """
    with create_server(("127.0.0.1", 0)) as listener:
        fd, port = listener.fileno(), listener.getsockname()[1]
        arguments = [sys.executable, "-m", *(word.format(fd=fd) for word in command)]
        root = Path(__file__).parent.parent
        with subprocess.Popen(arguments, pass_fds=[fd], cwd=root) as process:
            try:
                yield f"127.0.0.1:{port}"
            finally:
                process.terminate()


class Wire:
    """A browser that speaks to a real server, and sends Secure cookies over plain http."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.jar: dict[str, str] = {}

    @property
    def headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(map("=".join, self.jar.items()))} if self.jar else {}

    def get(self, path: str, method: str = "GET") -> Response:
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, headers=self.headers)
            answer = connection.getresponse()
            response = Response(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()
        keep(self.jar, [line for line in response.lines if not line.startswith("own=")])
        return response
