"""The testing kit with each kind of client; Starlette's, Django's, aiohttp's and Litestar's clients
are used beside their adapters' own tests."""

import asyncio
import json
from contextlib import ExitStack
from datetime import timedelta

import pytest

flask = pytest.importorskip("flask")
httpx = pytest.importorskip("httpx")
requests = pytest.importorskip("requests")
quart = pytest.importorskip("quart")
pytestmark = pytest.mark.server

from cookiesession import InvalidCookie, Key, Status
from cookiesession.flask import CookieSession
from cookiesession.quart import CookieSession as QuartSession
from cookiesession.testing import (
    assert_session,
    get_cookie,
    get_session,
    mint,
    session_transaction,
    set_cookie,
    tampered,
)
from cookiesession.wsgi import SessionMiddleware
from tests.adapters import servers

BASE = "https://shop.test"


def application(environ, start_response):
    """Answer with the session; a POST counts."""
    session = environ["cookiesession.session"]
    if environ["REQUEST_METHOD"] == "POST":
        session["count"] = session.get("count", 0) + 1
    body = json.dumps(dict(session)).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


@pytest.fixture(params=["httpx", "requests", "flask"])
def client(request, manager):
    """Yield a client, and a function that asks it for the session over HTTP."""
    app = SessionMiddleware(application, manager)
    with ExitStack() as stack:
        if request.param == "httpx":
            client = stack.enter_context(
                httpx.Client(transport=httpx.WSGITransport(app), base_url=BASE)
            )
            yield client, lambda method: client.request(method, "/")
        elif request.param == "requests":
            address = stack.enter_context(servers.wsgi(app))
            client = stack.enter_context(requests.Session())
            yield client, lambda method: client.request(method, f"{address}/")
        else:
            flask_app = flask.Flask(__name__)
            CookieSession(flask_app, manager)
            flask_app.add_url_rule("/", "home", flask_home, methods=["GET", "POST"])
            client = flask_app.test_client()
            yield (
                client,
                lambda method: client.open("/", method=method, base_url="https://localhost"),
            )


def flask_home():
    if flask.request.method == "POST":
        flask.session["count"] = flask.session.get("count", 0) + 1
    return dict(flask.session)


def data_of(response):
    return response.json if isinstance(response.json, dict) else response.json()


def test_a_client_is_given_a_session_and_shows_it(client, manager):
    client, ask = client
    set_cookie(client, manager, mint(manager, {"count": 1}), host=host_of(client))
    assert data_of(ask("GET")) == {"count": 1}
    assert_session(client, manager, {"count": 1})
    with session_transaction(client, manager) as session:
        session["count"] = 5
    assert data_of(ask("GET")) == {"count": 5}
    with pytest.raises(AssertionError, match="the session is"):
        assert_session(client, manager, {"count": 6})


def host_of(client):
    return "127.0.0.1" if isinstance(client, requests.Session) else ""


def test_what_the_application_wrote_is_read_back(client, manager):
    client, ask = client
    response = ask("POST")
    assert_session(response, manager, {"count": 1})
    if not isinstance(client, requests.Session):  # over http it sends no Secure cookie back
        ask("POST")
        assert get_session(client, manager)["count"] == 2


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"age": timedelta(days=15)}, Status.IDLE_EXPIRED),
        ({"keys": Key.generate()}, Status.UNKNOWN_KEY),
        ({"namespace": "another"}, Status.UNKNOWN_KEY),
        ({"age": -301}, Status.NOT_YET_VALID),
    ],
)
def test_a_minted_cookie_is_refused_as_asked_for(client, manager, settings, status):
    client, ask = client
    text = mint(manager, {"count": 1}, **settings)
    with pytest.raises(InvalidCookie) as refusal:
        manager.loads(text)
    assert refusal.value.reason is status
    set_cookie(client, manager, text, host=host_of(client))
    assert data_of(ask("GET")) == {}
    assert get_session(client, manager).new or not get_session(client, manager)


def test_a_tampered_cookie_is_refused(client, manager):
    client, ask = client
    text = tampered(mint(manager, {"count": 1}))
    set_cookie(client, manager, text, host=host_of(client))
    assert get_cookie(client, manager) == text
    assert data_of(ask("GET")) == {}


def test_quarts_client_is_served_too(manager):
    quart_app = quart.Quart(__name__)
    QuartSession(quart_app, manager)

    @quart_app.post("/")
    async def home():
        quart.session["count"] = quart.session.get("count", 0) + 1
        return dict(quart.session)

    async def visit():
        client = quart_app.test_client()
        with session_transaction(client, manager) as session:
            session["count"] = 5
        response = await client.post("/", scheme="https")
        assert await response.get_json() == {"count": 6}
        assert_session(client, manager, {"count": 6})
        assert_session(response, manager, {"count": 6})

    asyncio.run(visit())


def test_the_clock_and_the_manager_are_fixtures(session_clock, session_manager):
    text = session_manager.dumps({"a": 1})
    session_clock.advance(days=15)
    with pytest.raises(InvalidCookie):
        session_manager.loads(text)
