"""The contract for aiohttp_session with our storage, in the words of that package."""

import gc

import pytest

pytest.importorskip("aiohttp_session")
pytestmark = [
    pytest.mark.server,
    # aiohttp_session 2.12 keeps its session under a key of the kind that aiohttp 3.14 discourages.
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
]

from aiohttp import web
from aiohttp_session import get_session, new_session
from aiohttp_session import setup as setup_aiohttp_session

from cookiesession import ConfigurationError, SessionManager
from cookiesession.aiohttp import setup
from cookiesession.aiohttp_session import CookieSessionStorage
from cookiesession.testing import assert_session, mint, session_transaction, set_cookie
from cookiesession.testing import get_session as get_cookie_session
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text
from tests.adapters.test_aiohttp import asynchronous, client_of, running

routes = web.RouteTableDef()


async def regenerate(request, session):
    kept = dict(session)
    (await new_session(request)).update(kept)


async def remember(_request, session, seconds):
    session.max_age = seconds


async def forget(_request, session):
    session.max_age = None


async def destroy(_request, session):
    session.invalidate()


WORDS = {"regenerate": regenerate, "remember": remember, "forget": forget, "destroy": destroy}


@routes.post("/do")
async def do(request):
    results = []
    for name, *arguments in await request.json():
        session = await get_session(request)
        if name in WORDS:
            results.append(await WORDS[name](request, session, *arguments))
        else:
            results += apply(session, [[name, *arguments]])["results"]
    return web.json_response({"results": results, "session": dict(await get_session(request))})


@routes.get("/read")
async def read(request):
    return web.json_response(dict(await get_session(request)))


@routes.get("/untouched")
async def untouched(request):
    await get_session(request)
    return web.Response(text="hello")


@routes.get("/headers")
async def headers(request):
    (await get_session(request))["a"] = 1
    response = web.Response(headers={"Vary": "Accept", "Cache-Control": "public, max-age=60"})
    response.set_cookie("own", "1")
    return response


@routes.get("/redirect")
async def redirect(request):
    (await get_session(request))["a"] = 1
    raise web.HTTPSeeOther("/read")


@routes.get("/stream")
@routes.get("/late")
async def stream(request):
    session = await get_session(request)
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
    (await get_session(request))["a"] = 1
    return web.Response(text="sorry", status=500)


@routes.get("/raise")
async def raising(request):
    (await get_session(request))["a"] = 1
    raise RuntimeError("the application's own")


@routes.get("/big")
async def big(request):
    (await get_session(request))["big"] = random_text(20_000)
    return web.Response(text="never sent")


def make_app() -> web.Application:
    app = web.Application()
    app.add_routes(routes)
    return app


class TestAiohttpSession(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = make_app()
        app.add_subapp("/mounted", make_app())
        setup_aiohttp_session(app, CookieSessionStorage(manager))
        return servers.in_loop(lambda: running(app))


class TestAiohttpSessionBesideSetup(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = make_app()
        app.add_subapp("/mounted", make_app())
        setup(app, manager)
        setup_aiohttp_session(app, CookieSessionStorage(manager))
        return servers.in_loop(lambda: running(app))


@pytest.fixture
def app(manager):
    app = make_app()
    setup_aiohttp_session(app, CookieSessionStorage(manager))
    return app


@asynchronous
async def test_a_new_session_takes_the_place_of_the_old_one(app, manager):
    """L5. Nothing of the old one is kept, its id neither."""

    async def login(request):
        session = await new_session(request)
        session["user"] = "ann"
        session.max_age = 60
        assert session.new
        assert session.created == manager.clock()
        return web.Response()

    async with client_of(app, ("/login", login)) as client:
        with session_transaction(client, manager) as before:
            before["cart"] = ["tea"]
        await client.get("/login")
        after = get_cookie_session(client, manager)
        assert dict(after) == {"user": "ann"}
        assert after.id != before.id
        assert (after.expires - after.created).total_seconds() == 60


@asynchronous
async def test_a_new_session_that_stays_empty_ends_the_old_one(app, manager):
    async def leave(request):
        await new_session(request)
        return web.Response()

    async with client_of(app, ("/leave", leave)) as client:
        with session_transaction(client, manager) as session:
            session["user"] = "ann"
        await client.get("/leave")
        assert_session(client, manager, {})


@asynchronous
async def test_the_words_of_aiohttp_session_are_understood(app, manager):
    async def use(request):
        session = await get_session(request)
        assert (session.new, session.empty, session.max_age) == (False, False, None)
        assert session.created == manager.clock()
        assert "ann" not in repr(session)  # K3
        session.changed()
        return web.Response()

    async with client_of(app, ("/use", use)) as client:
        set_cookie(client, manager, mint(manager, {"user": "ann"}))
        response = await client.get("/use")
        assert_session(response, manager, {"user": "ann"})


@asynchronous
async def test_a_stream_that_loses_a_change_is_logged(app, manager, caplog):
    """D1. Nothing else can be done: aiohttp_session tells the storage nothing of it."""
    async with client_of(app) as client:
        await (await client.get("/stream")).read()
        assert_session(client, manager, {})
    gc.collect()
    assert "call cookiesession.aiohttp.setup(app, manager)" in caplog.text


@asynchronous
async def test_beside_setup_a_websocket_writes_its_session(app, manager):
    async def counting(request):
        (await get_session(request))["visits"] = 1
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        return websocket

    setup(app, manager)
    async with client_of(app, ("/ws", counting)) as client, client.ws_connect("/ws"):
        assert_session(client, manager, {"visits": 1})


@asynchronous
async def test_beside_setup_a_middleware_may_change_the_session_last(manager):
    @web.middleware
    async def count(request, handler):
        response = await handler(request)
        (await get_session(request))["visits"] = 1
        return response

    app = web.Application(middlewares=[count])
    setup(app, manager)
    setup_aiohttp_session(app, CookieSessionStorage(manager))
    async with client_of(app, ("/", headers)) as client:
        await client.get("/")
        assert_session(client, manager, {"a": 1, "visits": 1})


@asynchronous
async def test_the_session_of_this_library_is_within(app, manager):
    async def login(request):
        session = await get_session(request)
        session.cookie_session.regenerate(keep=["cart"])
        return web.Response()

    async with client_of(app, ("/login", login)) as client:
        with session_transaction(client, manager) as session:
            session.update(cart=["tea"], secret="of somebody else")
        await client.get("/login")
        assert_session(client, manager, {"cart": ["tea"]})


def test_the_storage_wants_a_manager():
    with pytest.raises(ConfigurationError, match="SessionManager"):
        CookieSessionStorage("a key")
