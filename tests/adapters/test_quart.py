"""The contract for Quart, its WebSockets, and what is its own: the rest is in `test_flask`."""

import asyncio
import json
from functools import wraps

import pytest

pytest.importorskip("quart")
pytest.importorskip("uvicorn")
pytest.importorskip("websockets")
pytestmark = pytest.mark.server

from quart import (
    Blueprint,
    Quart,
    Response,
    copy_current_request_context,
    flash,
    redirect,
    render_template_string,
    request,
    session,
    stream_with_context,
    websocket,
)
from quart.sessions import SecureCookieSessionInterface
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from cookiesession import ConfigurationError, SessionClosedError, SessionManager
from cookiesession.quart import CookieSession
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, Browser, apply, random_text

routes = Blueprint("contract", __name__)


@routes.post("/do")
async def do():
    return json.dumps(apply(session, json.loads(await request.get_data())))


@routes.get("/read")
async def read():
    return json.dumps(dict(session))


@routes.get("/untouched")
async def untouched():
    return "hello"


@routes.get("/headers")
async def headers():
    session["a"] = 1
    response = Response("ok", headers={"Cache-Control": "public, max-age=60"})
    response.vary.add("Accept")
    response.set_cookie("own", "1")
    return response


@routes.get("/redirect")
async def to_read():
    session["a"] = 1
    return redirect("/read", 303)


@routes.get("/stream")
async def stream():
    session["a"] = 1
    return stream_with_context(chunks)(late=False)


@routes.get("/late")
async def late():
    session["a"] = 1
    return stream_with_context(chunks)(late=True)


async def chunks(*, late):
    yield "one"
    yield "two"
    if late:
        session["late"] = 1
    yield "three"


@routes.get("/status-500")
async def status_500():
    session["a"] = 1
    return "sorry", 500


@routes.get("/raise")
async def error():
    session["a"] = 1
    raise RuntimeError("the application's own")


@routes.get("/big")
async def big():
    session["big"] = random_text(20_000)
    return "never sent"


class TestQuart(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = Quart(__name__)
        app.register_blueprint(routes)
        app.register_blueprint(routes, name="mounted", url_prefix="/mounted")
        CookieSession(app, manager)
        return servers.asgi(app)


# Quart's own words.


def asynchronous(test):
    @wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture
def app(manager):
    app = Quart(__name__)
    app.testing = True
    CookieSession(app, manager)
    return app


@pytest.fixture
def client(app):
    return app.test_client()


@asynchronous
async def test_the_test_client_keeps_the_session(app, client):
    @app.get("/read")
    async def read():
        return dict(session)

    async with client.session_transaction(scheme="https") as kept:
        kept["pair"] = (1, 2)
    response = await client.get("/read", scheme="https")
    assert await response.get_json() == {"pair": [1, 2]}
    assert response.headers["Vary"] == "Cookie"
    async with client.session_transaction(scheme="https") as kept:
        assert dict(kept) == {"pair": (1, 2)}
        kept.clear()
    assert not list(client.cookie_jar)


@asynchronous
async def test_flashed_messages_are_shown_once(app, client):
    @app.get("/flash")
    async def say():
        await flash("saved")
        return "ok"

    @app.get("/show")
    async def show():
        return await render_template_string("{{ get_flashed_messages() | join }}")

    await client.get("/flash", scheme="https")
    answers = [await client.get("/show", scheme="https") for _ in range(2)]
    assert [await answer.get_data(as_text=True) for answer in answers] == ["saved", ""]


@asynchronous
async def test_permanent_is_kept_and_the_managers_lifetimes_hold(app, client, clock):
    @app.get("/login")
    async def login():
        before, session.permanent = session.permanent, True
        return {"before": before, "expires": session.expires.timestamp()}

    response = await client.get("/login", scheme="https")
    assert await response.get_json() == {"before": False, "expires": clock() + 14 * 86_400}
    assert "Max-Age=1209600" in response.headers["Set-Cookie"]
    async with client.session_transaction(scheme="https") as kept:
        assert kept.permanent


@asynchronous
async def test_hooks_and_copied_contexts_may_change_the_session(app, client, manager):
    @app.before_request
    async def before():
        session["hooks"] = ["before"]

    @app.after_request
    async def after(response):
        session["hooks"].append("after")
        return response

    @app.get("/")
    async def index():
        @copy_current_request_context
        async def work():
            session["hooks"].append("copied")

        await asyncio.create_task(work())
        return "ok"

    await client.get("/", scheme="https")
    (cookie,) = client.cookie_jar
    assert dict(manager.loads(cookie.value)) == {"hooks": ["before", "copied", "after"]}


@asynchronous
async def test_a_nested_change_in_a_stream_is_an_error(app, client):
    """D1. Only the end of the stream shows it."""

    @app.get("/")
    async def index():
        session["cart"] = []

        @stream_with_context
        async def body():
            yield "one"
            session["cart"].append("late")

        return body()

    with pytest.raises(SessionClosedError, match="cart"):
        await client.get("/")


@asynchronous
async def test_what_cannot_be_saved_becomes_the_applications_error_page(app, client):
    app.testing = False

    @app.get("/big")
    async def big():
        session["big"] = random_text(20_000)
        return "never sent"

    @app.errorhandler(500)
    async def sorry(error):
        return f"sorry: {error.original_exception}", 500

    response = await client.get("/big")
    assert response.status_code == 500
    text = await response.get_data(as_text=True)
    assert text.startswith("sorry: session value big cannot be saved: ")
    assert "Set-Cookie" not in response.headers


@asynchronous
async def test_a_response_that_the_application_keeps_does_not_keep_the_cookie(app):
    """H4. A view may answer every visitor with one object."""
    everyones = Response("welcome")

    @app.get("/<user>")
    async def index(user):
        if user != "nobody":
            session["user"] = user
        return everyones

    for user, count in (("ann", 1), ("nobody", 0), ("ben", 1)):
        response = await app.test_client().get(f"/{user}")
        assert len(response.headers.getlist("Set-Cookie")) == count


def test_the_configuration_makes_a_manager(key):
    app = Quart(__name__)
    app.config.update(COOKIESESSION_KEYS=key.reveal(), COOKIESESSION_NAME="shop")
    CookieSession().init_app(app)
    assert app.extensions["cookiesession"].cookie_name == "__Host-shop"


def test_a_second_extension_on_one_application_is_refused(app, manager):
    with pytest.raises(ConfigurationError, match="remove one"):
        CookieSession(app, manager)


@asynchronous
async def test_an_extension_that_takes_the_place_of_ours_is_refused(app, client):
    app.session_interface = SecureCookieSessionInterface()
    with pytest.raises(ConfigurationError, match="replaced the session interface"):
        await client.get("/")


# WebSockets.

sockets = Blueprint("sockets", __name__)


@sockets.websocket("/count")
async def count():
    session["visits"] = session.get("visits", 0) + 1
    await websocket.send(str(session["visits"]))  # this accepts


@sockets.websocket("/late")
async def late_in_a_websocket():
    session["cart"] = []
    await websocket.accept()
    with pytest.raises(SessionClosedError):
        session["late"] = 1
    del session["late"]
    await websocket.send(json.dumps(dict(session)))


@sockets.websocket("/nested")
async def nested_in_a_websocket():
    session["cart"] = []
    await websocket.accept()
    session["cart"].append("late")


@sockets.websocket("/quiet")
async def quiet():
    await websocket.send("hello")


@sockets.websocket("/refuse")
async def refuse():
    session["refused"] = True
    return "not you", 403


@sockets.websocket("/big")
async def big_in_a_websocket():
    session["big"] = random_text(20_000)
    await websocket.accept()


@pytest.fixture
def server(manager):
    app = Quart(__name__)
    app.register_blueprint(routes)
    app.register_blueprint(sockets, url_prefix="/ws")
    CookieSession(app, manager)
    with servers.asgi(app) as address:
        yield address


def talk(browser: Browser, path: str) -> tuple[str, list[str]]:
    """Open a WebSocket with the browser's cookies; return its message and the cookies it set."""
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.jar.items())}
    address = f"ws://{browser.address.netloc}/ws/{path}"
    with connect(address, additional_headers=headers) as connection:
        message = connection.recv()
        return message, connection.response.headers.get_all("Set-Cookie")


