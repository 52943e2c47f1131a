"""`request.session`: Django's session methods, over a `cookiesession.Session`.

A store opens the cookie's text that it was given, as Django's middleware and test client have it,
or stands for the session of an exchange (`bind`). The data exists once, in the native session.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, Final

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase

from cookiesession import Exchange, Incoming, Session
from cookiesession.django.settings import get_manager, get_manager_of_one_cookie

_EXPIRY: Final = "_session_expiry"  # where Django's `set_expiry` keeps what it was told
_MISSING: Final = object()


class SessionStore(SessionBase):
    """What `SESSION_ENGINE = "cookiesession.django"` names."""

    exchange: Exchange | None = None
    _expiry: Any = None  # the one that the native session's own lifetime reflects

    def __init__(self, session_key: str | None = None) -> None:
        self._session_cache: Session = _open(session_key).session  # the name that Django looks for
        super().__init__(session_key)

    def bind(self, exchange: Exchange) -> None:
        """Stand for the session of an exchange, which reads and writes the cookie itself."""
        self.exchange = exchange
        self._session_cache = exchange.session

    @property
    def native(self) -> Session:
        """The session itself, with its `status`, `id`, `size` and `touch`."""
        if not self.accessed:
            self.accessed = True
            self._expiry = self._session_cache.get(_EXPIRY)
        return self._session_cache

    _session = native

    async def _aget_session(self, no_load: bool = False) -> Session:  # noqa: ARG002, FBT002
        return self.native

    @property
    def modified(self) -> bool:
        """Whether the cookie is to be written: what differs, and what is to be touched."""
        return self.accessed and (self.native.modified or self._is_due)

    @modified.setter
    def modified(self, value: bool) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        if value or self.accessed:
            self.native.modified = value

    @cached_property
    def _is_due(self) -> bool:
        if self.exchange or self.native.new:
            return False  # the exchange knows by itself, and what was refused is not touched
        twin = _open(self._session_key)
        twin.session.mark_accessed()
        return bool(twin.headers().add)

    @property
    def session_key(self) -> str | None:
        """The session's id; with the engine alone the cookie's text. None before there is one."""
        if self.exchange is None:
            return self._session_key
        return None if self.native.new and not self.native else self.native.id

    # Whether anything changed is found by comparing, so these do not set `modified`.

    def __setitem__(self, key: str, value: Any) -> None:
        self.native[key] = value

    async def aset(self, key: str, value: Any) -> None:
        """Set a key."""
        self.native[key] = value

    def __delitem__(self, key: str) -> None:
        del self.native[key]

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """Remove a key and return its value, or the default if one is given."""
        return self.native.pop(key, *(() if default is _MISSING else (default,)))

    def update(self, dict_: Any) -> None:  # type: ignore[override] # as Django's own differs
        """Set several keys."""
        self.native.update(dict_)

    def clear(self) -> None:
        """Remove the data; the session stays."""
        self.native.clear()
        self.native.modified = not self.native.new

    def flush(self) -> None:
        """Remove the session: the browser drops its cookie."""
        self.native.destroy()
        self._session_key = self._expiry = None

    def cycle_key(self) -> None:
        """Give the session a new id; the data stays."""
        self.native.regenerate()
        self._expiry = None  # regenerating forgot it; saving applies it again
        self.save()

    def create(self) -> None:
        """Begin a session, with what was put into it so far."""
        if not self.accessed:
            self.native.clear()
        self.cycle_key()

    def save(self, must_create: bool = False) -> None:  # noqa: FBT002
        """Have the cookie written. Nobody else can have created or deleted it."""
        native = self.native
        if self._session_key and native.new and not (native.modified or must_create):
            return  # an empty session does not take the place of a cookie that was refused
        native.modified = True
        if self.exchange is None:
            self.apply_expiry()
            self._session_key = get_manager_of_one_cookie().dumps(native)

    def load(self) -> dict[str, Any]:
        """Return the data."""
        return self.native.copy()

    def delete(self, session_key: str | None = None) -> None:
        """Remove the session, if it is this one: no other can be reached from here."""
        if session_key in (None, self.session_key):
            self.flush()

    def exists(self, session_key: str) -> bool:
        """Tell whether a text is a valid cookie."""
        return not _open(session_key).session.new

    @classmethod
    def clear_expired(cls) -> None:
        """Do nothing: browsers hold the sessions."""

    def get_session_cookie_age(self) -> int:
        """Return how many seconds the session lives where `set_expiry` does not say."""
        return int((self.native.expires - self.native.touched).total_seconds())

    def apply_expiry(self) -> None:
        """Give the native session, if it is to be written, the lifetime that `set_expiry` set."""
        native, expiry = self.native, self.get(_EXPIRY)
        if expiry is self._expiry is None:
            return
        if not (native.modified or settings.SESSION_SAVE_EVERY_REQUEST):
            return
        if expiry is None:
            native.regenerate()  # the only way back to the ordinary lifetime
        elif expiry == 0:
            native.forget_on_close()
        else:
            age = int(get_manager().clock()) - int(native.created.timestamp())
            lifetime = age + self.get_expiry_age()
            native.remember(lifetime) if lifetime >= 1 else native.destroy()
        self._expiry = expiry


def _open(text: str | None) -> Exchange:
    manager = get_manager()  # whose `development` refuses other hosts; here there is no request
    cookie = f"{manager.cookie_name}={text}".encode("utf-8", "replace")
    return manager.open(Incoming(cookies=[cookie] if text else [], host="localhost"))


def _asynchronous(method: Callable[..., Any]) -> Any:
    async def call(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)  # nothing here waits

    return call


for _name in ("create", "cycle_key", "delete", "exists", "flush", "load", "pop", "save", "update"):
    setattr(SessionStore, f"a{_name}", _asynchronous(getattr(SessionStore, _name)))
