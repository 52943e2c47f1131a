"""A shop in plain ASGI: hypercorn with_asgi:app"""

import json
from typing import Any

from cookiesession import Keyring, SessionManager
from cookiesession.asgi import SessionMiddleware


async def shop(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    session = scope["session"]
    match (scope["method"], *scope["path"].split("/")[1:]):
        case "POST", "login", user:
            session.regenerate()
            session["user"] = user
        case "POST", "cart", item:
            session.setdefault("cart", []).append({"item": item, "quantity": 1})
        case "POST", "logout":
            session.destroy()
    body = json.dumps(dict(session)).encode()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


app = SessionMiddleware(shop, SessionManager(Keyring.from_env("SESSION_KEYS")))
