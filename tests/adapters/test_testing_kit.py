"""The testing kit keeps its word with every kind of client, on an application of its framework."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from cookiesession import ConfigurationError, Key, Keyring, SessionManager, Status, asgi, wsgi
from cookiesession.testing import (
    assert_session,
    get_cookie,
    get_session,
    mint,
    session_transaction,
    set_cookie,
    tampered,
)
from tests.adapters import servers
from tests.adapters.contract import random_text

pytestmark = pytest.mark.server

URL = "https://shop.test"
NEW, OLD, RETIRED = Key.generate(), Key.generate(), Key.generate()


class Bench(NamedTuple):
    """A client, its application's manager, and how to send a request: a POST counts a visit."""

    client: Any
    manager: SessionManager
    send: Callable[[str], tuple[Any, dict[str, Any]]]  # method -> response, session as JSON
    host: str = ""


def visit(session: Any, method: str) -> dict[str, Any]:
    if method == "POST":
        session["visits"] = session.get("visits", 0) + 1
    return dict(session)


def wsgi_application(environ, start_response):
    data = visit(environ["cookiesession.session"], environ["REQUEST_METHOD"])
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(data).encode()]


async def asgi_application(scope, receive, send):
    data = visit(scope["session"], scope["method"])
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(data).encode()})


def answered(response):
    return response, response.json()


def httpx(manager) -> Iterator[Bench]:
    httpx = pytest.importorskip("httpx")
    transport = httpx.WSGITransport(wsgi.SessionMiddleware(wsgi_application, manager))
    with httpx.Client(transport=transport, base_url=URL) as client:
        yield Bench(client, manager, lambda method: answered(client.request(method, "/")))


def asynchronous_httpx(manager) -> Iterator[Bench]:
    httpx = pytest.importorskip("httpx")
    transport = httpx.ASGITransport(asgi.SessionMiddleware(asgi_application, manager))
    client = httpx.AsyncClient(transport=transport, base_url=URL)
    with asyncio.Runner() as runner:
        yield Bench(
            client, manager, lambda method: answered(runner.run(client.request(method, "/")))
        )
        runner.run(client.aclose())


def requests(manager) -> Iterator[Bench]:
    requests = pytest.importorskip("requests")
    manager = manager.replace(development=True)  # for the server speaks http
    app = wsgi.SessionMiddleware(wsgi_application, manager)
    with servers.wsgi(app) as address, requests.Session() as client:
        yield Bench(
            client, manager, lambda method: answered(client.request(method, address)), "127.0.0.1"
        )


def starlette(manager) -> Iterator[Bench]:
    testclient = pytest.importorskip("starlette.testclient")
    client = testclient.TestClient(
        asgi.SessionMiddleware(asgi_application, manager), base_url="https://testserver"
    )
    yield Bench(client, manager, lambda method: answered(client.request(method, "/")))


def fastapi(manager) -> Iterator[Bench]:
    fastapi = pytest.importorskip("fastapi")
    testclient = pytest.importorskip("fastapi.testclient")
    app = fastapi.FastAPI()
    app.add_middleware(asgi.SessionMiddleware, manager=manager)

    @app.api_route("/", methods=["GET", "POST"])
    def home(request: fastapi.Request):
        return visit(request.session, request.method)

    client = testclient.TestClient(app, base_url=URL)
    yield Bench(client, manager, lambda method: answered(client.request(method, "/")))


def litestar(manager) -> Iterator[Bench]:
    litestar = pytest.importorskip("litestar")
    testing = pytest.importorskip("litestar.testing")
    from cookiesession.litestar import CookieSessionConfig  # noqa: PLC0415  an extra

    @litestar.route("/", http_method=["GET", "POST"], status_code=200, sync_to_thread=False)
    def home(request: litestar.Request) -> dict[str, Any]:
        return visit(request.session, request.method)

    middleware = [CookieSessionConfig(manager).middleware]
    with testing.create_test_client([home], middleware=middleware, base_url=URL) as client:
        yield Bench(client, manager, lambda method: answered(client.request(method, "/")))


