"""The configuration of an application's sessions, validated once.

The rules: it does no input or output, and reads no environment. Everything that contradicts itself
is a `ConfigurationError` here, never a surprise in a request, and its message says how to mend it.
"""

import inspect
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeGuard

from cookiesession import events
from cookiesession._codec import Codec, CodecOptions
from cookiesession._cookie import MAX_COOKIE_BYTES, MAX_PARTS, CookieAttributes, Writer, check_name
from cookiesession._exchange import Exchange, Incoming, Policy
from cookiesession._keys import Key, Keyring, KeySource
from cookiesession._lifetimes import Lifetimes, Stamp, whole_seconds
from cookiesession._pack import pack
from cookiesession._seal import new_sid
from cookiesession._session import Arrival, Session
from cookiesession.errors import ConfigurationError, InvalidCookie, Status

_LEAST_TOUCH: Final = 60  # seconds
_MAX_PARTITIONED: Final = 2  # cookies of 4093 bytes that fit into a partition
_MAX_SECONDS: Final = 2**31 - 1  # of a duration; the format has 31 bits for it


class SessionManager:
    """The sessions of an application: its keys, its cookie, its lifetimes.

    Durations are `timedelta` or seconds. `idle_timeout` runs since the session was last written,
    `absolute_timeout` since it was created; both are enforced here, whatever the browser does.
    A session that was looked at is written anew, unchanged, once it is `touch_after` old (a tenth
    of the idle timeout unless given). `persistent=False` has the browser drop the cookie when it
    closes. `pad` is the multiple of bytes that hides a session's exact length. `issued_after`
    refuses every cookie issued before that moment. `development=True` is for http://localhost:
    the cookie is neither Secure nor `__Host-`, and any Host but a loopback name gets no session.

    `keys` may also be a `cookiesession.keyring.LiveKeyring`, which changes while it serves.

    Immutable, and safe to share between threads and event loops. Raises `ConfigurationError` for
    what contradicts itself.

    >>> manager = SessionManager(Key.generate())
    >>> dict(manager.loads(manager.dumps({"user_id": 7})))
    {'user_id': 7}
    """

    __slots__ = ("_keys", "_policy", "_settings")

    def __init__(
        self,
        keys: KeySource | Key | str | Iterable[Key | str],
        *,
        name: str = "session",
        namespace: str = "",
        cookie: CookieAttributes = CookieAttributes(),  # noqa: B008  it is immutable
        idle_timeout: timedelta | float = timedelta(days=14),
        absolute_timeout: timedelta | float = timedelta(days=30),
        remember_timeout: timedelta | float | None = None,
        touch_after: timedelta | float | None = None,
        persistent: bool = True,
        compress: bool = True,
        pad: int = 16,
        max_cookies: int = 1,
        issued_after: datetime | float | None = None,
        save_on_5xx: bool = False,
        development: bool = False,
        on_event: Callable[[events.Event], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = {**locals()}  # every argument, for `replace`
        del self._settings["self"]
        check_name(name)
        if not isinstance(cookie, CookieAttributes):
            raise ConfigurationError("cookie must be a CookieAttributes, as CookieAttributes()")
        if not callable(clock):
            raise ConfigurationError("clock must be a function that returns Unix time in seconds")
        _check_flags(self._settings)
        _one_of("pad", pad, (0, 16, 32))
        _one_of("max_cookies", max_cookies, range(1, MAX_PARTS + 1))
        if cookie.partitioned and max_cookies > _MAX_PARTITIONED:
            raise ConfigurationError(
                "browsers keep 10 KiB of partitioned cookies a site, and drop the oldest without a "
                f"word: set max_cookies to {_MAX_PARTITIONED} at most"
            )
        lifetimes = _lifetimes(idle_timeout, absolute_timeout, remember_timeout)
        options = CodecOptions(
            lifetimes=lifetimes,
            issued_after=_moment(issued_after),
            compress=compress,
            pad=pad,
            max_length=MAX_COOKIE_BYTES * max_cookies,
        )
        if development:
            cookie = _insecure(cookie)
        self._keys = self._settings["keys"] = _source(keys, lifetimes)
        self._policy = Policy(
            codec=Codec(self._keys, name, _checked_namespace(namespace), options),
            writer=Writer(name, cookie, max_cookies),
            touch_after=_touch_after(touch_after, lifetimes.idle),
            persistent=persistent,
            save_on_5xx=save_on_5xx,
            secure=cookie.secure,
            development=development,
            clock=clock,
            on_event=_hook(on_event),
            warned=set(),
        )

    @property
    def keyring(self) -> Keyring:
        """The keys of this moment."""
        return self._keys.at(self._policy.now())

    @property
    def cookie_name(self) -> str:
        """The cookie's name as browsers see it, with its prefix."""
        return self._policy.writer.name

    @property
    def capacity(self) -> int:
        """How many characters the session's cookies can take; compare `Session.size`."""
        return self._policy.writer.capacity

    @property
    def key_id(self) -> str:
        """The four characters by which cookies name the primary key; not a secret."""
        return self._policy.codec.ready(self._policy.now()).primary.kid_text.decode()

    @property
    def settings(self) -> Mapping[str, Any]:
        """Every argument by its name, as given or as it was by default; to look at.

        `keys` is where the ring comes from, whatever was given.

        >>> SessionManager(Key.generate()).settings["max_cookies"]
        1
        """
        return MappingProxyType(self._settings)

    @property
    def clock(self) -> Callable[[], float]:
        """The clock, in Unix seconds."""
        return self._policy.clock

    def replace(self, **settings: Any) -> "SessionManager":
        """Return a manager with the same settings but these.

        >>> manager = SessionManager(Key.generate())
        >>> manager.replace(namespace="shop").cookie_name
        '__Host-session'
        """
        return SessionManager(**{**self._settings, **settings})

    def open(self, incoming: Incoming | Callable[[], Incoming]) -> Exchange:
        """Begin a request. Never raises, and decodes nothing before somebody looks.

        A function instead of an `Incoming` is called at the first look.

        >>> manager = SessionManager(Key.generate())
        >>> with manager.open(Incoming()) as exchange:
        ...     exchange.session["user_id"] = 7
        ...     edits = exchange.headers(200)
        >>> edits.set
        {'Vary': 'Cookie', 'Cache-Control': 'no-store'}
        """
        return Exchange(self._policy, incoming)

    def dumps(self, session: dict[str, Any]) -> str:
        """Return a session, or a dict as a new one, as the text of a cookie.

        A session keeps its id and its creation time. Raises `UnsavableSession`, and
        `SessionTooLarge` for what the cookies cannot take.
        """
        now = self._policy.now()
        if isinstance(session, Session):
            body = session._body()
            stamp = session._own_stamp().at(now)
        else:
            body = pack(session)
            stamp = Stamp(now, now, new_sid())
        return self._policy.text(body, stamp, now)

    def loads(self, text: str) -> Session:
        """Return the session that a cookie's text holds; raise `InvalidCookie` for any other text.

        >>> SessionManager(Key.generate()).loads("1abc")
        Traceback (most recent call last):
        cookiesession.errors.InvalidCookie: the cookie was refused: malformed
        """
        now = self._policy.now()
        content = self._policy.codec.loads(text.encode("utf-8", "replace"), now)
        if isinstance(content, Status):
            raise InvalidCookie(content)
        arrival = Arrival(Status.VALID, now, content.data, content.body, content.stamp)
        session = Session(self._policy.codec, lambda _: arrival, None)
        session.mark_accessed()
        return session

    def __repr__(self) -> str:
        return f"<SessionManager {self.cookie_name}: {self.keyring!r}>"

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("a SessionManager cannot be pickled: it would write down its keys")


def _insecure(cookie: CookieAttributes) -> CookieAttributes:
    if cookie.samesite == "none" or cookie.partitioned:
        raise ConfigurationError(
            'development=True sends no Secure, without which browsers drop samesite="none" and '
            "partitioned cookies: leave these two away while developing"
        )
    return replace(cookie, secure=False)


def _source(keys: KeySource | Key | str | Iterable[Key | str], lifetimes: Lifetimes) -> KeySource:
    if not isinstance(keys, KeySource):
        return _keyring(keys)
    if keys.keeps < lifetimes.longest:
        raise ConfigurationError(
            f"sessions live for up to {lifetimes.longest / 86_400:g}d, but the ring drops a key "
            f"{keys.keeps / 86_400:g}d after it last wrote: raise the ring's session lifetime "
            "(cookiesession keys schedule), or lower absolute_timeout and remember_timeout"
        )
    return keys


def _keyring(keys: Key | str | Iterable[Key | str]) -> Keyring:
    if isinstance(keys, Key):
        return Keyring([keys])
    if isinstance(keys, str):
        return Keyring.parse(keys)
    return Keyring(keys if isinstance(keys, Iterable) else [])


def _lifetimes(
    idle: timedelta | float, absolute: timedelta | float, remember: timedelta | float | None
) -> Lifetimes:
    lifetimes = Lifetimes(
        idle=_duration("idle_timeout", idle),
        absolute=_duration("absolute_timeout", absolute),
        remember=_duration("remember_timeout", absolute if remember is None else remember),
    )
    if lifetimes.idle > lifetimes.absolute:
        raise ConfigurationError(
            "idle_timeout is longer than absolute_timeout, so it would never count: "
            "lower it, or raise absolute_timeout"
        )
    return lifetimes


def _touch_after(after: timedelta | float | None, idle: int) -> int:
    if after is None:
        return min(max(_LEAST_TOUCH, idle // 10), idle // 2)
    seconds = _duration("touch_after", after, least=0)
    if seconds >= idle:
        raise ConfigurationError(
            "touch_after must be shorter than idle_timeout: sessions in use would end"
        )
    return seconds


def _duration(name: str, duration: timedelta | float, least: int = 1) -> int:
    is_duration = isinstance(duration, timedelta) or _is_number(duration)
    seconds = whole_seconds(duration) if is_duration else -1
    if not least <= seconds <= _MAX_SECONDS:
        raise ConfigurationError(
            f"{name} must be a timedelta, or seconds, from {least} to {_MAX_SECONDS} seconds"
        )
    return seconds


def _moment(moment: datetime | float | None) -> int:
    if moment is None:
        return 0
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ConfigurationError("issued_after needs a time zone, as in datetime.now(UTC)")
        return math.ceil(moment.timestamp())
    if not _is_number(moment) or moment < 0:
        raise ConfigurationError("issued_after must be a datetime or a Unix time in seconds")
    return math.ceil(moment)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and type(value) is not bool and abs(value) < math.inf


def _check_flags(settings: dict[str, Any]) -> None:
    # "false", as an environment variable has it, is true.
    for name in ("persistent", "compress", "save_on_5xx", "development"):
        if type(settings[name]) is not bool:
            raise ConfigurationError(f"{name} must be True or False")


def _one_of(name: str, value: int, allowed: Collection[int]) -> None:
    if type(value) is not int or value not in allowed:
        raise ConfigurationError(f"{name} must be one of {', '.join(map(str, allowed))}")


def _checked_namespace(namespace: str) -> str:
    if (
        not isinstance(namespace, str)
        or len(namespace) > 1024
        or any("\ud800" <= character <= "\udfff" for character in namespace)
    ):
        raise ConfigurationError("namespace must be a text of at most 1024 characters")
    return namespace


def _hook(on_event: Callable[[events.Event], None] | None) -> Callable[[events.Event], None]:
    if on_event is None:
        return events.log
    if not callable(on_event) or any(
        map(inspect.iscoroutinefunction, (on_event, type(on_event).__call__))
    ):
        raise ConfigurationError(
            "on_event must be an ordinary function: hand the event to a queue where work must wait"
        )
    return on_event
