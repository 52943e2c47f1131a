"""Sessions for any ASGI application (ASGI 3.0), HTTP and WebSocket, with no framework imported.

    app = SessionMiddleware(app, manager)        # the session is scope["session"]

A WebSocket's session is written when the handshake is answered, and read-only from then on. Where
the server passes no headers on with that answer (ASGI before 2.1, as in daphne), it is read-only
from the start: a change raises `SessionClosedError`.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from functools import partial
from typing import Any, Final

from cookiesession import ConfigurationError, Edits, Exchange, Incoming, SessionManager

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

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
        with self.manager.open(partial(_incoming, scope)) as exchange:
            scope["session"] = exchange.session

            async def send_with_session(message: Message) -> None:
                settle = _SETTLING.get(message["type"])
                if settle is not None:
                    settle(exchange, scope, message)
                await send(message)

            await self.app(scope, receive, send_with_session)


def _settle_response(exchange: Exchange, _scope: Scope, message: Message) -> None:
    _apply(exchange, message["status"], message)


def _settle_accept(exchange: Exchange, scope: Scope, message: Message) -> None:
    if _passes_accept_headers(scope):
        _apply(exchange, _SWITCHING_PROTOCOLS, message)
    else:
        exchange.close()


def _settle_close(exchange: Exchange, _scope: Scope, _message: Message) -> None:
    exchange.close()  # a handshake that is refused so has no headers; after one it changes nothing


_SETTLING: Final[dict[str, Callable[[Exchange, Scope, Message], None]]] = {
    "http.response.start": _settle_response,
    "websocket.http.response.start": _settle_response,
    "websocket.accept": _settle_accept,
    "websocket.close": _settle_close,
}


def _apply(exchange: Exchange, status: int, message: Message) -> None:
    if not exchange.session.accessed:
        exchange.headers(status)
        return
    headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
    edits = exchange.headers(
        status, vary=_joined(headers, b"vary"), cache_control=_joined(headers, b"cache-control")
    )
    message["headers"] = _edited(headers, edits)


def _edited(headers: list[tuple[bytes, bytes]], edits: Edits) -> list[tuple[bytes, bytes]]:
    replaced = {name.lower().encode(): value.encode("latin-1") for name, value in edits.set.items()}
    kept = [header for header in headers if header[0].lower() not in replaced]
    added = [(name.lower().encode(), value.encode()) for name, value in edits.add]
    return [*kept, *replaced.items(), *added]


def _joined(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    return ", ".join(value.decode("latin-1") for key, value in headers if key.lower() == name)


def _incoming(scope: Scope) -> Incoming:
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    return Incoming(
        cookies=[value for name, value in headers if name == b"cookie"],
        method=scope.get("method", "GET"),
        path=scope["path"],
        scheme=scope.get("scheme", ""),
        host=_joined(headers, b"host"),
        fetch_dest=_joined(headers, b"sec-fetch-dest"),
        fetch_site=_joined(headers, b"sec-fetch-site"),
    )


def _passes_accept_headers(scope: Scope) -> bool:
    version = scope.get("asgi", {}).get("spec_version", "2.0")
    return tuple(map(int, version.split("."))) >= (2, 1)
