"""For the tests of an application: cookies of every kind, in and out of every test client.

    mint         a cookie's text: valid, or aged, or under another key, or for another namespace
    tampered     the same text with its last character changed
    set_cookie   give a text to a client            get_cookie   take it back
    get_session           the session that a client has, or that a response sets
    session_transaction   change a client's session in a `with` block
    assert_session        say what the session must be
    Clock        a clock that moves when told to; pass it to the manager

Clients are those of httpx, requests, Starlette, FastAPI, Litestar, Flask, Werkzeug, Quart, Django,
aiohttp, WebTest. A client gets cookies with the manager's attributes, so what the application
answers replaces them, and a Secure one is not sent over http: ask over https, or have the manager
be for `development`. With pytest, the fixtures `session_clock` and `session_manager` come with the
package.

>>> from cookiesession import Key, SessionManager
>>> clock = Clock()
>>> manager = SessionManager(Key.generate(), clock=clock)
>>> text = mint(manager, {"user_id": 7})
>>> clock.advance(days=15)
>>> manager.loads(text)
Traceback (most recent call last):
cookiesession.errors.InvalidCookie: the cookie was refused: idle_expired
"""

import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.message import Message
from functools import partial
from http.cookiejar import CookieJar
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Any
from urllib.request import Request
from urllib.response import addinfourl

from cookiesession import ConfigurationError, Exchange, Incoming, Session, SessionManager


class Clock:
    """A clock that stands still until it is advanced.

    >>> clock = Clock(1_800_000_000)
    >>> clock.advance(hours=1)
    >>> clock()
    1800003600.0
    """

    now: float

    def __init__(self, now: float | None = None) -> None:
        self.now = time.time() if now is None else now

    def __call__(self) -> float:
        """Return the time, in Unix seconds."""
        return self.now

    def advance(self, seconds: float = 0, **duration: float) -> None:
        """Move on, by seconds or by what `timedelta` takes: `advance(days=1)`."""
        self.now += timedelta(seconds=seconds, **duration).total_seconds()


def mint(
    manager: SessionManager,
    data: dict[str, Any],
    *,
    age: timedelta | float = 0,
    **settings: Any,
) -> str:
    """Return the text of a cookie that `manager` might have made `age` seconds ago.

    Other settings replace the manager's: `keys=old_key`, `namespace="other"`, ...

    >>> from cookiesession import Key
    >>> manager = SessionManager(Key.generate())
    >>> manager.loads(mint(manager, {}, keys=Key.generate()))
    Traceback (most recent call last):
    cookiesession.errors.InvalidCookie: the cookie was refused: unknown_key
    """
    seconds = age.total_seconds() if isinstance(age, timedelta) else age
    then = manager.clock() - seconds
    return manager.replace(clock=lambda: then, **settings).dumps(data)


def tampered(text: str) -> str:
    """Return a cookie's text with its last character changed.

    >>> tampered("1abc.A"), tampered("1abc.E")
    ('1abc.E', '1abc.A')
    """
    return text[:-1] + ("A" if text[-1] != "A" else "E")


def set_cookie(client: Any, manager: SessionManager, text: str, *, host: str = "") -> None:
    """Put a cookie's text into a test client, in place of the one it has.

    `host` is the one that the client will ask, where it has no base URL: a `requests.Session`.
    """
    with _open(manager, []) as exchange:
        exchange.session["any"] = "thing"  # for the attributes of its cookie
        ((_, line),) = exchange.headers().add
    _receive(client, manager, [f"{manager.cookie_name}={text};{line.partition(';')[2]}"], host)


def get_cookie(client: Any, manager: SessionManager) -> str | None:
    """Return the cookie's text in a test client or a response, or None.

    Of a session of several cookies it is the first part.
    """
    return next((value for name, value in _cookies(client) if name == manager.cookie_name), None)


def get_session(client: Any, manager: SessionManager) -> Session:
    """Return the session that a test client has, or that a response sets.

    Its `status` says why it is empty where no valid cookie is there. It is for reading: to change
    it, use `session_transaction`.
    """
    with _open(manager, _cookies(client)) as exchange:
        exchange.session.mark_accessed()
    return exchange.session


@contextmanager
def session_transaction(
    client: Any, manager: SessionManager, *, host: str = ""
) -> Generator[Session]:
    """Change a test client's session, as the application would in a request of this client.

    >>> from cookiesession import Key, SessionManager
    >>> from types import SimpleNamespace
    >>> manager = SessionManager(Key.generate())
    >>> client = SimpleNamespace(cookies=SimpleCookie())  # the least that is a client: Django's
    >>> with session_transaction(client, manager) as session:
    ...     session["user_id"] = 7
    >>> assert_session(client, manager, {"user_id": 7})
    """
    with _open(manager, _cookies(client)) as exchange:
        yield exchange.session
        _receive(client, manager, [line for _, line in exchange.headers().add], host)


