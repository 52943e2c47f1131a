"""The contract for Werkzeug alone, and for WebOb: request and response classes over WSGI."""

import json

import pytest

werkzeug = pytest.importorskip("werkzeug")
webob = pytest.importorskip("webob")
pytestmark = pytest.mark.server

from werkzeug import Client

from cookiesession import SessionManager
from cookiesession.testing import assert_session, session_transaction
from cookiesession.wsgi import SessionMiddleware
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text


def act(path, session, operations):
    """Do what a route asks for; return the body, the status and the headers."""
    if path == "/do":
        return json.dumps(apply(session, operations())), 200, {}
    if path == "/read":
        return json.dumps(dict(session)), 200, {}
    if path == "/untouched":
        return "hello", 200, {}
    session["a"] = 1
    if path == "/raise":
        raise RuntimeError("the application's own")
    if path == "/big":
        session["big"] = random_text(20_000)
    if path in ("/stream", "/late"):
        return stream(session, late=path == "/late"), 200, {}
    return ANSWERS.get(path, ("", 200, {}))


ANSWERS = {
    "/headers": ("", 200, {"Vary": "Accept", "Cache-Control": "public, max-age=60",
                           "Set-Cookie": "own=1; Path=/"}),
    "/redirect": ("", 303, {"Location": "/read"}),
    "/status-500": ("sorry", 500, {}),
}  # fmt: skip


def stream(session, *, late):
    yield b"one"
    yield b"two"
    if late:
        session["late"] = 1
    yield b"three"


@werkzeug.Request.application
def with_werkzeug(request):
    session = request.environ["cookiesession.session"]
    path = request.path.removeprefix("/mounted")
    return werkzeug.Response(*act(path, session, request.get_json))


def with_webob(environ, start_response):
    request = webob.Request(environ)
    session = request.environ["cookiesession.session"]
    path = request.path_info.removeprefix("/mounted")
    body, status, headers = act(path, session, lambda: request.json_body)
    content = {"text": body} if isinstance(body, str) else {"app_iter": body}
    response = webob.Response(status=status, **content)
    response.headers.update(headers)
    return response(environ, start_response)


class TestWerkzeug(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return servers.wsgi(SessionMiddleware(with_werkzeug, manager))


class TestWebOb(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return servers.wsgi(SessionMiddleware(with_webob, manager))


def test_the_test_client_takes_and_shows_a_session(manager):
    client = Client(SessionMiddleware(with_werkzeug, manager))
    with session_transaction(client, manager) as session:
        session["cart"] = ["tea"]
    response = client.get("/read", base_url="https://localhost")
    assert json.loads(response.text) == {"cart": ["tea"]}
    response = client.post("/do", base_url="https://localhost", json=[["set", "a", 1]])
    assert_session(response, manager, {"cart": ["tea"], "a": 1})
    assert_session(client, manager, {"cart": ["tea"], "a": 1})
