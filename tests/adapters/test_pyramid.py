"""The contract for Pyramid, and Pyramid's own words."""

import pytest

pytest.importorskip("pyramid")
pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:pkg_resources is deprecated"),  # Pyramid's own import
]

from pyramid.config import Configurator
from pyramid.interfaces import ISession
from pyramid.response import Response
from pyramid.testing import DummyRequest
from webtest import TestApp
from zope.interface.verify import verifyObject

from cookiesession import ConfigurationError, SessionManager
from cookiesession.pyramid import SessionMiddleware, session_factory
from cookiesession.testing import Clock
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text


def do(request):
    return apply(request.session.cookie_session, request.json_body)


def read(request):
    return request.session


def untouched(_request):
    return Response("hello")


def headers(request):
    request.session["a"] = 1
    response = Response("", vary=["Accept"], cache_control="public, max-age=60")
    response.set_cookie("own", "1")
    return response


def redirect(request):
    request.session["a"] = 1
    return Response(status=303, location="/read")


def stream(request):
    request.session["a"] = 1

    def body():
        yield b"one"
        yield b"two"
        if request.path.endswith("/late"):
            request.session["late"] = 1
        yield b"three"

    return Response(app_iter=body())


def status_500(request):
    request.session["a"] = 1
    return Response("sorry", status=500)


def raising(request):
    request.session["a"] = 1
    raise RuntimeError("the application's own")


def big(request):
    request.session["big"] = random_text(20_000)
    return Response("never sent")


def flash(request):
    request.session.flash("saved")
    request.session.flash("saved", allow_duplicate=False)
    request.session.flash("careful", queue="warnings")
    return {"peek": request.session.peek_flash(), "token": request.session.get_csrf_token()}


def pop(request):
    session = request.session
    return [session.pop_flash(), session.pop_flash("warnings"), session.pop_flash()]


def callback(request):
    request.add_response_callback(lambda request, _: request.session.update(late=1))
    return {}


VIEWS = {
    "do": do,
    "read": read,
    "untouched": untouched,
    "headers": headers,
    "redirect": redirect,
    "stream": stream,
    "late": stream,
    "status-500": status_500,
    "raise": raising,
    "big": big,
    "flash": flash,
    "pop": pop,
    "callback": callback,
}


def add_views(config):
    for name, view in VIEWS.items():
        route = f"{config.route_prefix or ''}/{name}"
        config.add_route(route, f"/{name}")
        config.add_view(view, route_name=route, renderer="json")


def make_app(manager: SessionManager):
    with Configurator() as config:
        config.set_session_factory(session_factory)
        add_views(config)
        config.include(add_views, route_prefix="mounted")
        return SessionMiddleware(config.make_wsgi_app(), manager)


class TestPyramid(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return servers.wsgi(make_app(manager))


@pytest.fixture
def app(manager):
    return TestApp(make_app(manager), extra_environ={"wsgi.url_scheme": "https"})


def test_the_session_is_what_pyramid_calls_one(manager):
    request = DummyRequest(environ={"cookiesession.session": manager.loads(manager.dumps({}))})
    session = session_factory(request)
    assert verifyObject(ISession, session)
    assert not session.new
    assert isinstance(session.created, int)
    session.changed()
    assert session.cookie_session.modified


def test_flash_queues_and_csrf_tokens_are_kept(app):
    flashed = app.get("/flash").json
    assert flashed["peek"] == ["saved"]
    assert app.get("/flash").json["token"] == flashed["token"]
    assert app.get("/pop").json == [["saved", "saved"], ["careful", "careful"], []]


def test_a_response_callback_is_not_too_late(app):
    app.get("/callback")
    assert app.get("/read").json == {"late": 1}


def test_a_missing_middleware_is_an_error_that_says_so():
    with pytest.raises(ConfigurationError, match="make_wsgi_app"):
        session_factory(DummyRequest(environ={}))


def test_invalidating_starts_anew(manager):
    clock = Clock(manager.clock())
    later = manager.replace(clock=clock)
    session = session_factory(
        DummyRequest(environ={"cookiesession.session": later.loads(later.dumps({"a": 1}))})
    )
    session.invalidate()
    assert dict(session) == {}
    assert session.cookie_session.modified