def werkzeug(manager) -> Iterator[Bench]:
    test = pytest.importorskip("werkzeug.test")
    client = test.Client(wsgi.SessionMiddleware(wsgi_application, manager))
    yield Bench(client, manager, lambda method: of_werkzeug(client, method))


def flask(manager) -> Iterator[Bench]:
    flask = pytest.importorskip("flask")
    from cookiesession.flask import CookieSession  # noqa: PLC0415  an extra

    app = flask.Flask(__name__)
    CookieSession(app, manager)

    @app.route("/", methods=["GET", "POST"])
    def home():
        return visit(flask.session, flask.request.method)

    client = app.test_client()
    yield Bench(client, manager, lambda method: of_werkzeug(client, method))


def of_werkzeug(client, method):
    response = client.open("/", method=method, base_url="https://localhost")
    return response, response.json


def quart(manager) -> Iterator[Bench]:
    quart = pytest.importorskip("quart")
    from cookiesession.quart import CookieSession  # noqa: PLC0415  an extra

    app = quart.Quart(__name__)
    CookieSession(app, manager)

    @app.route("/", methods=["GET", "POST"])
    async def home():
        return visit(quart.session, quart.request.method)

    client = app.test_client()

    async def send(method):
        response = await client.open("/", method=method, scheme="https")
        return response, await response.get_json()

    with asyncio.Runner() as runner:
        yield Bench(client, manager, lambda method: runner.run(send(method)))


def django(manager) -> Iterator[Bench]:
    pytest.importorskip("django")
    from tests.adapters.django_settings import OURS, configure  # noqa: PLC0415  an extra

    configure()
    test = pytest.importorskip("django.test")
    http = pytest.importorskip("django.http")
    urls = pytest.importorskip("django.urls")
    from cookiesession.django import get_manager  # noqa: PLC0415  an extra

    def home(request):
        return http.JsonResponse(visit(request.session, request.method))

    options = {"keys": manager.keyring, "clock": manager.clock, "max_cookies": 3}
    urlconf = type("Urls", (), {"urlpatterns": [urls.path("", home)]})
    client = test.Client()

    def send(method):
        return answered(client.generic(method, "/", secure=True))

    with test.override_settings(COOKIESESSION=options, MIDDLEWARE=[OURS], ROOT_URLCONF=urlconf):
        yield Bench(client, get_manager(), send)


def aiohttp(manager) -> Iterator[Bench]:
    aiohttp = pytest.importorskip("aiohttp")
    test_utils = pytest.importorskip("aiohttp.test_utils")
    from cookiesession.aiohttp import get_session, setup  # noqa: PLC0415  an extra

    manager = manager.replace(development=True)  # for the server speaks http

    async def home(request):
        return aiohttp.web.json_response(visit(get_session(request), request.method))

    async def start():
        app = aiohttp.web.Application()
        app.router.add_route("*", "/", home)
        setup(app, manager)
        client = test_utils.TestClient(test_utils.TestServer(app))
        await client.start_server()
        return client

    async def send(method):
        response = await client.request(method, "/")
        return response, await response.json()

    with asyncio.Runner() as runner:
        client = runner.run(start())
        yield Bench(client, manager, lambda method: runner.run(send(method)))
        runner.run(client.close())


def webtest(manager) -> Iterator[Bench]:
    webtest = pytest.importorskip("webtest")
    app = wsgi.SessionMiddleware(wsgi_application, manager)
    client = webtest.TestApp(app, extra_environ={"wsgi.url_scheme": "https"})

    def send(method):
        response = getattr(client, method.lower())("/")
        return response, response.json

    yield Bench(client, manager, send)


CLIENTS = [
    httpx, asynchronous_httpx, requests, starlette, fastapi, litestar,
    werkzeug, flask, quart, django, aiohttp, webtest,
]  # fmt: skip


@pytest.fixture(params=CLIENTS, ids=lambda make: make.__name__)
def bench(request, clock) -> Iterator[Bench]:
    manager = SessionManager(Keyring([NEW, OLD], retired=[RETIRED]), max_cookies=3, clock=clock)
    make: Callable[[SessionManager], AbstractContextManager[Bench]] = contextmanager(request.param)
    with make(manager) as bench:
        yield bench


