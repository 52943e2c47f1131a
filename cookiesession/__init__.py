"""Sessions in a cookie: encrypted, signed, and with no storage on the server.

    from cookiesession import Keyring, SessionManager

    manager = SessionManager(Keyring.from_env("SESSION_KEYS"))

Then one adapter: `cookiesession.asgi`, `cookiesession.wsgi`, or a framework's own. To read the
library, take the files in the order in which they are imported: `errors`, `events`, `_base64`,
`_keys`, `_names`, `_pack`, `_compress`, `_lifetimes`, `_seal`, `_sign`, `_codec`, `_session`,
`_cookie`, `_exchange`, `_manager`.
"""

from cookiesession._cookie import CookieAttributes
from cookiesession._exchange import Edits, Exchange, Incoming
from cookiesession._keys import Key, Keyring, KeySource
from cookiesession._manager import SessionManager
from cookiesession._session import Session
from cookiesession.errors import (
    ConfigurationError,
    CookieSessionError,
    InvalidCookie,
    SessionClosedError,
    SessionTooLarge,
    Status,
    UnsavableSession,
)

__all__ = [
    "ConfigurationError",
    "CookieAttributes",
    "CookieSessionError",
    "Edits",
    "Exchange",
    "Incoming",
    "InvalidCookie",
    "Key",
    "KeySource",
    "Keyring",
    "Session",
    "SessionClosedError",
    "SessionManager",
    "SessionTooLarge",
    "Status",
    "UnsavableSession",
]
