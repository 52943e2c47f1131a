"""Whose fault it was, as a type.

    CookieSessionError
    ├── ConfigurationError    the developer: raised when the application is put together
    ├── UnsavableSession      the application: raised when saving
    │   └── SessionTooLarge
    ├── SessionClosedError    the application: changed after the headers had left
    └── InvalidCookie         the client: raised by `SessionManager.loads` alone

A client's fault never breaks a request: there it is an empty session whose `status` says why.
No message here holds a key, a cookie value or session data; names of session keys may stand in it.
"""

from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """What became of the cookie: why a session is empty, or that it is valid.

    The comments give the step of `docs/format.md`, "Reading", that ends with this reason.

    >>> Status.IDLE_EXPIRED == "idle_expired"
    True
    """

    VALID = "valid"
    MISSING = "missing"  # no cookie of this name came
    INCOMPLETE = "incomplete"  # a part of a split cookie did not come
    MALFORMED = "malformed"  # 1, 3
    UNKNOWN_FORMAT = "unknown_format"  # 2
    UNKNOWN_KEY = "unknown_key"  # 3: not in the ring, or retired
    BAD_SIGNATURE = "bad_signature"  # 4
    BAD_PAYLOAD = "bad_payload"  # 5, 7, 8: signed, but nothing we would have written
    NOT_YET_VALID = "not_yet_valid"  # 5: issued more than 300 s ahead of this clock
    ISSUED_TOO_EARLY = "issued_too_early"  # 5: issued before `issued_after`
    BAD_CIPHERTEXT = "bad_ciphertext"  # 6: signed with our key, yet not sealed with it
    IDLE_EXPIRED = "idle_expired"  # 7
    EXPIRED = "expired"  # 7
    REVOKED = "revoked"  # refused by a hook
    HOST_REFUSED = "host_refused"  # `development=True`, and the Host is not a loopback name


class CookieSessionError(Exception):
    """The base of every error that this package raises."""


class ConfigurationError(CookieSessionError, ValueError):
    """The configuration contradicts itself or lacks something; the message says how to mend it."""


class UnsavableSession(CookieSessionError):
    """The session holds something that no cookie can carry; `path` leads to it (`cart[2].price`).

    Nothing was written: the browser keeps the session that it had.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(path, why)
        self.path = path
        self.why = why

    def __str__(self) -> str:
        """Return a sentence."""
        return f"session value {self.path} cannot be saved: {self.why}" if self.path else self.why


class SessionTooLarge(UnsavableSession):
    """The session does not fit its cookies.

    `size` and `limit` are characters of the cookie's value; `largest` lists the biggest
    top-level keys as `(name, bytes)`, biggest first, as packed and compressed.
    """

    def __init__(self, size: int, limit: int, largest: list[tuple[str, int]]) -> None:
        biggest = ", ".join(f"{name} ({length} bytes)" for name, length in largest)
        super().__init__(
            largest[0][0] if largest else "",
            f"the whole session takes {size} characters, and {limit} fit; the biggest keys are "
            f"{biggest}. Keep large data on the server, or raise max_cookies",
        )
        self.args: tuple[Any, ...] = (size, limit, largest)
        self.size = size
        self.limit = limit
        self.largest = largest


class SessionClosedError(CookieSessionError):
    """The session was changed when its cookie could no longer be sent."""


class InvalidCookie(CookieSessionError):
    """A cookie was refused; `reason` is one of `Status`."""

    def __init__(self, reason: Status) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        """Return a sentence."""
        return f"the cookie was refused: {self.reason}"
