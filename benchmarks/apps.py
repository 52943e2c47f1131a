"""The same small application in each framework: bare, with the framework's own sessions, with ours.

`/read` reads one value, `/write` changes one, `/touch` has the session written unchanged,
`/fill-NAME` puts one of the sessions in; on any other path nobody looks. The answer is "hello".

Each maker takes BARE, OWN or OURS and returns a function that prepares a request: from a path and a
Cookie header to a call that serves it in this process and returns the response's headers.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import Any, NamedTuple

from benchmarks.measure import SESSIONS
from benchmarks.peers import SECRET, finished
from cookiesession import Key, SessionManager

BARE, OWN, OURS = "bare", "own", "ours"
MAX_AGE = 14 * 86_400
BROWSER = {
    "Host": "example.com",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
}

Headers = list[tuple[str, str]]
Call = Callable[[], Headers]
Prepare = Callable[[str, str], Call]


@cache
def manager() -> SessionManager:
    return SessionManager(Key.generate())


def act(path: str, session: Any, touch: Callable[[Any], None]) -> None:
    """Do what the path says; `session` is a function, as looking is what costs."""
    if path == "/read":
        session()["user_id"]
    elif path == "/write":
        session()["seen"] = 1
    elif path == "/touch":
        touch(session())
    elif path.startswith("/fill-"):
        session().update(SESSIONS[path.removeprefix("/fill-")])


def _touch(session: Any) -> None:
    session.touch()


def _modified(session: Any) -> None:  # in Flask, Quart, Django
    session.modified = True


def _changed(session: Any) -> None:  # in Pyramid, aiohttp-session
    session.changed()


# The protocols.


def _wsgi(app: Any) -> Prepare:
    from werkzeug.test import create_environ

    def prepare(path: str, cookie: str) -> Call:
        headers = {**BROWSER, "Cookie": cookie} if cookie else BROWSER
        environ = create_environ(path, "https://example.com", headers=headers)

        def call() -> Headers:
            started: list[Headers] = []
            body = app(
                environ.copy(), lambda _status, headers, _error=None: started.append(headers)
            )
            b"".join(body)
            if hasattr(body, "close"):
                body.close()
            return started[0]

        return call

    return prepare


def _asgi(app: Any, run: Callable[[Awaitable[None]], object] = finished) -> Prepare:
    def prepare(path: str, cookie: str) -> Call:
        headers = {**BROWSER, "Cookie": cookie} if cookie else BROWSER
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(n.lower().encode(), value.encode()) for n, value in headers.items()],
            "client": ("192.0.2.7", 50_000),
            "server": ("example.com", 443),
        }

        def call() -> Headers:
            sent: list[Any] = []
            received = iter([{"type": "http.request", "body": b"", "more_body": False}])

            async def receive() -> dict[str, Any]:
                return next(received, None) or await _loop().create_future()  # nobody hangs up

            async def send(message: Any) -> None:
                sent.append(message)

            run(app(scope.copy(), receive, send))
            return [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]

        return call

    return prepare


# The frameworks.


def asgi_app(kind: str) -> Any:
    """No framework; its own sessions are Starlette's middleware."""

    def session_of(scope: Any) -> Any:
        session = scope["session"]
        if kind == OWN:
            session.mark_accessed()  # as `request.session` does
        return session

    touch = _touch if kind == OURS else lambda session: session.mark_modified()

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001  ASGI's
        if kind != BARE:
            act(scope["path"], lambda: session_of(scope), touch)
        start = {"type": "http.response.start", "status": 200}
        await send({**start, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"hello"})

    if kind == OWN:
        from starlette.middleware.sessions import SessionMiddleware

        return SessionMiddleware(app, SECRET, https_only=True)
    if kind == OURS:
        from cookiesession import asgi

        return asgi.SessionMiddleware(app, manager())
    return app


def raw_asgi(kind: str) -> Prepare:
    return _asgi(asgi_app(kind))


