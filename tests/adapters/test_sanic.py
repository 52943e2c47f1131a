"""The contract for Sanic on its own server and on an ASGI server, and its users' own words."""

import asyncio
import gc
import sys
import threading
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("sanic")
pytest.importorskip("sanic_testing")
pytest.importorskip("uvicorn")
pytestmark = [
    pytest.mark.server,
    # Sanic 25 imports the names that websockets has given up.
    pytest.mark.filterwarnings("ignore:.*websockets:DeprecationWarning"),
]

import httpx
from sanic import Blueprint, HTTPResponse, Request, Sanic, json, redirect, text
from sanic.exceptions import NotFound
from sanic.response import empty, file_stream
from sanic_testing.testing import SanicASGITestClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from cookiesession import ConfigurationError, SessionClosedError, SessionManager, SessionTooLarge
from cookiesession.sanic import setup
from cookiesession.testing import assert_session, mint, session_transaction
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, Browser, apply, random_text

numbers = count()


routes = Blueprint("routes")


@routes.post("/do")
async def do(request):
    return json(apply(request.ctx.session, request.json))


@routes.route("/read", methods=["GET", "HEAD"])
async def read(request):
    return json(dict(request.ctx.session))


@routes.get("/untouched")
async def untouched(_request):
    return text("hello")


@routes.get("/headers")
async def headers(request):
    request.ctx.session["a"] = 1
    response = empty(200, {"Vary": "Accept", "Cache-Control": "public, max-age=60"})
    response.add_cookie("own", "1")
    return response


@routes.get("/redirect")
async def redirected(request):
    request.ctx.session["a"] = 1
    return redirect("/read", status=303)


@routes.get("/stream", name="stream")
@routes.get("/late", name="late")
async def stream(request):
    request.ctx.session["a"] = 1
    response = await request.respond()
    await response.send("one")
    await response.send("two")
    if request.path.endswith("/late"):
        request.ctx.session["late"] = 1
    await response.send("three")


@routes.get("/status-500")
async def status_500(request):
    request.ctx.session["a"] = 1
    return text("sorry", 500)


@routes.get("/raise")
async def raising(request):
    request.ctx.session["a"] = 1
    raise RuntimeError("the application's own")


@routes.get("/big")
async def big(request):
    request.ctx.session["big"] = random_text(20_000)
    return text("never sent")


def make_app(manager: SessionManager) -> Sanic:
    app = Sanic(f"app{next(numbers)}", configure_logging=False)
    app.config.REQUEST_MAX_HEADER_SIZE = 16_384  # for sessions of several cookies
    app.config.TOUCHUP = False  # it rewrites Sanic's classes for the one application of a process
    setup(app, manager)
    app.blueprint(routes.copy("root"))
    app.blueprint(routes.copy("mounted", url_prefix="/mounted"))
    return app


@asynccontextmanager
async def running(app: Sanic):
    server = await app.create_server("127.0.0.1", 0, return_asyncio_server=True)
    await server.startup()
    await server.before_start()
    await server.start_serving()
    try:
        yield "http://{}:{}".format(*server.server.sockets[0].getsockname())
    finally:
        await server.close()


