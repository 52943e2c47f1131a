"""A shop with Litestar: uvicorn with_litestar:app"""

from typing import Any

from litestar import Litestar, Request, get, post

from cookiesession import Keyring, SessionManager
from cookiesession.litestar import CookieSessionConfig


@get("/")
async def home(request: Request) -> dict[str, Any]:
    return request.session


@post("/login/{user:str}", status_code=200)
async def login(request: Request) -> dict[str, Any]:
    request.session.regenerate()
    request.session["user"] = request.path_params["user"]
    return request.session


@post("/cart/{item:str}", status_code=200)
async def add(request: Request) -> dict[str, Any]:
    cart = request.session.setdefault("cart", [])
    cart.append({"item": request.path_params["item"], "quantity": 1})
    return request.session


@post("/logout", status_code=200)
async def logout(request: Request) -> dict[str, Any]:
    request.clear_session()
    return request.session


sessions = CookieSessionConfig(SessionManager(Keyring.from_env("SESSION_KEYS")))
app = Litestar([home, login, add, logout], middleware=[sessions.middleware])
