"""The contract for Falcon, on WSGI and on ASGI, behind the two middlewares."""

import pytest

pytest.importorskip("falcon")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.server

import falcon
import falcon.asgi

from cookiesession import SessionManager
from cookiesession import asgi as asgi_module
from cookiesession import wsgi as wsgi_module
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text

ROUTES = "do read untouched headers redirect stream late status-500 raise big"
PATHS = [*ROUTES.split(), "mounted/do", "mounted/read"]


def answer(path, session, response):
    """Do what a route asks for; streams are the two resources' own."""
    if path == "read":
        response.media = dict(session)
    elif path == "untouched":
        response.text = "hello"
    else:
        session["a"] = 1
    if path == "headers":
        response.append_header("Vary", "Accept")
        response.cache_control = ["public", "max-age=60"]
        response.append_header("Set-Cookie", "own=1; Path=/")
    elif path == "redirect":
        response.status, response.location = 303, "/read"
    elif path == "status-500":
        response.status, response.text = 500, "sorry"
    elif path == "raise":
        raise RuntimeError("the application's own")
    elif path == "big":
        session["big"] = random_text(20_000)


def name_of(request):
    return request.path.removeprefix("/mounted").strip("/")


class Resource:
    def on_get(self, request, response):
        session, path = request.env["cookiesession.session"], name_of(request)
        answer(path, session, response)
        if path in ("stream", "late"):
            response.stream = self.body(session, late=path == "late")

    def on_post(self, request, response):
        response.media = apply(request.env["cookiesession.session"], request.media)

    on_head = on_get

    def body(self, session, *, late):
        yield b"one"
        yield b"two"
        if late:
            session["late"] = 1
        yield b"three"


class AsyncResource:
    async def on_get(self, request, response):
        session, path = request.scope["session"], name_of(request)
        answer(path, session, response)
        if path in ("stream", "late"):
            response.stream = self.body(session, late=path == "late")

    async def on_post(self, request, response):
        response.media = apply(request.scope["session"], await request.get_media())

    on_head = on_get

    async def body(self, session, *, late):
        for chunk in Resource().body(session, late=late):
            yield chunk


def make_app(app, resource):
    for path in PATHS:
        app.add_route(f"/{path}", resource)
    return app


class TestFalcon(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = make_app(falcon.App(), Resource())
        return servers.wsgi(wsgi_module.SessionMiddleware(app, manager))


class TestFalconASGI(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = make_app(falcon.asgi.App(), AsyncResource())
        return servers.asgi(asgi_module.SessionMiddleware(app, manager))
