"""A shop with Flask: gunicorn with_flask:app"""

from typing import Any

from flask import Flask, session

from cookiesession import Keyring, SessionManager
from cookiesession.flask import CookieSession

app = Flask(__name__)
CookieSession(app, SessionManager(Keyring.from_env("SESSION_KEYS")))


@app.get("/")
def home() -> dict[str, Any]:
    return dict(session)


@app.post("/login/<user>")
def login(user: str) -> dict[str, Any]:
    session.regenerate()
    session["user"] = user
    return dict(session)


@app.post("/cart/<item>")
def add(item: str) -> dict[str, Any]:
    session.setdefault("cart", []).append({"item": item, "quantity": 1})
    return dict(session)


@app.post("/logout")
def logout() -> dict[str, Any]:
    session.destroy()
    return dict(session)
