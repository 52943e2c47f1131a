"""A shop with WebOb: waitress-serve with_webob:app"""

from webob import Request
from webob.dec import wsgify

from cookiesession import Keyring, SessionManager
from cookiesession.wsgi import SessionMiddleware


@wsgify
def shop(request: Request) -> dict[str, object]:
    session = request.environ["cookiesession.session"]
    action, value = request.path_info_pop() or "", request.path_info_pop() or ""
    if request.method == "POST" and action == "login":
        session.regenerate()
        session["user"] = value
    elif request.method == "POST" and action == "cart":
        session.setdefault("cart", []).append({"item": value, "quantity": 1})
    elif request.method == "POST" and action == "logout":
        session.destroy()
    return request.ResponseClass(json=dict(session))


app = SessionMiddleware(shop, SessionManager(Keyring.from_env("SESSION_KEYS")))
