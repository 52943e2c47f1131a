"""A shop with Falcon, on WSGI: gunicorn with_falcon:app"""

from typing import Any

import falcon

from cookiesession import Keyring, SessionManager
from cookiesession.wsgi import SessionMiddleware


class Shop:
    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        response.media = dict(request.env["cookiesession.session"])

    def on_post_login(self, request: falcon.Request, response: falcon.Response, user: str) -> None:
        session = request.env["cookiesession.session"]
        session.regenerate()
        session["user"] = user
        self.on_get(request, response)

    def on_post_cart(self, request: falcon.Request, response: falcon.Response, item: str) -> None:
        session = request.env["cookiesession.session"]
        session.setdefault("cart", []).append({"item": item, "quantity": 1})
        self.on_get(request, response)

    def on_post_logout(self, request: falcon.Request, response: falcon.Response) -> None:
        request.env["cookiesession.session"].destroy()
        self.on_get(request, response)


shop, falcon_app = Shop(), falcon.App()
falcon_app.add_route("/", shop)
falcon_app.add_route("/login/{user}", shop, suffix="login")
falcon_app.add_route("/cart/{item}", shop, suffix="cart")
falcon_app.add_route("/logout", shop, suffix="logout")
app: Any = SessionMiddleware(falcon_app, SessionManager(Keyring.from_env("SESSION_KEYS")))
