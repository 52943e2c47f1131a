"""What the manifests serve: gunicorn web:app, with SESSION_KEYRING naming the ring's file."""

import os
from collections.abc import Iterable
from typing import Any

from cookiesession import SessionManager
from cookiesession.keyring import LiveKeyring
from cookiesession.wsgi import SessionMiddleware

ring = LiveKeyring.from_path(os.environ["SESSION_KEYRING"], refresh_every=60)
manager = SessionManager(ring)


def visits(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    session = environ["cookiesession.session"]
    session["visits"] = session.get("visits", 0) + 1
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{session['visits']} visits\n".encode()]


app = SessionMiddleware(visits, manager)
