"""Sessions for Tornado: a `RequestHandler` with `self.session`.

    app = Application(handlers, session_manager=manager)
    class Home(SessionHandler): ...
    class Chat(SessionHandler, WebSocketHandler): ...

The session is written when the headers leave: at the first `flush`, or at the end of the handler.
A WebSocket's is written with the handshake: change it in `prepare`; from `open` on it is read-only.
"""

from asyncio import Future, get_running_loop
from functools import partial
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler

from cookiesession import ConfigurationError, Exchange, Incoming, Session, SessionManager

__all__ = ["SessionHandler"]


class SessionHandler(RequestHandler):
    """Handles requests that have a session; a mixin too, in whatever order.

    >>> from cookiesession import Key
    >>> class Home(SessionHandler):
    ...     def get(self):
    ...         self.session["visits"] = self.session.get("visits", 0) + 1
    >>> app = Application([("/", Home)], session_manager=SessionManager(Key.generate()))
    """

    def __init__(self, application: Application, request: HTTPServerRequest, **kwargs: Any) -> None:
        manager = application.settings.get("session_manager")
        self._exchange: Exchange | None = None
        if isinstance(manager, SessionManager):
            self._exchange = manager.open(partial(_incoming, request))
        super().__init__(application, request, **kwargs)

    @property
    def session(self) -> Session:
        """The request's session; raises `ConfigurationError` where the application has none."""
        if self._exchange is None:
            raise ConfigurationError("no session: Application(..., session_manager=manager)")
        if self._finished:  # a WebSocket: have a change found even where it lies deeper
            get_running_loop().call_soon(self._exchange.close)
        session = self._exchange.session
        session.mark_accessed()
        return session

    def flush(self, include_footers: bool = False) -> "Future[None]":  # noqa: FBT002  as Tornado has it
        """Write the headers, the session's among them, and what was written so far."""
        if self._exchange is not None and not self._headers_written:
            self._settle(self._exchange)
        return super().flush(include_footers)

    def finish(self, chunk: str | bytes | dict[str, Any] | None = None) -> "Future[None]":
        """End the response; raise `SessionClosedError` where a change came too late for it."""
        finished = super().finish(chunk)  # pyright: ignore[reportUnknownMemberType]  a bare dict
        if self._exchange is not None:
            self._exchange.close()
        return finished

    def _settle(self, exchange: Exchange) -> None:
        edits = exchange.headers(
            self.get_status(),
            vary=", ".join(self._headers.get_list("Vary")),
            cache_control=", ".join(self._headers.get_list("Cache-Control")),
        )
        for name, value in edits.set.items():
            self.set_header(name, value)
        for name, value in edits.add:
            self.add_header(name, value)


def _incoming(request: HTTPServerRequest) -> Incoming:
    headers = request.headers
    return Incoming(
        cookies=[cookie.encode("latin-1", "replace") for cookie in headers.get_list("Cookie")],
        method=request.method or "GET",
        path=request.path,
        scheme=request.protocol,
        host=headers.get("Host", ""),
        fetch_dest=headers.get("Sec-Fetch-Dest", ""),
        fetch_site=headers.get("Sec-Fetch-Site", ""),
    )
