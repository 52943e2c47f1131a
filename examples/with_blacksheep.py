"""A shop with BlackSheep: granian --interface asgi with_blacksheep:app"""

from typing import Any

from blacksheep import Application, Request, get, post

from cookiesession import Keyring, SessionManager
from cookiesession.asgi import SessionMiddleware

shop = Application()


@get("/")
async def home(request: Request) -> dict[str, Any]:
    return dict(request.scope["session"])


@post("/login/{user}")
async def login(request: Request, user: str) -> dict[str, Any]:
    session = request.scope["session"]
    session.regenerate()
    session["user"] = user
    return dict(session)


@post("/cart/{item}")
async def add(request: Request, item: str) -> dict[str, Any]:
    session = request.scope["session"]
    session.setdefault("cart", []).append({"item": item, "quantity": 1})
    return dict(session)


@post("/logout")
async def logout(request: Request) -> dict[str, Any]:
    session = request.scope["session"]
    session.destroy()
    return dict(session)


app = SessionMiddleware(shop, SessionManager(Keyring.from_env("SESSION_KEYS")))
