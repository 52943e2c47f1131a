"""The contract for plain WSGI."""

import json
from collections.abc import Iterator

from cookiesession import SessionManager
from cookiesession.wsgi import SessionMiddleware
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text

TEXT = [("Content-Type", "text/plain")]


ANSWERS = {
    "/untouched": ("200 OK", TEXT, b"hello"),
    "/headers": ("200 OK", [*TEXT, ("Vary", "Accept"), ("Cache-Control", "public, max-age=60"),
                            ("Set-Cookie", "own=1; Path=/")], b""),
    "/redirect": ("303 See Other", [("Location", "/read")], b""),
    "/status-500": ("500 Internal Server Error", TEXT, b"sorry"),
    "/big": ("200 OK", TEXT, b"never sent"),
}  # fmt: skip


def application(environ, start_response):
    session = environ["cookiesession.session"]
    path = environ["PATH_INFO"].removeprefix("/mounted")
    if path in ("/do", "/read"):
        data = done(session, environ) if path == "/do" else dict(session)
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(data).encode()]
    if path != "/untouched":
        session["a"] = 1
    if path == "/raise":
        raise RuntimeError("the application's own")
    if path == "/big":
        session["big"] = random_text(20_000)
    if path in ANSWERS:
        status, headers, body = ANSWERS[path]
        start_response(status, [*headers])  # which the server may change
        return [body]
    start_response("200 OK", [*TEXT])
    return stream(session, late=path == "/late")


def done(session, environ):
    operations = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    return apply(session, json.loads(operations))


def stream(session, *, late: bool) -> Iterator[bytes]:
    yield b"one"
    yield b"two"
    if late:
        session["late"] = 1
    yield b"three"


class TestWSGI(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return servers.wsgi(SessionMiddleware(application, manager))
