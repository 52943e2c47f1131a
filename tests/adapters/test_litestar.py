"""The contract for Litestar, and its users' own words."""

from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("litestar")
pytest.importorskip("uvicorn")
pytestmark = pytest.mark.server

from litestar import Litestar, Request, Response, WebSocket, asgi, get, head, post, websocket
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import Cookie
from litestar.exceptions import LitestarException, NotAuthorizedException
from litestar.plugins.flash import FlashConfig, FlashPlugin, flash
from litestar.response import Redirect, Stream, Template
from litestar.security.session_auth import SessionAuth
from litestar.template import TemplateConfig
from litestar.testing import create_test_client
from litestar.utils.scope.state import ScopeState

from cookiesession import (
    ConfigurationError,
    Key,
    SessionClosedError,
    SessionManager,
    SessionTooLarge,
)
from cookiesession.litestar import CookieSessionConfig
from cookiesession.testing import assert_session, mint, set_cookie
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text

OWN = {"Vary": "Accept", "Cache-Control": "public, max-age=60"}
URL = "https://testserver.local"


@post("/do", status_code=200)
async def do(request: Request) -> dict[str, Any]:
    return apply(request.session, await request.json())


@get("/read", sync_to_thread=False)
def read(request: Request) -> dict[str, Any]:
    return request.session


@head("/read", sync_to_thread=False)
def read_head(request: Request) -> None:
    assert "a" in request.session


@get("/untouched", sync_to_thread=False)
def untouched() -> str:
    return "hello"


@get("/headers", sync_to_thread=False)
def headers(request: Request) -> Response[str]:
    request.session["a"] = 1
    return Response("", headers=OWN, cookies=[Cookie(key="own", value="1")])


@get("/redirect", sync_to_thread=False, status_code=303)
def redirect(request: Request) -> Redirect:
    request.session["a"] = 1
    return Redirect("/read", status_code=303)


@get(["/stream", "/late"], sync_to_thread=False)
def stream(request: Request) -> Stream:
    request.session["a"] = 1

    async def body():
        yield "one"
        yield "two"
        if request.url.path.endswith("/late"):
            request.session["late"] = 1
        yield "three"

    return Stream(body())


@get("/status-500", sync_to_thread=False, status_code=500)
def status_500(request: Request) -> str:
    request.session["a"] = 1
    return "sorry"


@get("/raise", sync_to_thread=False)
def raising(request: Request) -> None:
    request.session["a"] = 1
    raise RuntimeError("the application's own")


@get("/big", sync_to_thread=False)
def big(request: Request) -> str:
    request.session["big"] = random_text(20_000)
    return "never sent"


HANDLERS: list[Any] = [do, read, read_head, untouched, headers, redirect, stream, status_500]
HANDLERS += [raising, big]


