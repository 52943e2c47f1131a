"""Sessions for any WSGI application (PEP 3333), with no framework imported.

    app = SessionMiddleware(app, manager)        # the session is environ["cookiesession.session"]

The session is written when the application calls `start_response`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from cookiesession import ConfigurationError, Exchange, Incoming, SessionManager

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

KEY = "cookiesession.session"
EXCHANGE = "cookiesession.exchange"  # for adapters that settle before the middleware does

_EDITED = frozenset({"vary", "cache-control"})


class SessionMiddleware:
    """Puts the session of `manager` into every request's environ, and writes it.

    >>> from cookiesession import Key
    >>> def application(environ, start_response):
    ...     environ["cookiesession.session"]["user"] = "ann"
    ...     start_response("200 OK", [("Content-Type", "text/plain")])
    ...     return [b"hello"]
    >>> app = SessionMiddleware(application, SessionManager(Key.generate()))
    """

    def __init__(self, app: WSGIApplication, manager: SessionManager) -> None:
        if not isinstance(manager, SessionManager):
            raise ConfigurationError("SessionMiddleware takes the application and a SessionManager")
        self.app = app
        self.manager = manager

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        if KEY in environ:
            raise ConfigurationError("two session middlewares wrap this application: remove one")
        # Of a copy, as the environ holds the session: in a circle, both would live on a while.
        exchange = self.manager.open(partial(_incoming, environ.copy()))
        environ[KEY] = exchange.session
        environ[EXCHANGE] = exchange

        def start_with_session(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            return start_response(status, _edited(exchange, status, headers), exc_info)

        body = self.app(environ, start_with_session)
        if isinstance(body, (list, tuple)) or _is_file(body, environ):
            exchange.close()  # no code of the application runs any more
            return body
        return _Body(body, exchange)


class _Body:
    """The application's body, at whose end late changes are found."""

    def __init__(self, body: Iterable[bytes], exchange: Exchange) -> None:
        self._body = body
        self._exchange = exchange
        self._ended = False

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except Exception:
            self._ended = True  # the application's own error is the one to see
            raise
        self._ended = True
        self._exchange.close()

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            close()
        if not self._ended:  # the server stopped early, as for a HEAD request
            self._exchange.close()


def _is_file(body: Iterable[bytes], environ: WSGIEnvironment) -> bool:
    # Left alone, a file goes out by sendfile.
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


def _edited(
    exchange: Exchange, status: str, headers: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    code = int(status[:3])
    if not exchange.session.accessed:
        exchange.headers(code)
        return headers
    own = _own(headers)
    edits = exchange.headers(
        code, vary=own.get("vary", ""), cache_control=own.get("cache-control", "")
    )
    replaced = own.keys() & map(str.lower, edits.set)
    if replaced:
        headers = [header for header in headers if header[0].lower() not in replaced]
    return [*headers, *edits.set.items(), *edits.add]


def _own(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Return the values of the headers that may be edited, joined where one came several times."""
    own: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        if key in _EDITED:
            own[key] = f"{own[key]}, {value}" if key in own else value
    return own


def _incoming(environ: WSGIEnvironment) -> Incoming:
    cookie = environ.get("HTTP_COOKIE", "")
    return Incoming(
        cookies=[cookie.encode("latin-1", "replace")],
        method=environ.get("REQUEST_METHOD", "GET"),
        path=environ.get("PATH_INFO", "/"),
        scheme=environ.get("wsgi.url_scheme", ""),
        host=environ.get("HTTP_HOST", ""),
        fetch_dest=environ.get("HTTP_SEC_FETCH_DEST", ""),
        fetch_site=environ.get("HTTP_SEC_FETCH_SITE", ""),
    )
