"""For the tests of an application: cookies of every kind, in and out of every test client.

    mint         a cookie's text: valid, or aged, or under another key, or for another namespace
    tampered     the same text with its last character changed
    set_cookie   give a text to a client            get_cookie   take it back
    session_transaction   change a client's session in a `with` block
    assert_session        say what a client's session must be
    Clock        a clock that moves when told to; pass it to the manager

Clients are those of httpx, requests, Starlette, FastAPI, Litestar, Flask, Quart, Django, aiohttp.
Give each an https base URL: a Secure cookie is not sent over http. With pytest, the fixtures
`session_clock` and `session_manager` come with the package.

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
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.cookiejar import CookieJar
from http.cookies import SimpleCookie
from typing import Any

from cookiesession import ConfigurationError, InvalidCookie, Session, SessionManager


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

    `host` is for clients that have no base URL, such as a `requests.Session`.
    """
    name = manager.cookie_name
    if hasattr(client, "get_cookie"):  # Werkzeug's, and so Flask's
        client.set_cookie(name, text, secure=True, httponly=True)
    elif hasattr(client, "cookie_jar") and hasattr(client, "app"):  # Quart's
        client.set_cookie("localhost", name, text, secure=True, httponly=True)
    elif _is_aiohttp(client):
        client.session.cookie_jar.update_cookies({name: text}, client.make_url("/"))
    elif _is_simple(client.cookies):  # Django's
        client.cookies[name] = text
    else:  # httpx's, and so Starlette's, FastAPI's and Litestar's; requests'
        _forget(client.cookies, name)
        client.cookies.set(name, text, domain=_jar_domain(client, host))


def get_cookie(client: Any, manager: SessionManager) -> str | None:
    """Return the cookie's text that a test client holds, or None."""
    name = manager.cookie_name
    if hasattr(client, "get_cookie"):
        cookie = client.get_cookie(name)
        return cookie.value if cookie else None
    return next((value for key, value in _pairs(client) if key == name), None)


def get_session(client: Any, manager: SessionManager) -> Session:
    """Return the session of a test client; an empty one where it holds no valid cookie.

    Sessions of several cookies are not put together here: use one cookie in such tests.
    """
    try:
        return manager.loads(get_cookie(client, manager) or "")
    except InvalidCookie:
        return manager.loads(manager.dumps({}))


@contextmanager
def session_transaction(client: Any, manager: SessionManager) -> Generator[Session]:
    """Change a test client's session; what the block leaves is the client's cookie.

    >>> from cookiesession import Key, SessionManager
    >>> from types import SimpleNamespace
    >>> manager = SessionManager(Key.generate())
    >>> client = SimpleNamespace(cookies=SimpleCookie())  # the least that is a client: Django's
    >>> with session_transaction(client, manager) as session:
    ...     session["user_id"] = 7
    >>> assert_session(client, manager, {"user_id": 7})
    """
    session = get_session(client, manager)
    yield session
    set_cookie(client, manager, manager.dumps(session))


def assert_session(client: Any, manager: SessionManager, expected: dict[str, Any]) -> None:
    """Assert what the session holds that a test client has, or that a response sets."""
    actual = dict(get_session(client, manager))
    assert actual == expected, f"the session is {actual!r}, not {expected!r}"


def _pairs(client: Any) -> Iterator[tuple[str, str | None]]:
    """Return the names and values of the cookies in a client, or in a response."""
    if _is_aiohttp(client):
        yield from ((cookie.key, cookie.value) for cookie in client.session.cookie_jar)
        return
    if hasattr(client, "headers") and hasattr(client.headers, "getlist"):  # Werkzeug's response
        jar: Any = SimpleCookie("\n".join(client.headers.getlist("Set-Cookie")))
    else:
        cookies = client.cookies if hasattr(client, "cookies") else client.cookie_jar
        jar = getattr(cookies, "jar", cookies)
    if _is_simple(jar):
        yield from ((name, morsel.value or None) for name, morsel in jar.items())
    elif isinstance(jar, CookieJar):
        yield from ((cookie.name, cookie.value) for cookie in jar)
    else:
        raise ConfigurationError(f"no cookies found in a {type(client).__name__}")


def _is_simple(jar: Any) -> bool:
    return isinstance(jar, SimpleCookie)


def _forget(cookies: Any, name: str) -> None:
    jar = getattr(cookies, "jar", cookies)
    for cookie in [cookie for cookie in jar if cookie.name == name]:
        jar.clear(cookie.domain, cookie.path, cookie.name)


def _jar_domain(client: Any, host: str) -> str:
    base_url = getattr(client, "base_url", None)
    domain = host or str(getattr(base_url, "host", ""))
    return domain if "." in domain or not domain else f"{domain}.local"  # as http.cookiejar does


def _is_aiohttp(client: Any) -> bool:
    return hasattr(client, "make_url") and hasattr(client, "session")
