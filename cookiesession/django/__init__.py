"""Sessions for Django 4.2 and 5.2: an engine, and the middleware that gives it all its powers.

    SESSION_ENGINE = "cookiesession.django"
    SESSION_COOKIE_NAME = "__Host-session"
    COOKIESESSION = {"keys": os.environ.get("SESSION_KEYS")}  # and any keyword of SessionManager
    MIDDLEWARE = [..., "cookiesession.django.SessionMiddleware", ...]      # in place of Django's

`request.session` is a Django session; `request.session.native` is the `Session` behind it, where
the data is. With Django's own middleware the engine works too, but sees `request.COOKIES` only, and
Django writes the cookie: one cookie a session, no check of duplicates and raw bytes, no
`Cache-Control`, and what is changed after the response is lost.
"""

from cookiesession.django.middleware import SessionMiddleware
from cookiesession.django.settings import get_manager
from cookiesession.django.store import SessionStore

__all__ = ["SessionMiddleware", "SessionStore", "get_manager"]
