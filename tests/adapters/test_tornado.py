"""The contract for Tornado, and its users' own words."""

import json
from contextlib import asynccontextmanager

import pytest

pytest.importorskip("tornado")
pytestmark = pytest.mark.server

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.netutil import bind_sockets
from tornado.testing import AsyncHTTPTestCase, ExpectLog, gen_test
from tornado.web import Application, HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler, websocket_connect

from cookiesession import Key, SessionManager
from cookiesession.testing import mint
from cookiesession.tornado import SessionHandler
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text


class Do(SessionHandler):
    def post(self):
        self.write(apply(self.session, json.loads(self.request.body)))


class Read(SessionHandler):
    def get(self):
        self.write(self.session)

    head = get


class Untouched(SessionHandler):
    def get(self):
        self.write("hello")


class Headers(SessionHandler):
    def get(self):
        self.session["a"] = 1
        self.set_header("Vary", "Accept")
        self.set_header("Cache-Control", "public, max-age=60")
        self.set_cookie("own", "1")


class Redirect(SessionHandler):
    def get(self):
        self.session["a"] = 1
        self.redirect("/read", status=303)


class Stream(SessionHandler):
    def initialize(self, *, late=False):
        self.late = late

    async def get(self):
        self.session["a"] = 1
        for chunk in ("one", "two"):
            self.write(chunk)
            await self.flush()
        if self.late:
            self.session["late"] = 1
        self.write("three")


class Status500(SessionHandler):
    def get(self):
        self.session["a"] = 1
        self.set_status(500)
        self.write("sorry")


class Raise(SessionHandler):
    def get(self):
        self.session["a"] = 1
        raise RuntimeError("the application's own")


class Big(SessionHandler):
    def get(self):
        self.session["big"] = random_text(20_000)
        self.write("never sent")


ROUTES = [
    ("/do", Do),
    ("/read", Read),
    ("/untouched", Untouched),
    ("/headers", Headers),
    ("/redirect", Redirect),
    ("/stream", Stream),
    ("/late", Stream, {"late": True}),
    ("/status-500", Status500),
    ("/raise", Raise),
    ("/big", Big),
]


def make_app(manager: SessionManager, *routes) -> Application:
    settings = {"session_manager": manager}
    mounted = Application([(f"/mounted{path}", *rest) for path, *rest in ROUTES], **settings)
    return Application([*ROUTES, *routes, ("/mounted/.*", mounted)], **settings)


@asynccontextmanager
async def running(app: Application):
    server = HTTPServer(app)
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(socket)
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.stop()
        await server.close_all_connections()


class TestTornado(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return servers.in_loop(lambda: running(make_app(manager)))


# The framework's own words, with its own test client.


class Missing(SessionHandler):
    def get(self):
        self.session["a"] = 1
        raise HTTPError(404)


class Nested(SessionHandler):
    def get(self):
        self.session["cart"] = []
        self.flush()
        self.session["cart"].append("tea")


class Mixed(RequestHandler):
    def flush(self, include_footers=False):  # noqa: FBT002  as Tornado has it
        self.set_header("X-Own", self.get_status())
        return super().flush(include_footers)


class Home(Mixed, SessionHandler):
    def get(self):
        self.session["a"] = 1


class Chat(SessionHandler, WebSocketHandler):
    def prepare(self):
        self.session["cart"] = []

    def open(self):
        self.write_message("open")

    def on_message(self, message):
        if message == "deep":
            self.session["cart"].append("tea")
        else:
            self.session["user"] = "ann"
        self.write_message("only said of a change that was not seen at once")


class TestSessionHandler(AsyncHTTPTestCase):
    def get_app(self):
        self.manager = SessionManager(Key.generate())
        routes = [("/missing", Missing), ("/nested", Nested), ("/home", Home), ("/chat", Chat)]
        return make_app(self.manager, *routes)

    def session_set_by(self, response_headers):
        (line,) = response_headers.get_list("Set-Cookie")
        return dict(self.manager.loads(line.partition(";")[0].partition("=")[2]))

    def test_a_test_may_bring_a_session(self):
        cookie = f"{self.manager.cookie_name}={mint(self.manager, {'user': 'ann'})}"
        response = self.fetch("/read", headers={"Cookie": cookie})
        assert json.loads(response.body) == {"user": "ann"}

    def test_several_cookie_headers_are_read_as_one(self):
        """I6."""
        cookie = f"{self.manager.cookie_name}={mint(self.manager, {'user': 'ann'})}"
        response = self.fetch("/read", headers=HTTPHeaders.parse(f"Cookie: a=1\nCookie: {cookie}"))
        assert json.loads(response.body) == {"user": "ann"}

    def test_an_error_page_below_500_saves(self):
        response = self.fetch("/missing")
        assert response.code == 404
        assert self.session_set_by(response.headers) == {"a": 1}

    def test_other_mixins_may_stand_before_it(self):
        response = self.fetch("/home")
        assert response.headers["X-Own"] == "200"
        assert self.session_set_by(response.headers) == {"a": 1}

    def test_a_late_change_deep_inside_is_logged(self):
        with ExpectLog("tornado.application", "Uncaught exception GET /nested"):
            assert self.session_set_by(self.fetch("/nested").headers) == {"cart": []}

    @gen_test
    async def test_a_websocket_writes_its_session_with_the_handshake(self):
        chat = await websocket_connect(self.get_url("/chat").replace("http", "ws"))
        assert self.session_set_by(chat.headers) == {"cart": []}
        chat.close()

    @gen_test
    async def test_a_change_in_an_open_websocket_is_an_error(self):
        """D1."""
        chat = await websocket_connect(self.get_url("/chat").replace("http", "ws"))
        assert await chat.read_message() == "open"
        with ExpectLog("asyncio", "Exception in callback Exchange.close"):
            await chat.write_message("deep")
            await chat.read_message()
        with ExpectLog("tornado.application", "Uncaught exception GET /chat"):
            await chat.write_message("flat")
            assert await chat.read_message() is None
        chat.close()


class TestSessionHandlerWithoutManager(AsyncHTTPTestCase):
    def get_app(self):
        return Application(ROUTES)

    def test_a_missing_manager_is_an_error_that_says_so(self):
        with self.assertLogs("tornado.application") as logs:
            assert self.fetch("/read").code == 500
        assert "session_manager=manager" in str(logs.records[0].exc_info)
        assert self.fetch("/untouched").code == 200