def raw_wsgi(kind: str) -> Prepare:
    """No framework; its own sessions are Beaker's, which are written when the application says."""
    key = "beaker.session" if kind == OWN else "cookiesession.session"
    touch = _touch if kind == OURS else lambda session: "user_id" in session  # a look

    def app(environ: Any, start_response: Any) -> list[bytes]:
        path = environ["PATH_INFO"]
        if kind != BARE:
            act(path, lambda: environ[key], touch)
        if kind == OWN and path not in ("/read", "/other"):
            environ[key].save()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    if kind == OWN:
        from beaker.middleware import SessionMiddleware

        options = {
            "session.type": "cookie",
            "session.encrypt_key": SECRET,
            "session.validate_key": SECRET,
            "session.crypto_type": "cryptography",
            "session.data_serializer": "json",
            "session.secure": True,
            "session.httponly": True,
        }
        return _wsgi(SessionMiddleware(app, options))
    if kind == OURS:
        from cookiesession import wsgi

        return _wsgi(wsgi.SessionMiddleware(app, manager()))
    return _wsgi(app)


def flask_app(kind: str) -> Any:
    from flask import Flask, session

    app = Flask(__name__)

    @app.get("/<path>")
    def home(path: str) -> str:
        if kind != BARE:
            act(f"/{path}", lambda: session, _modified)
        return "hello"

    if kind == OWN:
        app.secret_key = SECRET
        app.config["SESSION_COOKIE_SECURE"] = True
    if kind == OURS:
        from cookiesession.flask import CookieSession

        CookieSession(app, manager())
    return app


def flask(kind: str) -> Prepare:
    return _wsgi(flask_app(kind))


def quart(kind: str) -> Prepare:
    from quart import Quart, session

    app = Quart(__name__)

    @app.get("/<path>")
    async def home(path: str) -> str:
        if kind != BARE:
            act(f"/{path}", lambda: session, _modified)
        return "hello"

    if kind == OWN:
        app.secret_key = SECRET
        app.config["SESSION_COOKIE_SECURE"] = True
    if kind == OURS:
        from cookiesession.quart import CookieSession

        CookieSession(app, manager())
    return _asgi(app, _loop().run_until_complete)  # it starts tasks


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def django(kind: str) -> Prepare:
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpResponse
    from django.urls import path as route

    def home(request: Any, path: str) -> HttpResponse:
        if hasattr(request, "session"):
            act(f"/{path}", lambda: request.session, _modified)
        return HttpResponse("hello")

    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["*"],
            COOKIESESSION={"keys": Key.generate()},
            ROOT_URLCONF=(route("<path>", home),),
            SECRET_KEY=SECRET,
            SESSION_COOKIE_NAME="__Host-session",
            SESSION_COOKIE_SECURE=True,
        )
    own = "django.contrib.sessions.middleware.SessionMiddleware"
    ours = "cookiesession.django.SessionMiddleware"
    engines = {OWN: "django.contrib.sessions.backends.signed_cookies", OURS: "cookiesession.django"}
    settings.MIDDLEWARE = {BARE: [], OWN: [own], OURS: [ours]}[kind]
    settings.SESSION_ENGINE = engines.get(kind, "")
    return _wsgi(WSGIHandler())


def litestar(kind: str) -> Prepare:
    from litestar import Litestar, Request, get
    from litestar.middleware.session.client_side import CookieBackendConfig

    from cookiesession.litestar import CookieSessionConfig

    middleware: dict[str, Any] = {
        BARE: list,
        OWN: lambda: [CookieBackendConfig(secret=os.urandom(32), secure=True).middleware],
        OURS: lambda: [CookieSessionConfig(manager()).middleware],
    }
    touch = _touch if kind == OURS else lambda _session: None  # its own are always written

    @get("/{path:str}", sync_to_thread=False)
    def home(request: Request[Any, Any, Any]) -> str:
        if kind != BARE:
            act(request.scope["path"], lambda: request.session, touch)
        return "hello"

    return _asgi(Litestar([home], middleware=middleware[kind](), openapi_config=None))


