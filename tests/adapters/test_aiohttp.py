"""The contract for aiohttp, and its users' own words."""

import asyncio
import gc
import sys
from contextlib import asynccontextmanager
from functools import wraps

import pytest

pytest.importorskip("aiohttp")
pytestmark = pytest.mark.server

from aiohttp import ClientPayloadError, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from cookiesession import ConfigurationError, SessionClosedError, SessionManager
from cookiesession.aiohttp import get_session, setup
from cookiesession.testing import assert_session, mint, session_transaction, set_cookie
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text

routes = web.RouteTableDef()


@routes.post("/do")
async def do(request):
    return web.json_response(apply(get_session(request), await request.json()))


@routes.get("/read")
async def read(request):
    return web.json_response(get_session(request))


@routes.get("/untouched")
async def untouched(_request):
    return web.Response(text="hello")


@routes.get("/headers")
async def headers(request):
    get_session(request)["a"] = 1
    response = web.Response(headers={"Vary": "Accept", "Cache-Control": "public, max-age=60"})
    response.set_cookie("own", "1")
    return response


@routes.get("/redirect")
async def redirect(request):
    get_session(request)["a"] = 1
    raise web.HTTPSeeOther("/read")


@routes.get("/stream")
@routes.get("/late")
async def stream(request):
    session = get_session(request)
    session["a"] = 1
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"one")
    await response.write(b"two")
    if request.path.endswith("/late"):
        session["late"] = 1
    await response.write(b"three")
    return response


@routes.get("/status-500")
async def status_500(request):
    get_session(request)["a"] = 1
    return web.Response(text="sorry", status=500)


@routes.get("/raise")
async def raising(request):
    get_session(request)["a"] = 1
    raise RuntimeError("the application's own")


@routes.get("/big")
async def big(request):
    get_session(request)["big"] = random_text(20_000)
    return web.Response(text="never sent")


def make_app() -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    return app


@asynccontextmanager
async def running(app: web.Application):
    runner = web.AppRunner(app, max_field_size=16_384)  # for sessions of several cookies
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


