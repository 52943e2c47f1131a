"""The contract for BlackSheep, on the ASGI middleware, and its users' own words."""

import asyncio

import pytest

pytest.importorskip("blacksheep")
httpx = pytest.importorskip("httpx")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.server

from blacksheep import Application, Cookie, Request, Response, StreamedContent, WebSocket
from blacksheep.server.responses import json, see_other, status_code, text
from blacksheep.server.routing import Router

from cookiesession import SessionManager
from cookiesession.asgi import SessionMiddleware
from cookiesession.testing import assert_session, session_transaction
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text


async def do(request: Request) -> Response:
    return json(apply(request.scope["session"], await request.json()))


def read(request: Request) -> Response:
    return json(dict(request.scope["session"]))


def untouched() -> Response:
    return text("hello")


def headers(request: Request) -> Response:
    request.scope["session"]["a"] = 1
    response = text("")
    response.add_header(b"Vary", b"Accept")
    response.add_header(b"Cache-Control", b"public, max-age=60")
    response.set_cookie(Cookie("own", "1"))
    return response


def redirect(request: Request) -> Response:
    request.scope["session"]["a"] = 1
    return see_other("/read")


def stream(request: Request) -> Response:
    session = request.scope["session"]
    session["a"] = 1

    async def body():
        yield b"one"
        yield b"two"
        if request.url.path.endswith(b"/late"):
            session["late"] = 1
        yield b"three"

    return Response(200, content=StreamedContent(b"text/plain", body))


def status_500(request: Request) -> Response:
    request.scope["session"]["a"] = 1
    return status_code(500, "sorry")


def raising(request: Request) -> Response:
    request.scope["session"]["a"] = 1
    raise RuntimeError("the application's own")


def big(request: Request) -> Response:
    request.scope["session"]["big"] = random_text(20_000)
    return text("never sent")


def aliased(request: Request) -> Response:
    request.session["user"] = "ann"
    return text(request.session["user"])


async def counting(websocket: WebSocket) -> None:
    websocket.scope["session"]["visits"] = 1
    await websocket.accept()
    await websocket.send_text("counted")
    await websocket.close()


async def name_the_session(request, handler):
    request.session = request.scope["session"]
    return await handler(request)


ROUTES = [
    ("POST", "/do", do),
    ("GET", "/read", read),
    ("HEAD", "/read", read),
    ("GET", "/untouched", untouched),
    ("GET", "/headers", headers),
    ("GET", "/redirect", redirect),
    ("GET", "/stream", stream),
    ("GET", "/late", stream),
    ("GET", "/status-500", status_500),
    ("GET", "/raise", raising),
    ("GET", "/big", big),
    ("GET", "/aliased", aliased),
]


def make_app() -> Application:
    app = Application(router=Router())
    for method, path, handler in ROUTES:
        app.router.add(method, path, handler)
    app.router.ws("/ws")(counting)
    app.middlewares.append(name_the_session)
    return app


class TestBlackSheep(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = make_app()
        app.mount_registry.auto_events = True
        app.mount("/mounted", make_app())
        return servers.asgi(SessionMiddleware(app, manager))


def run_with_client(manager, test):
    """Run a coroutine with a client of httpx: BlackSheep's own goes past the middleware."""

    async def run():
        app = make_app()
        await app.start()
        transport = httpx.ASGITransport(SessionMiddleware(app, manager))
        async with httpx.AsyncClient(transport=transport, base_url="https://testserver") as client:
            await test(client)

    asyncio.run(run())


def test_a_client_of_httpx_keeps_the_session(manager):
    async def test(client):
        await client.post("/do", json=[["set", "user", "ann"]])
        assert (await client.get("/read")).json() == {"user": "ann"}
        assert_session(client, manager, {"user": "ann"})

    run_with_client(manager, test)


def test_a_test_may_prepare_the_session(manager):
    async def test(client):
        with session_transaction(client, manager) as session:
            session["cart"] = ["tea"]
        await client.post("/do", json=[["append", "cart", "milk"]])
        assert_session(client, manager, {"cart": ["tea", "milk"]})

    run_with_client(manager, test)


def test_a_middleware_of_the_application_may_make_it_request_session(manager):
    async def test(client):
        response = await client.get("/aliased")
        assert response.text == "ann"
        assert_session(client, manager, {"user": "ann"})

    run_with_client(manager, test)


def test_a_websocket_writes_its_session_when_it_is_accepted(manager):
    connect = pytest.importorskip("websockets.sync.client").connect
    with (
        servers.asgi(SessionMiddleware(make_app(), manager)) as address,
        connect(address.replace("http", "ws") + "/ws") as websocket,
    ):
        assert websocket.recv() == "counted"
        line = websocket.response.headers["Set-Cookie"]
    text = line.partition(";")[0].partition("=")[2]
    assert dict(manager.loads(text)) == {"visits": 1}