def test_a_websocket_writes_its_session_when_it_is_accepted(server):
    browser = Browser(server)
    browser.do(["set", "visits", 40])
    message, (line,) = talk(browser, "count")
    assert message == "41"
    assert line.endswith("; Max-Age=1209600; Path=/; Secure; HttpOnly; SameSite=Lax")
    browser.jar["__Host-session"] = line.partition(";")[0].partition("=")[2]
    assert talk(browser, "count")[0] == "42"


def test_a_websocket_that_does_not_look_sets_nothing(server):
    browser = Browser(server)
    browser.do(["set", "visits", 1])
    assert talk(browser, "quiet") == ("hello", [])


def test_a_websocket_that_was_accepted_can_only_read(server):
    """D1."""
    message, (line,) = talk(Browser(server), "late")
    assert json.loads(message) == {"cart": []}
    assert line


async def open_websocket(app: Quart, path: str) -> None:
    """Call the application as a server does that hears nothing from the client."""
    scope = {
        "type": "websocket",
        "asgi": {"spec_version": "2.3"},
        "scheme": "wss",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }

    async def exchange(*message):
        if not message:
            await asyncio.Future()

    await app(scope, exchange, exchange)


@asynchronous
async def test_a_nested_change_in_a_websocket_is_an_error_at_its_end(app):
    """D1."""
    app.register_blueprint(sockets)
    with pytest.raises(SessionClosedError, match="cart"):
        await open_websocket(app, "/nested")


@asynchronous
async def test_a_websocket_that_something_keeps_from_the_middleware_loses_nothing_silently(
    app, caplog
):
    """D1. As when somebody assigns `app.asgi_app` anew."""
    app.register_blueprint(sockets)
    app.testing = False
    del app.asgi_app
    await open_websocket(app, "/count")
    assert "SessionClosedError" in caplog.text
    assert "visits" in caplog.text


@pytest.mark.parametrize(("path", "status", "cookies"), [("refuse", 403, 1), ("big", 403, 0)])
def test_a_websocket_that_is_refused_writes_what_can_be_saved(server, path, status, cookies):
    with pytest.raises(InvalidStatus) as refusal:
        talk(Browser(server), path)
    response = refusal.value.response
    assert response.status_code == status
    assert len(response.headers.get_all("Set-Cookie")) == cookies
