"""Authlib keeps its OAuth state in `request.session`, unchanged, with a provider on loopback."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("authlib")
flask = pytest.importorskip("flask")
pytest.importorskip("starlette")
pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:authlib"),  # its own modules' moves
]

from authlib.integrations import flask_client, starlette_client
from authlib.integrations.base_client import MismatchingStateError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cookiesession.asgi import SessionMiddleware
from cookiesession.flask import CookieSession
from tests.adapters import servers


def provider(environ, start_response):
    """Give a token for the one code there is."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    form = parse_qs(environ["wsgi.input"].read(length).decode())
    known = form.get("code") == ["the-code"] and "code_verifier" in form
    token = {"access_token": "the-token", "token_type": "Bearer"} if known else {"error": "no"}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(token).encode()]


@pytest.fixture
def settings():
    with servers.wsgi(provider) as address:
        yield {
            "client_id": "shop",
            "client_secret": "not-a-secret",
            "authorize_url": "https://provider.test/authorize",
            "access_token_url": f"{address}/token",
            "client_kwargs": {"code_challenge_method": "S256"},
        }


def make_starlette(manager, settings):
    oauth = starlette_client.OAuth()
    oauth.register("provider", **settings)

    async def login(request):
        return await oauth.provider.authorize_redirect(request, "https://testserver/callback")

    async def callback(request):
        token = await oauth.provider.authorize_access_token(request)
        return JSONResponse({"token": token["access_token"], "left": list(request.session)})

    routes = [Route("/login", login), Route("/callback", callback)]
    app = Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, manager=manager)])
    client = TestClient(app, base_url="https://testserver", follow_redirects=False)
    return client.get


def make_flask(manager, settings):
    app = flask.Flask(__name__)
    app.testing = True
    CookieSession(app, manager)
    oauth = flask_client.OAuth(app)
    oauth.register("provider", **settings)
    app.add_url_rule(
        "/login", "login", lambda: oauth.provider.authorize_redirect("https://localhost/callback")
    )

    @app.get("/callback")
    def callback():
        token = oauth.provider.authorize_access_token()
        return {"token": token["access_token"], "left": list(flask.session)}

    client = app.test_client()
    return lambda path: client.get(path, base_url="https://localhost")


@pytest.mark.parametrize("make", [make_starlette, make_flask])
def test_the_state_of_an_oauth_login_is_kept_and_taken_away(manager, settings, make):
    get = make(manager, settings)
    redirect = get("/login")
    query = parse_qs(urlsplit(redirect.headers["location"]).query)
    answer = get(f"/callback?code=the-code&state={query['state'][0]}")
    data = answer.json if isinstance(answer.json, dict) else answer.json()
    assert data["token"] == "the-token"
    assert not [name for name in data["left"] if name.startswith("_state_")]


@pytest.mark.parametrize("make", [make_starlette, make_flask])
def test_an_oauth_login_that_another_browser_began_is_refused(manager, settings, make):
    redirect = make(manager, settings)("/login")
    state = parse_qs(urlsplit(redirect.headers["location"]).query)["state"][0]
    with pytest.raises(MismatchingStateError):
        make(manager, settings)(f"/callback?code=the-code&state={state}")
