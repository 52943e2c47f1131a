"""Sessions for Sanic: `request.ctx.session`.

    setup(app, manager)

It is there from the first middleware to the last, and written when the response starts; for a
stream, when the handler calls `request.respond()`. Sanic's WebSocket handshake takes no headers, so
there the session is read-only: a change raises `SessionClosedError`.

Sanic's `json` may use ujson, which looks into a dict's memory: `json(dict(request.ctx.session))`.
"""

from copy import copy
from functools import partial
from typing import Any, cast
from weakref import finalize

from multidict import CIMultiDict
from sanic import Request, Sanic
from sanic.response import BaseHTTPResponse

from cookiesession import (
    ConfigurationError,
    Exchange,
    Incoming,
    SessionClosedError,
    SessionManager,
)

__all__ = ["setup"]


def setup(app: Sanic[Any, Any], manager: SessionManager) -> None:
    """Give every request of an application a session of `manager`, as `request.ctx.session`.

    >>> from cookiesession import Key
    >>> app = Sanic("shop")
    >>> setup(app, SessionManager(Key.generate()))
    """
    if not isinstance(manager, SessionManager):
        raise ConfigurationError("setup takes the application and a SessionManager")
    if issubclass(app.request_class, _SessionRequest):
        raise ConfigurationError("this application has a session manager: call setup once")
    bases = (_SessionRequest, app.request_class)
    app.request_class = type("SessionRequest", bases, {"__slots__": (), "manager": manager})
    app.add_signal(_begin_websocket, "http.handler.before")
    app.add_signal(_end_websocket, "http.handler.after")
    app.add_signal(_end, "http.lifecycle.response")


class _SessionRequest(Request[Any, Any]):
    """A request with a session: a class, because Sanic swallows what its middlewares raise."""

    __slots__ = ()
    manager: SessionManager

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        exchange = self.manager.open(partial(_incoming, self))
        self.ctx.cookiesession = exchange
        self.ctx.session = exchange.session

    async def respond(self, response: Any = None, **more: Any) -> Any:
        """Settle the session when all middlewares have seen the response."""
        answer = cast("Any", await super().respond(response, **more))
        if not isinstance(answer, BaseHTTPResponse) or self.stream is None:
            return answer  # an old kind of stream: it calls this again
        return self.stream.respond(_settled(self.ctx.cookiesession, answer))


def _settled(exchange: Exchange, response: BaseHTTPResponse) -> Any:
    headers = _typed(response.headers)
    edits = exchange.headers(
        response.status,
        vary=", ".join(headers.getall("vary", ())),
        cache_control=", ".join(headers.getall("cache-control", ())),
    )
    if not exchange.session.accessed:
        return response
    own: Any = copy(response)  # the application may send the same object to somebody else
    own.headers, own._cookies = headers.copy(), None
    own.headers.update(edits.set)
    own.headers.extend(edits.add)
    return own


async def _end(request: Request, **_: Any) -> None:
    """Find the late changes of a stream."""
    exchange: Exchange = request.ctx.cookiesession
    exchange.close()
    if exchange.session.accessed:  # what is changed from here on is told as a last resort
        finalize(request, exchange.close)


async def _begin_websocket(request: Request) -> None:
    if _is_websocket(request):
        request.ctx.cookiesession.close()


async def _end_websocket(request: Request) -> None:
    """Log a late change as Sanic logs what a WebSocket's handler raises."""
    if _is_websocket(request):
        try:
            request.ctx.cookiesession.close()
        except SessionClosedError as error:
            request.app.error_handler.log(request, error)


def _is_websocket(request: Request) -> bool:
    return request.route is not None and bool(request.route.extra.websocket)


def _incoming(request: Request) -> Incoming:
    headers = _typed(request.headers)
    return Incoming(
        cookies=_cookies(request),
        method=request.method,
        path=request.path,
        scheme="https" if request.conn_info and request.conn_info.ssl else "http",
        host=headers.getone("host", ""),
        fetch_dest=headers.getone("sec-fetch-dest", ""),
        fetch_site=headers.getone("sec-fetch-site", ""),
    )


def _cookies(request: Request) -> list[bytes]:
    """Return the Cookie headers as they came: Sanic strips more than spaces from their text."""
    if not request.head:  # under an ASGI server, or HTTP/3
        values = _typed(request.headers).getall("cookie", ())
        return [value.encode("utf-8", "surrogateescape") for value in values]
    lines = (line.partition(b":") for line in request.head.split(b"\r\n"))
    return [value.strip(b" \t") for name, _, value in lines if name.lower() == b"cookie"]


def _typed(headers: Any) -> CIMultiDict[str]:
    """Say what Sanic's headers hold, which Sanic leaves open."""
    return cast("CIMultiDict[str]", headers)