class TestSanic(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return servers.in_loop(lambda: running(make_app(manager)))


class TestSanicOnASGI(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return servers.asgi(make_app(manager))


# The framework's own words.


@pytest.fixture
def app(manager):
    return make_app(manager)


@pytest.fixture
def told(monkeypatch):
    """What finalizers tell, of requests that are gone."""
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda args: told.append(args.exc_type))
    yield told
    gc.collect()


@contextmanager
def browser_of(app: Sanic):
    with servers.in_loop(lambda: running(app)) as address:
        yield Browser(address)


def session_of(browser, manager):
    return dict(manager.loads(browser.jar[manager.cookie_name]))


def test_the_test_client_keeps_the_session(app, manager):
    client = SanicASGITestClient(app)
    with session_transaction(client, manager) as session:
        session["cart"] = ["tea"]

    async def shop():
        await client.post("https://mockserver/do", json=[["append", "cart", "milk"]])
        _, response = await client.get("https://mockserver/read")
        return response.json

    assert asyncio.run(shop()) == {"cart": ["tea", "milk"]}
    assert_session(client, manager, {"cart": ["tea", "milk"]})


def test_other_middlewares_have_the_session_before_and_after(app, manager):
    @app.on_request(priority=1_000)
    async def before(request):
        request.ctx.session["before"] = 1

    @app.on_response(priority=1_000)
    async def after(request, _response):
        request.ctx.session["after"] = 1

    with browser_of(app) as browser:
        browser.get("/untouched")
    assert session_of(browser, manager) == {"before": 1, "after": 1}


def test_a_middleware_may_answer_in_place_of_the_handler(app, manager):
    @app.on_response
    async def replace(request, _response):
        request.ctx.session["a"] = 1
        return text("another")

    with browser_of(app) as browser:
        assert browser.get("/untouched").body == b"another"
    assert session_of(browser, manager) == {"a": 1}


def test_a_response_that_several_requests_share_stays_as_it_was(app):
    """H4."""
    shared = text("shared")

    @app.get("/shared")
    async def share(request):
        if "user" in request.args:
            request.ctx.session["user"] = request.args.get("user")
        return shared

    with browser_of(app) as browser:
        assert len(browser.get("/shared?user=ann").cookies) == 1
        response = browser.get("/shared")
    assert response.body == b"shared"
    assert not response.cookies


def test_a_stream_may_set_cookies_of_its_own_beside(app, manager):
    @app.get("/cookies")
    async def cookies(request):
        request.ctx.session["a"] = 1
        response = HTTPResponse()
        response.add_cookie("before", "1")
        response = await request.respond(response)
        response.add_cookie("after", "2")
        await response.eof()

    with browser_of(app) as browser:
        browser.get("/cookies")
    assert set(browser.jar) == {"before", "after", manager.cookie_name}


def test_a_file_stream_carries_the_cookie(app, manager):
    @app.get("/file")
    async def file(request):
        request.ctx.session["a"] = 1
        return await file_stream(__file__)

    with browser_of(app) as browser:
        assert browser.get("/file").body == Path(__file__).read_bytes()
    assert session_of(browser, manager) == {"a": 1}


def test_the_applications_own_request_class_stays(manager):
    class OwnRequest(Request):
        own = "own"

    app = Sanic("own", request_class=OwnRequest, configure_logging=False)
    app.config.TOUCHUP = False
    setup(app, manager)

    @app.get("/")
    async def home(request):
        request.ctx.session["a"] = 1
        return text(request.own)

    with browser_of(app) as browser:
        assert browser.get("/").body == b"own"
    assert session_of(browser, manager) == {"a": 1}


def test_an_error_page_below_500_saves(app, manager):
    @app.exception(NotFound)
    async def missing(request, _error):
        request.ctx.session["a"] = 1
        return text("missing", 404)

    with browser_of(app) as browser:
        assert browser.get("/nowhere").status == 404
    assert session_of(browser, manager) == {"a": 1}


@pytest.mark.parametrize("path", ["/big", "/big-stream"])
def test_a_session_that_does_not_fit_is_the_applications_own_error_page(app, path):
    @app.get("/big-stream")
    async def big_stream(request):
        request.ctx.session["big"] = random_text(20_000)
        response = await request.respond()
        await response.send("one")

    @app.exception(SessionTooLarge)
    async def too_large(_request, error):
        return text(f"largest: {error.largest[0][0]}", 500)

    with browser_of(app) as browser:
        response = browser.get(path)
    assert (response.status, response.body) == (500, b"largest: big")
    assert "cookie" in response.members("vary")
    assert not response.cookies


def test_a_late_change_deep_inside_is_logged(app, caplog):
    @app.get("/nested")
    async def nested(request):
        request.ctx.session["cart"] = []
        response = await request.respond()
        await response.send("one")
        request.ctx.session["cart"].append("tea")

    with browser_of(app) as browser:
        assert browser.get("/nested").body == b"one"
    assert "SessionClosedError" in caplog.text


def test_a_change_after_the_response_is_told_at_the_last(app, told):
    """D1."""

    @app.get("/task")
    async def task(request):
        cart = request.ctx.session["cart"] = []
        asyncio.get_running_loop().call_soon(cart.append, "tea")
        return text("sent")

    with browser_of(app) as browser:
        assert browser.get("/task").cookies
    gc.collect()
    assert told == [SessionClosedError]


@contextmanager
def chat_of(app: Sanic, manager: SessionManager):
    cookie = f"{manager.cookie_name}={mint(manager, {'user': 'ann', 'cart': ['tea']})}"
    with servers.in_loop(lambda: running(app)) as address:
        url = address.replace("http", "ws") + "/ws"
        with connect(url, additional_headers={"Cookie": cookie}) as websocket:
            yield websocket


def test_a_change_in_a_websocket_is_an_error_at_once(app, manager, caplog):
    """D1."""

    @app.websocket("/ws")
    async def chat(request, websocket):
        await websocket.send(request.ctx.session["user"])
        await websocket.recv()
        request.ctx.session["user"] = "eve"
        await websocket.send("never sent")

    with chat_of(app, manager) as websocket:
        assert websocket.recv() == "ann"
        websocket.send("change it")
        with pytest.raises(ConnectionClosed):
            websocket.recv()
    assert "SessionClosedError" in caplog.text


def test_a_change_deep_inside_in_a_websocket_is_logged(app, manager, caplog):
    """D1."""

    @app.websocket("/ws")
    async def chat(request, websocket):
        request.ctx.session["cart"].append("milk")
        await websocket.send("changed")
        await websocket.recv()  # raises when the client has gone

    ended = threading.Event()

    @app.signal("http.handler.after")
    async def end(request):
        ended.set()

    with chat_of(app, manager) as websocket:
        assert websocket.recv() == "changed"
        websocket.close()
        assert ended.wait(10)
    assert "SessionClosedError" in caplog.text


def test_an_error_page_that_cannot_save_leaves_without_a_cookie(manager):
    app = make_app(manager.replace(save_on_5xx=True))

    @app.get("/raise-big")
    async def raise_big(request):
        request.ctx.session["big"] = random_text(20_000)
        raise RuntimeError("the application's own")

    with browser_of(app) as browser:
        assert len(browser.get("/raise").cookies) == 1
        response = browser.get("/raise-big")
    assert response.status == 500
    assert not response.cookies


def test_cookie_headers_are_read_as_they_came(app, manager):
    """I1, I6."""
    cookie = f"{manager.cookie_name}={mint(manager, {'user': 'ann'})}"
    several = [("Cookie", "a=1"), ("Cookie", cookie)]
    with servers.in_loop(lambda: running(app)) as address:
        assert httpx.get(f"{address}/read", headers=several).json() == {"user": "ann"}
        browser = Browser(address)
        assert browser.get("/read", cookie=b"\t" + cookie.encode()).data == {"user": "ann"}
        assert browser.get("/read", cookie=b"\xc2\xa0" + cookie.encode()).data == {}


def test_two_setups_are_an_error(app, manager):
    with pytest.raises(ConfigurationError, match="once"):
        setup(app, manager)


def test_setup_wants_a_manager():
    with pytest.raises(ConfigurationError, match="SessionManager"):
        setup(Sanic("unmanaged"), "a key")
