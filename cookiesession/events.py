"""What a `SessionManager` tells its `on_event` hook.

Every event carries two things that are safe to log, and nothing else but a refusal's reason:
`session`, a keyed hash of the session's id (the same session has the same hash as long as its key
lives; "" where no session was opened), and `key_id`, the four characters by which the cookie names
its key ("" where it names none).

Without a hook, events go to the logger `cookiesession`: what needs a person as warnings, the rest
as debug messages.

>>> Refused(session="", key_id="AbC9", reason=Status.BAD_SIGNATURE)
Refused(session='', key_id='AbC9', reason=<Status.BAD_SIGNATURE: 'bad_signature'>)
"""

import logging
from dataclasses import dataclass
from typing import Final

from cookiesession.errors import Status

_logger = logging.getLogger("cookiesession")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to one session in one request."""

    session: str
    key_id: str


class Opened(Event):
    """A cookie was accepted. Counted by `key_id`, this shows when an old key may go."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """A cookie was refused, so the session is empty."""

    reason: Status


class Duplicate(Event):
    """Several valid cookies of one name came; the one issued last was taken."""

    __slots__ = ()


class Saved(Event):
    """The session had changed and was written."""

    __slots__ = ()


class Touched(Event):
    """The session had not changed and was written to extend its life or to move to a newer key."""

    __slots__ = ()


class Split(Event):
    """What was written did not fit one cookie and left in several."""

    __slots__ = ()


class Deleted(Event):
    """The browser was told to drop the cookie."""

    __slots__ = ()


class NotSaved(Event):
    """The session had changed, but was not written: the response was an error of 500 or above.

    Under `development=True` also: the Host is not a loopback name.
    """

    __slots__ = ()


class CacheConflict(Event):
    """A cache might mix up sessions.

    Either a response that sets the cookie asked to be cached (it is sent with `no-store` instead),
    or the session was first looked at when the headers had left without `Vary: Cookie`.
    """

    __slots__ = ()


class InsecureTransport(Event):
    """A Secure cookie left over what looks like plain http, where browsers drop it.

    Told once by each manager. Serve the site over https; for http://localhost there is
    `SessionManager(..., development=True)`. Behind a proxy that ends TLS this is not told to
    browsers of the last years, which send `Sec-Fetch-Site` over https.
    """

    __slots__ = ()


class KeyringChanged(Event):
    """A `LiveKeyring` found another ring than before, and it is in use. It concerns no session."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class KeyringNotRefreshed(Event):
    """A `LiveKeyring` found no good ring; the last one stays in use. It concerns no session."""

    why: str


_WARNINGS: Final[dict[type[Event], str]] = {
    CacheConflict: "a response that depends on the session asked to be cached (it was sent as "
    "no-store), or left its headers before the session was looked at (it lacks Vary: Cookie)",
    Duplicate: "several valid session cookies came; look for a second Path or Domain",
    InsecureTransport: "a Secure session cookie was set over plain http, where browsers drop it: "
    "serve over https, or pass development=True for http://localhost",
    KeyringNotRefreshed: "the key ring could not be read anew; the last good one stays in use",
    NotSaved: "a changed session was not saved: the response was an error of 500 or above, or "
    "development=True met a Host that is not a loopback name",
}


def is_logged(kind: type[Event]) -> bool:
    """Tell whether `log` would write anything about such an event."""
    return kind in _WARNINGS or _logger.isEnabledFor(logging.DEBUG)


def log(event: Event) -> None:
    """Log an event: the `on_event` of a manager that was given none."""
    warning = _WARNINGS.get(type(event))
    if warning:
        _logger.warning("%s (%r)", warning, event)
    else:
        _logger.debug("%r", event)
