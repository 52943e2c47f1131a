"""A shop with aiohttp: python with_aiohttp.py PORT"""

import sys

from aiohttp import web

from cookiesession import Keyring, SessionManager
from cookiesession.aiohttp import get_session, setup


async def home(request: web.Request) -> web.Response:
    return web.json_response(get_session(request))


async def login(request: web.Request) -> web.Response:
    session = get_session(request)
    session.regenerate()
    session["user"] = request.match_info["user"]
    return await home(request)


async def add(request: web.Request) -> web.Response:
    cart = get_session(request).setdefault("cart", [])
    cart.append({"item": request.match_info["item"], "quantity": 1})
    return await home(request)


async def logout(request: web.Request) -> web.Response:
    get_session(request).destroy()
    return await home(request)


app = web.Application()
app.add_routes([web.get("/", home), web.post("/login/{user}", login)])
app.add_routes([web.post("/cart/{item}", add), web.post("/logout", logout)])
setup(app, SessionManager(Keyring.from_env("SESSION_KEYS")))
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
