"""The contract for FastAPI, with the session as a dependency."""

from typing import Annotated, Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.server

from fastapi import Body, FastAPI, Request, WebSocket
from fastapi.responses import PlainTextResponse, RedirectResponse, StreamingResponse
from fastapi.testclient import TestClient

from cookiesession import ConfigurationError, SessionManager
from cookiesession.fastapi import SessionDep, SessionMiddleware
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text


def make_routes() -> FastAPI:  # noqa: C901  one function a route
    app = FastAPI()

    @app.post("/do")
    def do(session: SessionDep, operations: Annotated[list[list[Any]], Body()]):
        return apply(session, operations)

    @app.api_route("/read", methods=["GET", "HEAD"])
    def read(session: SessionDep):
        return session

    @app.get("/untouched", response_class=PlainTextResponse)
    def untouched():
        return "hello"

    @app.get("/headers")
    def headers(session: SessionDep):
        session["a"] = 1
        own = {"Vary": "Accept", "Cache-Control": "public, max-age=60"}
        response = PlainTextResponse("", headers=own)
        response.set_cookie("own", "1")
        return response

    @app.get("/redirect")
    def redirect(session: SessionDep):
        session["a"] = 1
        return RedirectResponse("/read", 303)

    @app.get("/stream")
    @app.get("/late")
    def stream(request: Request, session: SessionDep):
        session["a"] = 1

        def body():
            yield "one"
            yield "two"
            if request.url.path.endswith("/late"):
                session["late"] = 1
            yield "three"

        return StreamingResponse(body())

    @app.get("/status-500", status_code=500)
    def status_500(session: SessionDep):
        session["a"] = 1
        return "sorry"

    @app.get("/raise")
    def raising(session: SessionDep):
        session["a"] = 1
        raise RuntimeError("the application's own")

    @app.get("/big")
    def big(session: SessionDep):
        session["big"] = random_text(20_000)

    @app.websocket("/ws")
    async def counting(websocket: WebSocket, session: SessionDep):
        session["visits"] = 1
        await websocket.accept()
        await websocket.send_json(session)
        await websocket.close()

    return app


class TestFastAPI(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = make_routes()
        app.mount("/mounted", make_routes())
        app.add_middleware(SessionMiddleware, manager=manager)
        return servers.asgi(app)


def test_a_websocket_route_takes_the_dependency(manager):
    app = make_routes()
    app.add_middleware(SessionMiddleware, manager=manager)
    with TestClient(app).websocket_connect("wss://testserver/ws") as websocket:
        assert websocket.receive_json() == {"visits": 1}
        assert b"set-cookie" in dict(websocket.extra_headers)


def test_a_missing_middleware_is_an_error_that_says_so():
    with pytest.raises(ConfigurationError, match="add_middleware"):
        TestClient(make_routes()).get("/read")
