"""`cookiesession demo`: one page that shows a session, and lets a visitor do everything to it.

    Demo()               the WSGI application, behind the library's middleware
    make_server(port)    the standard library's server for it, on this machine alone

A route is a function from `Request` to `Response`; `ROUTES` lists them all, and those from
`set_session` to `start_anew` show how an application uses a session. Beside this file: `page` turns
a session into HTML, `server` is the server.

The rules: public names of the library only, no scripts, and every change is a POST that ends in a
redirect. Its key is made at the start, so sessions end with the process; a real application keeps
its keys, as with `Keyring.from_env`.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import deque
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

from cookiesession import (
    Key,
    Keyring,
    Session,
    SessionManager,
    SessionTooLarge,
    UnsavableSession,
)
from cookiesession.demo import page
from cookiesession.demo.server import serving
from cookiesession.wsgi import SessionMiddleware

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.simple_server import WSGIServer
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from cookiesession.events import Event

__all__ = ["Demo", "make_server"]


def make_server(port: int) -> WSGIServer:
    """Return a server for a new demo on 127.0.0.1; port 0 takes any that is free."""
    return serving(Demo(), port)


class Demo:
    """The application: its keys, its middleware, and what the library told it lately."""

    middleware: WSGIApplication
    manager: SessionManager

    def __init__(self) -> None:
        self.events: deque[Event] = deque(maxlen=6)
        self._rotating = Lock()
        self._use(Key.generate())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request, from its beginning to its end with the keys of its beginning."""
        return self.middleware(environ, start_response)

    def rotate(self) -> None:
        """Write with a new key from now on; the last nine still open what they wrote."""
        with self._rotating:
            self._use(Key.generate(), *self.manager.keyring.accepted[:9])

    def _use(self, *keys: Key) -> None:
        self.manager = SessionManager(
            Keyring(keys),
            idle_timeout=timedelta(minutes=30),
            absolute_timeout=timedelta(hours=12),
            remember_timeout=timedelta(days=30),
            development=True,  # plain http, and therefore loopback names only
            on_event=self.events.append,
        )
        self.middleware = SessionMiddleware(self._answer, self.manager)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = _respond(self, environ)
        try:
            start_response(response.status, response.headers)  # this saves the session
        except UnsavableSession as error:
            response = _unsavable(error)
            start_response(response.status, response.headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]


class Request(NamedTuple):
    """What a route gets to see."""

    demo: Demo
    session: Session
    form: dict[str, str]
    cookie: str  # the text of the session's cookie, as the browser sent it, or ""