def test_a_cookie_that_a_client_is_given_is_what_the_application_sees(bench):
    client, manager, send, host = bench
    for text in (mint(manager, {"visits": 1}), mint(manager, {"visits": 2}, keys=OLD)):
        set_cookie(client, manager, text, host=host)
        assert get_cookie(client, manager) == text
        assert send("GET")[1] == dict(manager.loads(text))


def test_a_transaction_changes_the_session_and_the_application_goes_on_from_there(bench):
    client, manager, send, host = bench
    with session_transaction(client, manager, host=host) as session:
        session["visits"] = 1
    for visits in (2, 4):
        assert send("POST")[1] == {"visits": visits}
        with session_transaction(client, manager) as session:
            session["visits"] += 1
    assert send("GET")[1] == {"visits": 5}


def test_what_the_application_wrote_is_read_from_the_client_and_from_the_response(bench):
    client, manager, send, _ = bench
    assert_session(client, manager, {})
    for visits in (1, 2):
        response, _ = send("POST")
        assert_session(client, manager, {"visits": visits})
        assert_session(response, manager, {"visits": visits})
    assert get_session(client, manager).status is Status.VALID
    with pytest.raises(AssertionError, match=r"is {'visits': 2} \(valid\), not {'visits': 3}"):
        assert_session(client, manager, {"visits": 3})


def test_a_session_that_a_transaction_empties_is_gone(bench):
    client, manager, send, _ = bench
    send("POST")
    with session_transaction(client, manager) as session:
        session.clear()
    assert get_cookie(client, manager) is None
    assert send("GET")[1] == {}


def test_a_session_of_several_cookies_is_given_and_read_and_made_small(bench):
    client, manager, send, host = bench
    big = random_text(6_000)
    with session_transaction(client, manager, host=host) as session:
        session["big"] = big
    assert send("GET")[1] == {"big": big}
    send("POST")
    assert_session(client, manager, {"big": big, "visits": 1})
    with session_transaction(client, manager) as session:
        del session["big"]
    assert send("GET")[1] == {"visits": 1}
    assert (get_cookie(client, manager) or "").startswith("1")


REFUSED: dict[str, tuple[Callable[[SessionManager], str], Status]] = {
    "idle": (lambda manager: mint(manager, {"a": 1}, age=timedelta(days=15)), Status.IDLE_EXPIRED),
    "unknown": (lambda manager: mint(manager, {"a": 1}, keys=Key.generate()), Status.UNKNOWN_KEY),
    "retired": (lambda manager: mint(manager, {"a": 1}, keys=RETIRED), Status.UNKNOWN_KEY),
    "namespace": (lambda manager: mint(manager, {"a": 1}, namespace="b"), Status.UNKNOWN_KEY),
    "tampered": (lambda manager: tampered(mint(manager, {"a": 1})), Status.BAD_SIGNATURE),
    "future": (lambda manager: mint(manager, {"a": 1}, age=-301), Status.NOT_YET_VALID),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_cookie_that_was_minted_to_be_refused_is_refused(bench, kind):
    client, manager, send, host = bench
    make, status = REFUSED[kind]
    set_cookie(client, manager, make(manager), host=host)
    assert send("GET")[1] == {}
    assert get_session(client, manager).status is status
    assert send("POST")[1] == {"visits": 1}
    assert_session(client, manager, {"visits": 1})


@pytest.mark.parametrize("package", ["requests", "httpx"])
def test_a_client_without_a_base_url_must_be_told_the_host(package, manager):
    module = pytest.importorskip(package)
    with (
        getattr(module, "Session" if package == "requests" else "Client")() as client,
        pytest.raises(ConfigurationError, match="host="),
    ):
        set_cookie(client, manager, mint(manager, {}))


def test_a_secure_cookie_is_not_sent_over_http(manager):
    """As a browser would not: the kit's is no other than the application's."""
    testclient = pytest.importorskip("starlette.testclient")
    client = testclient.TestClient(asgi.SessionMiddleware(asgi_application, manager))
    set_cookie(client, manager, mint(manager, {"visits": 1}))
    assert client.get("/").json() == {}
    assert client.get("https://testserver/").json() == {"visits": 1}
