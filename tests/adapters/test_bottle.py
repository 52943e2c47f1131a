"""The contract for Bottle, behind the WSGI middleware."""

import pytest

bottle = pytest.importorskip("bottle")
pytestmark = pytest.mark.server

from cookiesession import SessionManager
from cookiesession.wsgi import SessionMiddleware
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text


def current():
    return bottle.request.environ["cookiesession.session"]


def do():
    return apply(current(), bottle.request.json)


def read():
    return dict(current())


def untouched():
    return "hello"


def headers():
    current()["a"] = 1
    bottle.response.set_header("Vary", "Accept")
    bottle.response.set_header("Cache-Control", "public, max-age=60")
    bottle.response.set_cookie("own", "1")
    return ""


def redirect():
    current()["a"] = 1
    bottle.redirect("/read", 303)


def stream():
    session, late = current(), bottle.request.path.endswith("/late")
    session["a"] = 1
    yield b"one"
    yield b"two"
    if late:
        session["late"] = 1
    yield b"three"


def status_500():
    current()["a"] = 1
    bottle.response.status = 500
    return "sorry"


def raising():
    current()["a"] = 1
    raise RuntimeError("the application's own")


def big():
    current()["big"] = random_text(20_000)
    return "never sent"


def make_app():
    app = bottle.Bottle()
    app.post("/do", callback=do)
    for path, view in {
        "/read": read,
        "/untouched": untouched,
        "/headers": headers,
        "/redirect": redirect,
        "/stream": stream,
        "/late": stream,
        "/status-500": status_500,
        "/raise": raising,
        "/big": big,
    }.items():
        app.get(path, callback=view)
    return app


class TestBottle(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = make_app()
        app.mount("/mounted/", make_app())
        return servers.wsgi(SessionMiddleware(app, manager))