class Response(NamedTuple):
    """What a route returns."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes = b""


# What the well-known Express example does.


def set_session(request: Request) -> Response:
    """Set a variable."""
    request.session["myVariable"] = "Hello World!"
    return _text("Session variable set.\n")


def get_session(request: Request) -> Response:
    """Read it back."""
    return _text(f"Session variable: {request.session.get('myVariable')}\n")


# What the page's forms do. A session is a dict.


def set_key(request: Request) -> Response:
    """Set one key, to JSON or to plain text."""
    request.session[_name(request)] = _value(_field(request, "value"))
    return _redirect()


def delete_key(request: Request) -> Response:
    """Delete one key; a session without any is no cookie."""
    request.session.pop(_name(request), None)
    return _redirect()


def append(request: Request) -> Response:
    """Change a value deep inside: it is noticed, and saved."""
    match request.session.get("basket"):
        case {"items": list()}:
            pass
        case _:  # none yet, or the visitor has set it to something else
            request.session["basket"] = {"items": []}
    request.session["basket"]["items"].append(_field(request, "item"))
    return _redirect()


def overfill(request: Request) -> Response:
    """Store more than a cookie can take: `SessionTooLarge`, and nothing is lost."""
    request.session["noise"] = secrets.token_hex(4096)
    return _redirect()


def log_in(request: Request) -> Response:
    """Log in under a new session id, so that nobody could have planted it before."""
    user = _field(request, "user")
    request.session.regenerate()
    request.session["user"] = user
    request.session["logged_in_at"] = datetime.now(timezone.utc).replace(microsecond=0)
    if "remember" in request.form:
        request.session.remember()
    return _redirect()


def log_out(request: Request) -> Response:
    """Log out: the browser drops the cookie."""
    request.session.destroy()
    return _redirect()


start_anew = log_out  # it also drops a cookie that was refused


# What is not about the session's data.


def home(request: Request) -> Response:
    """Show everything on one page."""
    demo = request.demo
    return _html("200 OK", page.home(request.session, request.cookie, demo.manager, demo.events))


def rotate(request: Request) -> Response:
    """Rotate the key."""
    request.demo.rotate()
    return _redirect()


def corrupt(request: Request) -> Response:
    """Damage the cookie as an attacker might, and see it refused.

    The session is not looked at, so the library sends no cookie of its own beside this one.
    """
    damage = DAMAGES.get(request.form.get("how", ""))
    if damage is None or not re.fullmatch(r"[\w.-]{60,}", request.cookie, re.ASCII):
        raise BadRequest("There is no cookie to damage yet, or no such damage.")
    name = request.demo.manager.cookie_name
    line = f"{name}={damage(request.cookie)}; Path=/; HttpOnly; SameSite=Lax"
    return _redirect(("Set-Cookie", line))


def _flipped(text: str, position: int) -> str:
    character = "A" if text[position] != "A" else "B"
    return text[:position] + character + text[position:][1:]


DAMAGES: Final[dict[str, Callable[[str], str]]] = {
    "signature": lambda text: _flipped(text, -20),
    "data": lambda text: _flipped(text, 40),
    "key": lambda text: _flipped(text, 2),
    "format": lambda text: "9" + text[1:],
    "length": lambda text: text[:-12],
}


# How a request finds its route.


def _asset(name: str, kind: str) -> Callable[[Request], Response]:
    body = (files(__name__) / name).read_bytes()
    headers = [("Content-Type", kind), ("Cache-Control", "public, max-age=300")]
    return lambda _request: _response("200 OK", headers, body)


ROUTES: Final[dict[str, dict[str, Callable[[Request], Response]]]] = {
    "/": {"GET": home},
    "/set-session": {"GET": set_session},
    "/get-session": {"GET": get_session},
    "/set": {"POST": set_key},
    "/delete": {"POST": delete_key},
    "/append": {"POST": append},
    "/overfill": {"POST": overfill},
    "/log-in": {"POST": log_in},
    "/log-out": {"POST": log_out},
    "/start-anew": {"POST": start_anew},
    "/rotate": {"POST": rotate},
    "/corrupt": {"POST": corrupt},
    "/style.css": {"GET": _asset("style.css", "text/css; charset=utf-8")},
    "/favicon.ico": {"GET": _asset("icon.svg", "image/svg+xml")},
    "/icon.svg": {"GET": _asset("icon.svg", "image/svg+xml")},
}

_MOST_BYTES: Final = 64 * 1024  # of a form
_OWN_SITES: Final = frozenset({"", "same-origin", "none"})  # Sec-Fetch-Site; "" from old clients


class BadRequest(Exception):
    """The request makes no sense; the message is shown to whoever sent it."""


def _respond(demo: Demo, environ: WSGIEnvironment) -> Response:
    routes = ROUTES.get(environ["PATH_INFO"])
    if routes is None:
        return _problem("404 Not Found", "There is no page at this address.")
    method = environ["REQUEST_METHOD"]
    route = routes.get("GET" if method == "HEAD" else method)
    if route is None:
        allow = "GET, HEAD" if "GET" in routes else ", ".join(routes)
        response = _problem("405 Method Not Allowed", f"This address takes {allow} only.")
        return response._replace(headers=[*response.headers, ("Allow", allow)])
    if method == "POST" and environ.get("HTTP_SEC_FETCH_SITE", "") not in _OWN_SITES:
        return _problem("403 Forbidden", "This form was sent from another site.")
    try:
        return route(_request(demo, environ))
    except BadRequest as error:
        return _problem("400 Bad Request", str(error))


def _request(demo: Demo, environ: WSGIEnvironment) -> Request:
    pairs = (pair.strip().partition("=") for pair in environ.get("HTTP_COOKIE", "").split(";"))
    name = demo.manager.cookie_name
    return Request(
        demo=demo,
        session=environ["cookiesession.session"],
        form=_form(environ),
        cookie=next((value for key, _, value in pairs if key == name), ""),
    )


def _form(environ: WSGIEnvironment) -> dict[str, str]:
    if environ["REQUEST_METHOD"] != "POST":
        return {}
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdigit() and len(length) < 7):
        raise BadRequest("The form does not say how long it is.")
    if int(length) > _MOST_BYTES:
        raise BadRequest("The form is larger than 64 KiB.")
    body = environ["wsgi.input"].read(int(length)).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=8))
    except ValueError:
        raise BadRequest("The form has too many fields.") from None


def _field(request: Request, name: str) -> str:
    text = request.form.get(name, "").replace("\r\n", "\n").strip()
    if not text:
        raise BadRequest(f"The form lacks its field {name!r}.")
    return text


def _name(request: Request) -> str:
    name = _field(request, "name")
    if not name.isprintable():
        raise BadRequest("The name of a key must be printable here.")
    return name


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


# What a response is made of.

_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = [
    ("Content-Security-Policy", _POLICY),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
]
_PRIVATE: Final = ("Cache-Control", "no-store")


def _response(status: str, headers: list[tuple[str, str]], body: bytes = b"") -> Response:
    return Response(status, [*headers, *_HEADERS, ("Content-Length", str(len(body)))], body)


def _html(status: str, text: str) -> Response:
    headers = [("Content-Type", "text/html; charset=utf-8"), _PRIVATE]
    return _response(status, headers, text.encode("utf-8", "replace"))


def _text(text: str) -> Response:
    headers = [("Content-Type", "text/plain; charset=utf-8"), _PRIVATE]
    return _response("200 OK", headers, text.encode("utf-8", "replace"))


def _redirect(*headers: tuple[str, str]) -> Response:
    return _response("303 See Other", [("Location", "/"), _PRIVATE, *headers])


def _problem(status: str, sentence: str) -> Response:
    return _html(status, page.problem(status, sentence))


def _unsavable(error: UnsavableSession) -> Response:
    if isinstance(error, SessionTooLarge):
        return _html("413 Content Too Large", page.too_large(error))
    return _problem("422 Unprocessable Content", f"{error}. The session is as it was before.")
