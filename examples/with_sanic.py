"""A shop with Sanic: python with_sanic.py PORT"""

import sys

from sanic import HTTPResponse, Request, Sanic, json

from cookiesession import Keyring, SessionManager
from cookiesession.sanic import setup

app = Sanic("shop")
setup(app, SessionManager(Keyring.from_env("SESSION_KEYS")))


@app.get("/")
async def home(request: Request) -> HTTPResponse:
    return json(dict(request.ctx.session))


@app.post("/login/<user>")
async def login(request: Request, user: str) -> HTTPResponse:
    request.ctx.session.regenerate()
    request.ctx.session["user"] = user
    return await home(request)


@app.post("/cart/<item>")
async def add(request: Request, item: str) -> HTTPResponse:
    request.ctx.session.setdefault("cart", []).append({"item": item, "quantity": 1})
    return await home(request)


@app.post("/logout")
async def logout(request: Request) -> HTTPResponse:
    request.ctx.session.destroy()
    return await home(request)


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), single_process=True)
