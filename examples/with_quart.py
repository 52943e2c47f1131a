"""A shop with Quart: hypercorn with_quart:app"""

from typing import Any

from quart import Quart, session

from cookiesession import Keyring, SessionManager
from cookiesession.quart import CookieSession

app = Quart(__name__)
CookieSession(app, SessionManager(Keyring.from_env("SESSION_KEYS")))


@app.get("/")
async def home() -> dict[str, Any]:
    return dict(session)


@app.post("/login/<user>")
async def login(user: str) -> dict[str, Any]:
    session.regenerate()
    session["user"] = user
    return dict(session)


@app.post("/cart/<item>")
async def add(item: str) -> dict[str, Any]:
    session.setdefault("cart", []).append({"item": item, "quantity": 1})
    return dict(session)


@app.post("/logout")
async def logout() -> dict[str, Any]:
    session.destroy()
    return dict(session)
