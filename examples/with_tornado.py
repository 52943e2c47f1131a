"""A shop with Tornado: python with_tornado.py PORT"""

import sys

from tornado.ioloop import IOLoop
from tornado.web import Application

from cookiesession import Keyring, SessionManager
from cookiesession.tornado import SessionHandler


class Home(SessionHandler):
    def get(self) -> None:
        self.write(self.session)


class Login(Home):
    def post(self, user: str) -> None:
        self.session.regenerate()
        self.session["user"] = user
        self.get()


class Cart(Home):
    def post(self, item: str) -> None:
        self.session.setdefault("cart", []).append({"item": item, "quantity": 1})
        self.get()


class Logout(Home):
    def post(self) -> None:
        self.session.destroy()
        self.get()


routes = [("/", Home), ("/login/(.*)", Login), ("/cart/(.*)", Cart), ("/logout", Logout)]
manager = SessionManager(Keyring.from_env("SESSION_KEYS"))
app = Application(routes, session_manager=manager)
app.listen(int(sys.argv[1]), "127.0.0.1")
IOLoop.current().start()
