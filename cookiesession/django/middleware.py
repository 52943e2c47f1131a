"""Django's session middleware on an exchange: all cookies, raw bytes, caching headers."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.cookies import Morsel
from typing import Any

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware as DjangosMiddleware

from cookiesession import ConfigurationError, Exchange, Incoming, SessionManager
from cookiesession.django.apps import mistakes
from cookiesession.django.settings import get_manager


class SessionMiddleware(DjangosMiddleware):
    """Takes the place of `django.contrib.sessions.middleware.SessionMiddleware`."""

    takes_exchanges = True

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        for mistake in mistakes():
            raise ConfigurationError(mistake.msg)
        self.manager: SessionManager = get_manager()

    def process_request(self, request: Any) -> None:
        """Put the session into the request."""
        session: Any = self.SessionStore()
        session.bind(self.manager.open(partial(_incoming, request)))
        request.session = session

    def process_response(self, request: Any, response: Any) -> Any:
        """Settle the session, and look for late changes when a stream ends."""
        session, exchange = request.session, getattr(request.session, "exchange", None)
        if exchange is None:
            raise ConfigurationError(
                "request.session was replaced, so its changes would be lost: have one session "
                "middleware, and change the session instead of replacing it"
            )
        if settings.SESSION_SAVE_EVERY_REQUEST:
            session.native.touch()
        if session.accessed and response.status_code < 500:
            session.apply_expiry()
        edits = exchange.headers(
            response.status_code,
            vary=response.headers.get("Vary", ""),
            cache_control=response.headers.get("Cache-Control", ""),
        )
        for name, value in edits.set.items():
            response.headers[name] = value
        for _, line in edits.add:
            cookie = _SetCookie(line)
            response.cookies[cookie.key] = cookie
        if response.streaming and not getattr(response, "file_to_stream", None):
            watched = _watched_async if response.is_async else _watched
            response.streaming_content = watched(response.streaming_content, exchange)
        return response


def _watched(content: Any, exchange: Exchange) -> Iterator[bytes]:
    yield from content
    exchange.close()


async def _watched_async(content: Any, exchange: Exchange) -> AsyncIterator[bytes]:
    async for chunk in content:
        yield chunk
    exchange.close()


class _SetCookie(Morsel[str]):
    """A Set-Cookie line as the manager wrote it, in the class in which Django keeps cookies."""

    def __init__(self, line: str) -> None:
        super().__init__()
        cookie, *attributes = line.split("; ")
        name, _, value = cookie.partition("=")
        self.set(name, value, value)
        self.line = line
        for attribute, _, content in (text.partition("=") for text in attributes):
            if self.isReservedKey(attribute):  # Python does not know all of them
                self[attribute] = content or True

    def OutputString(self, attrs: Any = None) -> str:  # noqa: ARG002, N802
        return self.line


def _incoming(request: Any) -> Incoming:
    headers = request.META
    cookies = [headers.get("HTTP_COOKIE", "").encode("latin-1", "replace")]
    if hasattr(request, "scope"):  # ASGI: in META Django has joined several headers with a comma
        cookies = [value for name, value in request.scope["headers"] if name == b"cookie"]
    return Incoming(
        cookies=cookies,
        method=request.method,
        path=request.path,
        scheme=request.scheme,
        host=headers.get("HTTP_HOST", ""),
        fetch_dest=headers.get("HTTP_SEC_FETCH_DEST", ""),
        fetch_site=headers.get("HTTP_SEC_FETCH_SITE", ""),
    )
