"""A shop with Werkzeug alone: gunicorn with_werkzeug:app"""

from typing import Any

from werkzeug import Request, Response
from werkzeug.routing import Map, Rule

from cookiesession import Keyring, SessionManager
from cookiesession.wsgi import SessionMiddleware

URLS = Map(
    [
        Rule("/", endpoint="home"),
        Rule("/login/<value>", endpoint="login", methods=["POST"]),
        Rule("/cart/<value>", endpoint="add", methods=["POST"]),
        Rule("/logout", endpoint="logout", methods=["POST"]),
    ]
)


@Request.application
def shop(request: Request) -> Response:
    session = request.environ["cookiesession.session"]
    endpoint, arguments = URLS.bind_to_environ(request.environ).match()
    if endpoint == "login":
        session.regenerate()
        session["user"] = arguments["value"]
    elif endpoint == "add":
        session.setdefault("cart", []).append({"item": arguments["value"], "quantity": 1})
    elif endpoint == "logout":
        session.destroy()
    return Response(request.json_module.dumps(dict(session)), mimetype="application/json")


app: Any = SessionMiddleware(shop, SessionManager(Keyring.from_env("SESSION_KEYS")))
