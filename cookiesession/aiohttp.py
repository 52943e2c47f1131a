"""Sessions for aiohttp's server: in handlers, middlewares, streams and WebSockets.

    setup(app, manager)
    session = get_session(request)

The session is written when its response starts: by a middleware outside of all others, so that
they have it too, and where a handler prepares its response itself, as streams and WebSockets do, by
`on_response_prepare`. Sub-applications share the session of the application that contains them.
`cookiesession.aiohttp_session` serves code that was written for that package.
"""

from functools import partial
from typing import Any, Final, cast
from weakref import finalize

from aiohttp import web
from aiohttp.typedefs import Handler

from cookiesession import (
    ConfigurationError,
    Exchange,
    Incoming,
    Session,
    SessionManager,
    UnsavableSession,
)

__all__ = ["get_session", "setup"]


def setup(app: web.Application, manager: SessionManager) -> None:
    """Give every request of an application, and of those in it, a session of `manager`.

    >>> from cookiesession import Key
    >>> async def home(request):
    ...     get_session(request)["user"] = "ann"
    ...     return web.Response(text="hello")
    >>> app = web.Application()
    >>> setup(app, SessionManager(Key.generate()))
    """
    if not isinstance(manager, SessionManager):
        raise ConfigurationError("setup takes the application and a SessionManager")

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if VISIT in request:
            raise ConfigurationError("two session managers serve this request: call setup once")
        request[VISIT] = visit = Visit(manager.open(partial(incoming, request)))
        with visit.exchange as exchange:
            response = await _settled(visit, request, handler)
        if exchange.session.accessed:  # and what is changed from here on is told as a last resort
            finalize(request, exchange.close)
        return response

    app.middlewares.insert(0, middleware)
    app.on_response_prepare.append(_settle_prepared)


def get_session(request: web.Request) -> Session:
    """Return the request's session; raise `ConfigurationError` where `setup` was not called."""
    visit = request.get(VISIT)
    if visit is None:
        raise ConfigurationError("no session: call cookiesession.aiohttp.setup(app, manager)")
    session: Session = visit.exchange.session
    session.mark_accessed()
    return session


class Visit:
    """One request's exchange, and the response that was given its headers."""

    def __init__(self, exchange: Exchange, *, is_alone: bool = False) -> None:
        self.exchange = exchange
        self.is_alone = is_alone  # without this module's middleware: see `aiohttp_session`
        self._response: web.StreamResponse | None = None

    def settle(self, response: web.StreamResponse) -> None:
        """Give a response the session's headers, once."""
        if response is self._response:
            return
        self._response = response
        headers = response.headers
        edits = self.exchange.headers(
            response.status,
            vary=", ".join(headers.getall("Vary", ())),
            cache_control=", ".join(headers.getall("Cache-Control", ())),
        )
        headers.update(edits.set)
        headers.extend(edits.add)


# aiohttp 3.14 wants keys of its own class, and older ones have none.
VISIT: Final[Any] = web.RequestKey("VISIT", Visit) if hasattr(web, "RequestKey") else "VISIT"


async def _settled(visit: Visit, request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as answer:
        visit.settle(answer)
        raise
    if isinstance(response, web.StreamResponse):
        visit.settle(response)
    else:  # a handler without its `return`, which aiohttp answers by a 500
        visit.exchange.headers(500)
    return response


async def _settle_prepared(request: web.Request, response: web.StreamResponse) -> None:
    visit = request.get(VISIT)
    if visit is None:
        return
    try:
        visit.settle(response)
    except UnsavableSession:
        cast("Any", request.writer).chunked = False  # or aiohttp's 500 page is framed as the stream
        raise


def incoming(request: web.Request) -> Incoming:
    """Return what the library wants to know of a request."""
    headers = request.headers
    return Incoming(
        cookies=[value for name, value in request.raw_headers if name.lower() == b"cookie"],
        method=request.method,
        path=request.path,
        scheme=request.scheme,
        host=headers.get("Host", ""),
        fetch_dest=headers.get("Sec-Fetch-Dest", ""),
        fetch_site=headers.get("Sec-Fetch-Site", ""),
    )
