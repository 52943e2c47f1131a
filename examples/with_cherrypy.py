"""A shop with CherryPy: waitress-serve with_cherrypy:app"""

from typing import Any

import cherrypy

from cookiesession import Keyring, SessionManager
from cookiesession.wsgi import SessionMiddleware


@cherrypy.tools.json_out()
class Shop:
    @cherrypy.expose
    def index(self) -> dict[str, Any]:
        return dict(cherrypy.request.wsgi_environ["cookiesession.session"])

    @cherrypy.expose
    def login(self, user: str) -> dict[str, Any]:
        session = cherrypy.request.wsgi_environ["cookiesession.session"]
        session.regenerate()
        session["user"] = user
        return self.index()

    @cherrypy.expose
    def cart(self, item: str) -> dict[str, Any]:
        session = cherrypy.request.wsgi_environ["cookiesession.session"]
        session.setdefault("cart", []).append({"item": item, "quantity": 1})
        return self.index()

    @cherrypy.expose
    def logout(self) -> dict[str, Any]:
        cherrypy.request.wsgi_environ["cookiesession.session"].destroy()
        return self.index()


cherrypy.config.update({"log.screen": False, "environment": "embedded"})
shop = cherrypy.tree.mount(Shop(), "")
app = SessionMiddleware(shop, SessionManager(Keyring.from_env("SESSION_KEYS")))
