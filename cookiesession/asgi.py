"""Sessions for any ASGI application (ASGI 3.0), HTTP and WebSocket, with no framework imported.

    app = SessionMiddleware(app, manager)        # the session is scope["session"]

A WebSocket's session is written when the handshake is answered, and read-only from then on. Where
the server passes no headers on with that answer (ASGI before 2.1, as in daphne), it is read-only
from the start: a change raises `SessionClosedError`.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import partial
from typing import Any, Final

from cookiesession import ConfigurationError, Exchange, Incoming, SessionManager

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

EXCHANGE: Final = "cookiesession.exchange"  # for adapters that settle before the middleware does

_SWITCHING_PROTOCOLS: Final = 101


class SessionMiddleware:
    """Puts the session of `manager` into every request's scope, and writes it.

    >>> from cookiesession import Key
    >>> async def application(scope, receive, send):
    ...     scope["session"]["visits"] = scope["session"].get("visits", 0) + 1
    >>> app = SessionMiddleware(application, SessionManager(Key.generate()))
    """

    def __init__(self, app: App, manager: SessionManager) -> None:
        if not isinstance(manager, SessionManager):
            raise ConfigurationError("SessionMiddleware takes the application and a SessionManager")
        self.app = app
        self.manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, WebSocket or lifespan."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if "session" in scope:
            raise ConfigurationError("two session middlewares wrap this application: remove one")
        if not isinstance(scope["headers"], list):  # any iterable, even one that is read only once
            scope["headers"] = list(scope["headers"])
        # Of parts of the scope, which holds the session: in a circle, both would live on a while.
        incoming = partial(
            _incoming, scope["headers"], scope["path"], scope.get("method"), scope.get("scheme")
        )
        with self.manager.open(incoming) as exchange:
            scope["session"] = exchange.session
            scope[EXCHANGE] = exchange

            async def send_with_session(message: Message) -> None:
                await send(_settled(exchange, scope, message))

            await self.app(scope, receive, send_with_session)


def _settled(exchange: Exchange, scope: Scope, message: Message) -> Message:
    """Return the message with the session's headers, where it is one that carries headers."""
    kind = message["type"]
    if kind in ("http.response.start", "websocket.http.response.start"):
        return _edited(exchange, message["status"], message)
    if kind == "websocket.accept" and _passes_accept_headers(scope):
        return _edited(exchange, _SWITCHING_PROTOCOLS, message)
    if kind in ("websocket.accept", "websocket.close"):
        exchange.close()  # these have no headers; after a handshake, a close changes nothing
    return message


def _edited(exchange: Exchange, status: int, message: Message) -> Message:
    """Return the message with its headers edited, in a copy: an application may send one to all."""
    if not exchange.session.accessed:
        exchange.headers(status)
        return message
    headers = [(name.lower(), value) for name, value in message.get("headers", ())]
    own = _named(headers, _EDITED)
    edits = exchange.headers(
        status, vary=own.get(b"vary", ""), cache_control=own.get(b"cache-control", "")
    )
    for name, value in edits.set.items():
        raw_name = name.lower().encode()
        if raw_name in own:
            headers = [header for header in headers if header[0] != raw_name]
        headers.append((raw_name, value.encode("latin-1")))
    headers += [(b"set-cookie", value.encode()) for _, value in edits.add]
    return {**message, "headers": headers}


def _incoming(
    headers: list[tuple[bytes, bytes]], path: str, method: str | None, scheme: str | None
) -> Incoming:
    own = _named(headers, _ASKED)
    return Incoming(
        cookies=[value for name, value in headers if name == b"cookie"],
        method=method or "GET",
        path=path,
        scheme=scheme or "",
        host=own.get(b"host", ""),
        fetch_dest=own.get(b"sec-fetch-dest", ""),
        fetch_site=own.get(b"sec-fetch-site", ""),
    )


_EDITED: Final = frozenset({b"vary", b"cache-control"})
_ASKED: Final = frozenset({b"host", b"sec-fetch-dest", b"sec-fetch-site"})


def _named(headers: Iterable[tuple[bytes, bytes]], names: frozenset[bytes]) -> dict[bytes, str]:
    """Return the values of some headers, joined where one came several times.

    Names are in small letters, as the specification has them.
    """
    named: dict[bytes, str] = {}
    for name, value in headers:
        if name in names:
            text = value.decode("latin-1")
            named[name] = f"{named[name]}, {text}" if name in named else text
    return named


def _passes_accept_headers(scope: Scope) -> bool:
    if "websocket.http.response" in (scope.get("extensions") or {}):
        return True  # newer than 2.1, whatever the version says: so with Starlette's test client
    version = scope.get("asgi", {}).get("spec_version", "2.0")
    return tuple(map(int, version.split("."))) >= (2, 1)
