"""A shop with Starlette: uvicorn with_starlette:app"""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cookiesession import Keyring, SessionManager
from cookiesession.asgi import SessionMiddleware

manager = SessionManager(Keyring.from_env("SESSION_KEYS"))


def home(request: Request) -> JSONResponse:
    return JSONResponse(request.session)


def login(request: Request) -> JSONResponse:
    request.session.regenerate()
    request.session["user"] = request.path_params["user"]
    return home(request)


def add(request: Request) -> JSONResponse:
    cart = request.session.setdefault("cart", [])
    cart.append({"item": request.path_params["item"], "quantity": 1})
    return home(request)


def logout(request: Request) -> JSONResponse:
    request.session.destroy()
    return home(request)


routes = [Route("/", home), Route("/login/{user}", login, methods=["POST"])]
routes += [Route("/cart/{item}", add, methods=["POST"])]
routes += [Route("/logout", logout, methods=["POST"])]
app = Starlette(routes=routes, middleware=[Middleware(SessionMiddleware, manager=manager)])
