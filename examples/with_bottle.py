"""A shop with Bottle: waitress-serve with_bottle:app"""

from typing import Any

from bottle import Bottle, request

from cookiesession import Keyring, SessionManager
from cookiesession.wsgi import SessionMiddleware

shop = Bottle()


@shop.get("/")
def home() -> dict[str, Any]:
    return dict(request.environ["cookiesession.session"])


@shop.post("/login/<user>")
def login(user: str) -> dict[str, Any]:
    session = request.environ["cookiesession.session"]
    session.regenerate()
    session["user"] = user
    return home()


@shop.post("/cart/<item>")
def add(item: str) -> dict[str, Any]:
    session = request.environ["cookiesession.session"]
    session.setdefault("cart", []).append({"item": item, "quantity": 1})
    return home()


@shop.post("/logout")
def logout() -> dict[str, Any]:
    request.environ["cookiesession.session"].destroy()
    return home()


app = SessionMiddleware(shop, SessionManager(Keyring.from_env("SESSION_KEYS")))
