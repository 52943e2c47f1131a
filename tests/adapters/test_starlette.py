"""The contract for Starlette, and its users' own words."""

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.server

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient

from cookiesession import ConfigurationError, SessionClosedError, SessionManager
from cookiesession.asgi import SessionMiddleware
from cookiesession.testing import assert_session, get_session, session_transaction
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text

OWN = {"Vary": "Accept", "Cache-Control": "public, max-age=60", "Set-Cookie": "own=1; Path=/"}


async def do(request):
    return JSONResponse(apply(request.session, await request.json()))


def read(request):
    return JSONResponse(request.session)


def untouched(_request):
    return PlainTextResponse("hello")


def headers(request):
    request.session["a"] = 1
    return PlainTextResponse("", headers=OWN)


def redirect(request):
    request.session["a"] = 1
    return RedirectResponse("/read", 303)


def stream(request):
    request.session["a"] = 1

    async def body():
        yield "one"
        yield "two"
        if request.url.path == "/late":
            request.session["late"] = 1
        yield "three"

    return StreamingResponse(body())


def status_500(request):
    request.session["a"] = 1
    return PlainTextResponse("sorry", 500)


def raising(request):
    request.session["a"] = 1
    raise RuntimeError("the application's own")


def big(request):
    request.session["big"] = random_text(20_000)
    return PlainTextResponse("never sent")


ROUTES = [
    Route("/do", do, methods=["POST"]),
    Route("/read", read),
    Route("/untouched", untouched),
    Route("/headers", headers),
    Route("/redirect", redirect),
    Route("/stream", stream),
    Route("/late", stream),
    Route("/status-500", status_500),
    Route("/raise", raising),
    Route("/big", big),
]


class TestStarlette(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        routes = [*ROUTES, Mount("/mounted", routes=ROUTES)]
        middleware = [Middleware(SessionMiddleware, manager=manager)]
        return servers.asgi(Starlette(routes=routes, middleware=middleware))


async def background(request):
    async def late():
        request.session["late"] = 1

    return PlainTextResponse("sent", background=BackgroundTask(late))


async def counting(websocket):
    websocket.session["visits"] = websocket.session.get("visits", 0) + 1
    await websocket.accept()
    await websocket.send_json(websocket.session["visits"])
    await websocket.close()


@pytest.fixture
def client(manager):
    routes = [*ROUTES, Route("/background", background), WebSocketRoute("/ws", counting)]
    app = Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, manager=manager)])
    with TestClient(app, base_url="https://testserver") as client:
        yield client


def test_the_test_client_keeps_the_session(client, manager):
    client.post("/do", json=[["set", "user", "ann"]])
    assert client.get("/read").json() == {"user": "ann"}
    assert_session(client, manager, {"user": "ann"})


def test_a_test_may_prepare_the_session(client, manager):
    with session_transaction(client, manager) as session:
        session["cart"] = ["tea"]
    assert client.post("/do", json=[["append", "cart", "milk"]]).status_code == 200
    assert get_session(client, manager)["cart"] == ["tea", "milk"]


def test_a_background_task_comes_too_late(client):
    with pytest.raises(SessionClosedError, match="late"):
        client.get("/background")


def test_a_websocket_writes_its_session_when_it_is_accepted(client, manager):
    with client.websocket_connect("wss://testserver/ws") as websocket:
        assert websocket.receive_json() == 1
        (line,) = [value for name, value in websocket.extra_headers if name == b"set-cookie"]
    text = line.decode().partition(";")[0].partition("=")[2]
    assert dict(manager.loads(text)) == {"visits": 1}


def test_two_middlewares_are_an_error(manager):
    twice = [Middleware(SessionMiddleware, manager=manager)] * 2
    client = TestClient(Starlette(routes=ROUTES, middleware=twice))
    with pytest.raises(ConfigurationError, match="remove one"):
        client.get("/read")
