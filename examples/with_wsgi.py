"""A shop in plain WSGI, on the standard library's server: python with_wsgi.py PORT"""

import json
import sys
from typing import Any
from wsgiref.simple_server import make_server

from cookiesession import Keyring, SessionManager
from cookiesession.wsgi import SessionMiddleware


def shop(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    session = environ["cookiesession.session"]
    match (environ["REQUEST_METHOD"], *environ["PATH_INFO"].split("/")[1:]):
        case "POST", "login", user:
            session.regenerate()
            session["user"] = user
        case "POST", "cart", item:
            session.setdefault("cart", []).append({"item": item, "quantity": 1})
        case "POST", "logout":
            session.destroy()
    body = json.dumps(dict(session)).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


app = SessionMiddleware(shop, SessionManager(Keyring.from_env("SESSION_KEYS")))

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