def pyramid(kind: str) -> Prepare:
    from pyramid.config import Configurator
    from pyramid.response import Response

    def home(request: Any) -> Response:
        if kind != BARE:
            act(request.path_info, lambda: request.session, _changed)
        return Response("hello")

    config = Configurator()
    config.add_route("home", "/{path}")
    config.add_view(home, route_name="home")
    if kind == OWN:
        from pyramid.session import SignedCookieSessionFactory

        # As ours: written when it changes, and when a tenth of its time is over.
        config.set_session_factory(
            SignedCookieSessionFactory(
                SECRET, secure=True, httponly=True, timeout=MAX_AGE, reissue_time=MAX_AGE // 10
            )
        )
    if kind == OURS:
        from cookiesession.pyramid import SessionMiddleware, session_factory

        config.set_session_factory(session_factory)
        return _wsgi(SessionMiddleware(config.make_wsgi_app(), manager()))
    return _wsgi(config.make_wsgi_app())


class _Writer:
    """Takes what aiohttp sends, and keeps nothing."""

    buffer_size = length = output_size = 0

    def __getattr__(self, _name: str) -> Any:
        return lambda *_args, **_named: None

    async def write_headers(self, *_args: object) -> None:
        pass

    write = write_eof = drain = write_headers


def aiohttp(kind: str) -> Prepare:
    """Take the server's part; its own sessions are those of aiohttp-session, with Fernet."""
    from aiohttp import web
    from aiohttp.test_utils import make_mocked_request

    app = web.Application()
    if kind == OWN:
        import aiohttp_session
        from aiohttp_session.cookie_storage import EncryptedCookieStorage

        storage = EncryptedCookieStorage(os.urandom(32), max_age=MAX_AGE, secure=True)
        aiohttp_session.setup(app, storage)
    if kind == OURS:
        from cookiesession.aiohttp import get_session, setup

        setup(app, manager())

    async def home(request: web.Request) -> web.Response:
        if kind == OWN:
            path = request.path
            if path != "/other":
                session = await aiohttp_session.get_session(request)
                act(path, lambda: session, _changed)
        elif kind == OURS:
            act(request.path, lambda: get_session(request), _touch)
        return web.Response(text="hello")

    app.router.add_get("/{path}", home)
    app.freeze()
    _loop().run_until_complete(app.startup())

    def prepare(path: str, cookie: str) -> Call:
        headers = {**BROWSER, "Cookie": cookie} if cookie else BROWSER
        template = make_mocked_request("GET", path, headers, app=app, writer=_Writer())

        def call() -> Headers:
            request = template.clone()
            response = finished(app._handle(request))
            finished(response.prepare(request))
            finished(response.write_eof())
            return list(response.headers.items())

        return call

    return prepare


FRAMEWORKS: dict[str, Callable[[str], Prepare]] = {
    "raw ASGI, Starlette's sessions": raw_asgi,
    "raw WSGI, Beaker's sessions": raw_wsgi,
    "Flask": flask,
    "Quart": quart,
    "Django": django,
    "Litestar": litestar,
    "aiohttp, aiohttp-session": aiohttp,
    "Pyramid": pyramid,
}


class Made(NamedTuple):
    """A framework's three applications."""

    bare: Prepare
    own: Prepare
    ours: Prepare


def available() -> dict[str, Made]:
    """Make the applications of the frameworks that are installed."""
    made = {}
    for name, make in FRAMEWORKS.items():
        try:
            made[name] = Made(make(BARE), make(OWN), make(OURS))
        except ImportError as error:
            print(f"skipped: {name} ({error})")
    return made


def cookie_of(headers: Iterable[tuple[str, str]]) -> str:
    """Return the Cookie header that a browser answers a response with."""
    lines = [value for name, value in headers if name.lower() == "set-cookie"]
    return "; ".join(line.partition(";")[0] for line in lines)
