"""A shop with Pyramid: waitress-serve with_pyramid:app"""

from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from cookiesession import Keyring, SessionManager
from cookiesession.pyramid import PyramidSession, SessionMiddleware, session_factory


def home(request: Request) -> PyramidSession:
    return request.session


def login(request: Request) -> Any:
    request.session.cookie_session.regenerate()
    request.session["user"] = request.matchdict["user"]
    return home(request)


def add(request: Request) -> Any:
    cart = request.session.setdefault("cart", [])
    cart.append({"item": request.matchdict["item"], "quantity": 1})
    return home(request)


def logout(request: Request) -> Any:
    request.session.invalidate()
    return home(request)


with Configurator() as config:
    config.set_session_factory(session_factory)
    views = {"/": home, "/login/{user}": login, "/cart/{item}": add, "/logout": logout}
    for path, view in views.items():
        config.add_route(path, path)
        config.add_view(view, route_name=path, renderer="json")
app = SessionMiddleware(config.make_wsgi_app(), SessionManager(Keyring.from_env("SESSION_KEYS")))
