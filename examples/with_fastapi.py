"""A shop with FastAPI: uvicorn with_fastapi:app"""

from typing import Any

from fastapi import FastAPI

from cookiesession import Keyring, SessionManager
from cookiesession.fastapi import SessionDep, SessionMiddleware

app = FastAPI()
app.add_middleware(SessionMiddleware, manager=SessionManager(Keyring.from_env("SESSION_KEYS")))


@app.get("/")
def home(session: SessionDep) -> dict[str, Any]:
    return session


@app.post("/login/{user}")
def login(session: SessionDep, user: str) -> dict[str, Any]:
    session.regenerate()
    session["user"] = user
    return session


@app.post("/cart/{item}")
def add(session: SessionDep, item: str) -> dict[str, Any]:
    session.setdefault("cart", []).append({"item": item, "quantity": 1})
    return session


@app.post("/logout")
def logout(session: SessionDep) -> dict[str, Any]:
    session.destroy()
    return session