def assert_session(client: Any, manager: SessionManager, expected: dict[str, Any]) -> None:
    """Assert what the session holds that a test client has, or that a response sets."""
    __tracebackhide__ = True
    session = get_session(client, manager)
    actual = dict(session)
    assert actual == expected, f"the session is {actual!r} ({session.status}), not {expected!r}"


def _open(manager: SessionManager, cookies: Iterable[tuple[str, str]]) -> Exchange:
    """Begin a request that brings these cookies, of which no hook is told."""
    header = "; ".join(f"{name}={value}" for name, value in cookies).encode()
    quiet = manager.replace(on_event=_ignore)
    return quiet.open(Incoming(cookies=[header], host="localhost"))


def _ignore(_event: object) -> None:
    pass


def _cookies(source: Any) -> Iterator[tuple[str, str]]:
    """Return the cookies in a client, or in a response, but the deleted ones."""
    pairs: list[tuple[str, str | None]]
    if hasattr(source, "get_cookie"):  # Werkzeug's client, and so Flask's
        kept: dict[Any, Any] = source._cookies or {}
        pairs = [(cookie.key, cookie.value) for cookie in kept.values()]
    elif find := _finder(source):
        pairs = [_pair(line) for line in find("Set-Cookie")]
    elif _is_aiohttp(source):
        pairs = [(morsel.key, morsel.value) for morsel in source.session.cookie_jar]
    elif isinstance(jar := _jar(source), SimpleCookie):
        pairs = [(morsel.key, morsel.value) for morsel in jar.values()]
    else:
        pairs = [(cookie.name, cookie.value) for cookie in jar]
    return ((name, value) for name, value in pairs if value)


def _receive(client: Any, manager: SessionManager, lines: list[str], host: str) -> None:
    """Have a client take Set-Cookie lines as if an application had sent them."""
    if hasattr(client, "get_cookie"):
        client._update_cookies_from_response(host or "localhost", "/", lines)  # as Flask does
    elif _is_aiohttp(client):
        for name, value in map(_pair, lines):
            client.session.cookie_jar.clear(partial(_is_named, name))
            if value:
                client.session.cookie_jar.update_cookies({name: value}, client.make_url("/"))
    elif isinstance(jar := _jar(client), SimpleCookie):
        for name, value in map(_pair, lines):
            jar[name] = value  # an empty one is a deleted one
    else:
        message = Message()
        for line in lines:
            message["Set-Cookie"] = line
        url = _url(client, manager, jar, host)
        jar.extract_cookies(addinfourl(BytesIO(), message, url), Request(url))  # noqa: S310  not opened


def _is_named(name: str, morsel: Any) -> bool:
    return bool(morsel.key == name)


def _finder(source: Any) -> Any:
    """Return how to find a response's headers by name, where it has no cookies of its own."""
    headers = getattr(source, "headers", None)  # Werkzeug's, Flask's and Quart's; WebTest's
    return getattr(headers, "getlist", None) or getattr(headers, "getall", None)


def _jar(source: Any) -> Any:
    """Return the standard library's jar, which most clients have: where, depends."""
    for name in ("cookiejar", "cookie_jar", "cookies"):  # WebTest's, Quart's, everybody's
        cookies = getattr(source, name, None)
        jar = getattr(cookies, "jar", cookies)  # httpx puts one around it
        if isinstance(jar, SimpleCookie | CookieJar):
            return jar
    raise ConfigurationError(f"no cookies found in a {type(source).__name__}")


def _url(client: Any, manager: SessionManager, jar: CookieJar, host: str) -> str:
    """Return where a client's requests go: a jar keeps its cookies by host."""
    if not host and (base := str(getattr(client, "base_url", ""))):
        return base
    known = [
        cookie.domain.removeprefix(".") for cookie in jar if cookie.name == manager.cookie_name
    ]
    if hasattr(client, "cookiejar") or hasattr(client, "cookie_jar"):
        known.append("localhost")  # which WebTest's and Quart's ask
    if not host and not known:
        raise ConfigurationError('say which host this client will ask, as in host="127.0.0.1"')
    return f"https://{host or known[0]}/"


def _pair(line: str) -> tuple[str, str]:
    name, _, value = line.partition(";")[0].partition("=")
    return name, value


def _is_aiohttp(client: Any) -> bool:
    return hasattr(client, "make_url") and hasattr(client, "session")