class TestAiohttp(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = make_app()
        app.add_subapp("/mounted", make_app())
        setup(app, manager)
        return servers.in_loop(lambda: running(app))


# The framework's own words, with its own test client.


def asynchronous(test):
    """Run a test in an event loop of its own."""

    @wraps(test)
    def run(**fixtures):
        asyncio.run(test(**fixtures))

    return run


@asynccontextmanager
async def client_of(app: web.Application, *paths_and_handlers):
    """Start an application with some more routes; yield a client that sends Secure cookies."""
    for path, handler in paths_and_handlers:
        app.router.add_get(path, handler)
    async with TestServer(app) as server:
        jar = CookieJar(unsafe=True, treat_as_secure_origin=server.make_url("/"))
        async with TestClient(server, cookie_jar=jar) as client:
            yield client


@pytest.fixture
def app(manager):
    app = make_app()
    setup(app, manager)
    return app


@asynchronous
async def test_the_test_client_keeps_the_session(app, manager):
    async with client_of(app) as client:
        response = await client.post("/do", json=[["set", "user", "ann"]])
        assert_session(response, manager, {"user": "ann"})
        assert await (await client.get("/read")).json() == {"user": "ann"}
        assert_session(client, manager, {"user": "ann"})


@asynchronous
async def test_a_test_may_prepare_the_session(app, manager):
    async with client_of(app) as client:
        with session_transaction(client, manager) as session:
            session["cart"] = ["tea"]
        await client.post("/do", json=[["append", "cart", "milk"]])
        assert_session(client, manager, {"cart": ["tea", "milk"]})
        set_cookie(client, manager, mint(manager, {"user": "eve"}, namespace="other"))
        assert await (await client.get("/read")).json() == {}


@asynchronous
async def test_a_middleware_that_came_first_has_the_session_too(manager):
    @web.middleware
    async def count(request, handler):
        response = await handler(request)
        get_session(request)["visits"] = get_session(request).get("visits", 0) + 1
        return response

    app = web.Application(middlewares=[count])
    setup(app, manager)
    async with client_of(app, ("/", untouched)) as client:
        for _ in range(2):
            await client.get("/")
        assert_session(client, manager, {"visits": 2})


@asynchronous
async def test_an_error_page_below_500_saves(app, manager):
    async def missing(request):
        get_session(request)["a"] = 1
        raise web.HTTPNotFound

    async with client_of(app, ("/missing", missing)) as client:
        assert (await client.get("/missing")).status == 404
        assert_session(client, manager, {"a": 1})


@asynchronous
async def test_an_error_page_that_cannot_carry_the_session_gives_way_to_another(app):
    async def missing(request):
        get_session(request)["big"] = random_text(20_000)
        raise web.HTTPNotFound

    async with client_of(app, ("/missing", missing)) as client:
        assert (await client.get("/missing")).status == 500


@asynchronous
async def test_a_request_that_aiohttp_refuses_by_itself_has_no_session(app):
    async with client_of(app) as client:
        response = await client.get("/read", headers={"Expect": "nothing"})
        assert response.status == 417
        assert "Vary" not in response.headers


@asynchronous
async def test_a_websocket_writes_its_session_with_the_handshake(app, manager, caplog):
    async def counting(request):
        session = get_session(request)
        session["visits"] = [1]
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        await websocket.send_str("hello")
        session["visits"].append(2)
        return websocket

    async with client_of(app, ("/ws", counting)) as client:
        async with client.ws_connect("/ws") as websocket:
            assert await websocket.receive_str() == "hello"
        assert_session(client, manager, {"visits": [1]})
    assert "SessionClosedError" in caplog.text


@asynchronous
@pytest.mark.parametrize("response", [web.StreamResponse, web.WebSocketResponse])
async def test_a_response_that_cannot_carry_the_session_gives_way_to_an_error_page(
    app, manager, response
):
    async def prepare(request):
        get_session(request)["big"] = random_text(20_000)
        await response().prepare(request)

    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    upgrade["Sec-WebSocket-Key"] = "AAAAAAAAAAAAAAAAAAAAAA=="
    async with client_of(app, ("/prepare", prepare)) as client:
        answer = await client.get("/prepare", headers=upgrade)
        assert answer.status == 500
        assert "Internal Server Error" in await answer.text()
        assert_session(client, manager, {})


@asynchronous
async def test_a_late_change_breaks_the_stream_off(app):
    async def stream(request):
        session = get_session(request)
        session["cart"] = []
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"one")
        session["cart"].append("tea")
        return response

    async with client_of(app, ("/nested", stream)) as client:
        response = await client.get("/nested")
        with pytest.raises(ClientPayloadError):
            await response.read()


@asynchronous
async def test_a_change_in_a_body_that_is_made_later_is_told_at_the_last(app, monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: told.append(args.exc_type))

    async def handler(request):
        session = get_session(request)
        session["cart"] = []

        async def body():
            session["cart"].append("tea")
            yield b"one"

        return web.Response(body=body())

    async with client_of(app, ("/body", handler)) as client:
        assert await (await client.get("/body")).read() == b"one"
    gc.collect()
    assert told == [SessionClosedError]


@asynchronous
async def test_a_handler_without_a_return_is_told_what_aiohttp_says(app, manager, caplog):
    async def forgetful(request):
        get_session(request)["a"] = 1

    async with client_of(app, ("/forgetful", forgetful)) as client:
        assert (await client.get("/forgetful")).status == 500
        assert_session(client, manager, {})
    assert "Missing return statement" in caplog.text


@asynchronous
async def test_a_missing_setup_is_an_error_that_says_so(caplog):
    async with client_of(make_app()) as client:
        assert (await client.get("/read")).status == 500
    assert "call cookiesession.aiohttp.setup(app, manager)" in caplog.text


@asynchronous
async def test_two_setups_are_an_error(app, manager, caplog):
    setup(app, manager)
    async with client_of(app) as client:
        assert (await client.get("/untouched")).status == 500
    assert "call setup once" in caplog.text


def test_setup_wants_a_manager():
    with pytest.raises(ConfigurationError, match="SessionManager"):
        setup(web.Application(), "a key")