class TestLitestar(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        mount = asgi("/mounted", is_mount=True, copy_scope=True)
        handlers = [*HANDLERS, mount(Litestar(HANDLERS, logging_config=None))]
        middleware = [CookieSessionConfig(manager).middleware]
        return servers.asgi(Litestar(handlers, middleware=middleware, logging_config=None))


@dataclass
class Basket:
    owner: str
    items: list[str]


@post("/replace", sync_to_thread=False)
def replace(request: Request) -> dict[str, Any]:
    request.set_session({"a": 1, "b": 2})
    request.session.regenerate()
    request.set_session(request.session)
    return request.session


@post("/model", sync_to_thread=False)
def model(request: Request) -> None:
    request.set_session(Basket("ann", ["tea"]))


@post("/clear", sync_to_thread=False)
def clear(request: Request) -> dict[str, Any]:
    request.clear_session()
    return request.session


@post("/late", sync_to_thread=False)
def late(request: Request) -> Response[str]:
    def replace_late() -> None:
        request.set_session({"late": 1})

    return Response("sent", background=BackgroundTask(replace_late))


@get("/skipped", sync_to_thread=False, skip_session=True)
def skipped(request: Request) -> bool:
    return "session" in request.scope


@get("/cached", sync_to_thread=False, cache=True)
def cached(request: Request) -> str:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return "the same for all"


@websocket("/ws")
async def counting(socket: WebSocket) -> None:
    socket.session["visits"] = socket.session.get("visits", 0) + 1
    await socket.accept()
    await socket.send_json(socket.session["visits"])
    await socket.close()


MORE = [replace, model, clear, late, skipped, cached, counting]


@pytest.fixture
def errors():
    """Hold what Litestar turned into an answer of its own, the first one first."""
    return []


@pytest.fixture
def make_client(manager, errors):
    """Make a client of Litestar's for an application with these handlers and settings."""
    sessions = CookieSessionConfig(manager)

    async def note(error: Exception, _scope: Any) -> None:
        errors.append(error)

    def make(handlers=(*HANDLERS, *MORE), *, middleware=(sessions.middleware,), **settings):
        return create_test_client(
            handlers,
            middleware=middleware,
            session_config=sessions,
            base_url=URL,
            after_exception=[note],
            logging_config=None,
            **settings,
        )

    return make


@pytest.fixture
def client(make_client):
    with make_client() as client:
        yield client


def test_the_test_client_reads_the_session(client, manager):
    client.post("/do", json=[["set", "user", "ann"]])
    assert client.get_session_data() == {"user": "ann"}
    assert_session(client, manager, {"user": "ann"})


def test_the_test_client_prepares_the_session(client):
    client.set_session_data({"a": 0, "cart": ["tea"]})
    client.set_session_data({"cart": ["milk"]})
    assert client.get("/read").json() == {"cart": ["milk"]}


def test_set_session_replaces_what_the_session_holds(client):
    client.set_session_data({"a": 0, "c": 3})
    assert client.post("/replace").json() == client.get_session_data() == {"a": 1, "b": 2}


def test_set_session_takes_what_litestar_can_encode(client):
    client.post("/model")
    assert client.get_session_data() == {"owner": "ann", "items": ["tea"]}


def test_clear_session_deletes_the_cookie(client):
    client.set_session_data({"a": 1})
    response = client.post("/clear")
    assert response.json() == {}
    assert "Max-Age=0" in response.headers["set-cookie"]
    assert client.get_session_data() == {}


def test_a_refused_cookie_is_not_deleted_by_clearing_an_empty_session(client, manager):
    """K5. Litestar's `SessionAuth` clears the session of everybody who is not logged in."""
    set_cookie(client, manager, mint(manager, {"a": 1}, keys=Key.generate()))
    assert "set-cookie" not in client.post("/clear").headers


def test_a_session_that_is_replaced_too_late_is_an_error(make_client):
    """D1."""
    with make_client() as client, pytest.raises(LitestarException) as caught:
        client.post("/late")
    error = caught.value
    while error.__cause__:
        error = error.__cause__
    assert isinstance(error, SessionClosedError)


def test_what_cannot_be_saved_is_answered_by_the_applications_own_handler(make_client):
    """G2."""

    def sorry(_request: Request, error: SessionTooLarge) -> Response[str]:
        return Response(f"sorry: {error.largest[0][0]}", status_code=507)

    with make_client(exception_handlers={SessionTooLarge: sorry}) as client:
        client.set_session_data({"a": 1})
        response = client.get("/big")
        assert (response.status_code, response.text) == (507, "sorry: big")
        assert "set-cookie" not in response.headers
        assert client.get_session_data() == {"a": 1}


def test_a_websocket_writes_its_session_when_it_is_accepted(client, manager):
    with client.websocket_connect("/ws") as connection:
        assert connection.receive_json() == 1
        (line,) = [value for name, value in connection.extra_headers if name == b"set-cookie"]
    text = line.decode().partition(";")[0].partition("=")[2]
    assert dict(manager.loads(text)) == {"visits": 1}


def test_a_route_may_go_without_a_session(client):
    assert client.get("/skipped").json() is False


def test_what_is_no_manager_is_an_error():
    with pytest.raises(ConfigurationError, match="SessionManager"):
        CookieSessionConfig(Key.generate())


def test_a_litestar_that_is_too_old_is_an_error(manager, monkeypatch):
    monkeypatch.delattr(ScopeState, "response_started")
    with pytest.raises(ConfigurationError, match=r"2\.9"):
        CookieSessionConfig(manager)


def test_two_middlewares_are_an_error(make_client, errors, manager):
    twice = [CookieSessionConfig(manager).middleware, CookieSessionConfig(manager).middleware]
    with make_client(middleware=twice) as client:
        assert client.get("/read").status_code == 500
    assert isinstance(errors[0], ConfigurationError)


def test_a_cached_response_carries_nobodys_cookie(make_client):
    """H2. The cache is inside the middleware: it stores what the route said, not what we add."""
    with make_client() as client:
        client.set_session_data({"a": 1})
        assert "set-cookie" in client.get("/cached").headers
        client.cookies.clear()
        response = client.get("/cached")
        assert response.text == "the same for all"
        assert "set-cookie" not in response.headers


def refusing(app):
    """Make a middleware that refuses every request, and notes in the session who tried to post."""

    async def middleware(scope, _receive, _send):
        if scope["method"] == "POST":
            Request(scope).session["refusals"] = 1
        raise NotAuthorizedException

    return middleware


def test_a_change_before_another_middlewares_exception_is_an_error(make_client, errors, manager):
    """D1. Litestar answers such an exception where no session's middleware sees the answer."""
    middleware = [CookieSessionConfig(manager).middleware, refusing]
    with make_client(middleware=middleware) as client:
        assert client.get("/read").status_code == 401
        assert client.post("/do").status_code == 500
    assert isinstance(errors[-1], SessionClosedError)


# SessionAuth.


@post("/login/{user:str}", sync_to_thread=False, exclude_from_auth=True)
def login(request: Request) -> None:
    request.set_session({"user": request.path_params["user"]})


@get("/me", sync_to_thread=False)
def me(request: Request) -> str:
    return request.user


@pytest.fixture
def members(make_client, manager):
    def find_user(session: dict[str, Any], _connection: Any) -> str | None:
        return session["user"] if session["user"] != "nobody" else None

    auth = SessionAuth(
        session_backend_config=CookieSessionConfig(manager), retrieve_user_handler=find_user
    )
    with make_client([login, me], middleware=(), on_app_init=[auth.on_app_init]) as client:
        yield client


def test_session_auth_finds_the_user(members):
    assert members.get("/me").status_code == 401
    members.post("/login/ann")
    assert members.get("/me").text == "ann"


def test_session_auth_ends_the_session_of_an_unknown_user(members):
    members.post("/login/nobody")
    response = members.get("/me")
    assert response.status_code == 401
    assert "Max-Age=0" in response.headers["set-cookie"]


def test_session_auth_leaves_a_refused_cookie_alone(members, manager):
    """K5."""
    set_cookie(members, manager, mint(manager, {"user": "ann"}, keys=Key.generate()))
    response = members.get("/me")
    assert response.status_code == 401
    assert "set-cookie" not in response.headers


# Flashes.


@get("/flash", sync_to_thread=False)
def flashing(request: Request) -> None:
    flash(request, "saved", category="info")


@get("/flashes", sync_to_thread=False)
def flashes() -> Template:
    return Template(template_str="{% for f in get_flashes() %}{{ f.message }}{% endfor %}")


def test_flashes_are_shown_once(make_client):
    jinja = pytest.importorskip("litestar.plugins.jinja")
    environment = pytest.importorskip("jinja2").Environment(autoescape=True)
    templates = TemplateConfig(engine=jinja.JinjaTemplateEngine(engine_instance=environment))
    plugins = [FlashPlugin(FlashConfig(template_config=templates))]
    with make_client([flashing, flashes], template_config=templates, plugins=plugins) as client:
        client.get("/flash")
        assert client.get("/flashes").text == "saved"
        assert client.get("/flashes").text == ""
