"""The contract for CherryPy, behind the WSGI middleware."""

import pytest

cherrypy = pytest.importorskip("cherrypy")
pytestmark = pytest.mark.server

from cookiesession import SessionManager
from cookiesession.wsgi import SessionMiddleware
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text


def current():
    return cherrypy.request.wsgi_environ["cookiesession.session"]


class Root:
    @cherrypy.expose
    @cherrypy.tools.json_in()
    @cherrypy.tools.json_out()
    def do(self):
        return apply(current(), cherrypy.request.json)

    @cherrypy.expose
    @cherrypy.tools.json_out()
    def read(self):
        return dict(current())

    @cherrypy.expose
    def untouched(self):
        return "hello"

    @cherrypy.expose
    def headers(self):
        current()["a"] = 1
        cherrypy.response.headers["Vary"] = "Accept"
        cherrypy.response.headers["Cache-Control"] = "public, max-age=60"
        cherrypy.response.cookie["own"] = "1"
        return ""

    @cherrypy.expose
    def redirect(self):
        current()["a"] = 1
        raise cherrypy.HTTPRedirect("/read", 303)

    @cherrypy.expose
    def stream(self):
        session, late = current(), cherrypy.request.path_info.endswith("/late")
        session["a"] = 1

        def body():
            yield b"one"
            yield b"two"
            if late:
                session["late"] = 1
            yield b"three"

        return body()

    late = stream

    @cherrypy.expose("status-500")
    def status_500(self):
        current()["a"] = 1
        cherrypy.response.status = 500
        return "sorry"

    @cherrypy.expose("raise")
    def raising(self):
        current()["a"] = 1
        raise RuntimeError("the application's own")

    @cherrypy.expose
    def big(self):
        current()["big"] = random_text(20_000)
        return "never sent"


Root.stream._cp_config = {"response.stream": True}


class TestCherryPy(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        cherrypy.config.update({"environment": "embedded", "log.screen": False})
        root = Root()
        root.mounted = Root()
        return servers.wsgi(SessionMiddleware(cherrypy.Application(root, ""), manager))
