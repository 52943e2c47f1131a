"""A service beside the site: uvicorn --port 8002 service_fastapi:app"""

from typing import Any

from fastapi import FastAPI
from fastapi.responses import RedirectResponse

from cookiesession import Keyring, SessionManager
from cookiesession.fastapi import SessionDep, SessionMiddleware

# The same cookie, keys and namespace as in site_django.py; "__Host-session" is the default name.
manager = SessionManager(Keyring.from_env("SESSION_KEYS"), namespace="shared_login")
app = FastAPI()
app.add_middleware(SessionMiddleware, manager=manager)


@app.get("/api/me")
def me(session: SessionDep) -> dict[str, Any]:
    # The user's primary key, as text, where Django's login put it.
    return {"user": session.get("_auth_user_id"), "cart": session.get("cart", [])}


@app.post("/api/cart/{item}")
def add(session: SessionDep, item: str) -> RedirectResponse:
    session.setdefault("cart", []).append(item)
    return RedirectResponse("/", status_code=303)  # to a page of the Django site
