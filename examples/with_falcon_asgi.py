"""A shop with Falcon, on ASGI: daphne with_falcon_asgi:app"""

import falcon
import falcon.asgi
from falcon.asgi import Request, Response

from cookiesession import Keyring, SessionManager
from cookiesession.asgi import SessionMiddleware


class Shop:
    async def on_get(self, request: Request, response: Response) -> None:
        response.media = dict(request.scope["session"])

    async def on_post_login(self, request: Request, response: Response, user: str) -> None:
        session = request.scope["session"]
        session.regenerate()
        session["user"] = user
        await self.on_get(request, response)

    async def on_post_cart(self, request: Request, response: Response, item: str) -> None:
        session = request.scope["session"]
        session.setdefault("cart", []).append({"item": item, "quantity": 1})
        await self.on_get(request, response)

    async def on_post_logout(self, request: Request, response: Response) -> None:
        request.scope["session"].destroy()
        await self.on_get(request, response)


shop, falcon_app = Shop(), falcon.asgi.App()
falcon_app.add_route("/", shop)
falcon_app.add_route("/login/{user}", shop, suffix="login")
falcon_app.add_route("/cart/{item}", shop, suffix="cart")
falcon_app.add_route("/logout", shop, suffix="logout")
app = SessionMiddleware(falcon_app, SessionManager(Keyring.from_env("SESSION_KEYS")))
