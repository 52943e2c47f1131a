"""Sessions for Pyramid: `request.session`, with flash queues and CSRF tokens.

    config.set_session_factory(session_factory)
    app = SessionMiddleware(config.make_wsgi_app(), manager)

The middleware is the one for WSGI; the factory gives its session Pyramid's words (`ISession`). So a
change in a response callback is still saved, and one in a streamed body is an error.
"""

from binascii import hexlify
from collections.abc import Iterator, MutableMapping
from os import urandom
from typing import Any

from pyramid.interfaces import ISession
from zope.interface import classImplements  # pyright: ignore[reportUnknownVariableType]

from cookiesession import ConfigurationError, Session
from cookiesession.wsgi import KEY, SessionMiddleware

__all__ = ["PyramidSession", "SessionMiddleware", "session_factory"]


def session_factory(request: Any) -> "PyramidSession":
    """Return the request's session; raise `ConfigurationError` where no middleware brought one."""
    session = request.environ.get(KEY)
    if not isinstance(session, Session):
        raise ConfigurationError(
            "no session: wrap the application in cookiesession.pyramid.SessionMiddleware, "
            "SessionMiddleware(config.make_wsgi_app(), manager)"
        )
    session.mark_accessed()
    return PyramidSession(session)


class PyramidSession(MutableMapping[str, Any]):
    """A session in Pyramid's words; `cookie_session` is the session itself."""

    def __init__(self, session: Session) -> None:
        self.cookie_session = session

    def __getitem__(self, name: str) -> Any:
        return self.cookie_session[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.cookie_session[name] = value

    def __delitem__(self, name: str) -> None:
        del self.cookie_session[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.cookie_session)

    def __len__(self) -> int:
        return len(self.cookie_session)

    def __json__(self, _request: object) -> dict[str, Any]:
        return dict(self.cookie_session)

    @property
    def created(self) -> int:
        """When the session was created, in Unix seconds."""
        return int(self.cookie_session.created.timestamp())

    @property
    def new(self) -> bool:
        """Whether no valid cookie came."""
        return self.cookie_session.new

    def invalidate(self) -> None:
        """Empty the session; the browser drops its cookie, unless something is set anew."""
        self.cookie_session.destroy()

    def changed(self) -> None:
        """Have the session written; nested changes are seen without this."""
        self.cookie_session.modified = True

    def flash(self, msg: Any, queue: str = "", allow_duplicate: bool = True) -> None:  # noqa: FBT002  Pyramid's signature
        """Push a message onto a queue."""
        messages = self.setdefault(f"_f_{queue}", [])
        if allow_duplicate or msg not in messages:
            messages.append(msg)

    def pop_flash(self, queue: str = "") -> list[Any]:
        """Return a queue's messages, and empty it."""
        messages: list[Any] = self.pop(f"_f_{queue}", [])
        return messages

    def peek_flash(self, queue: str = "") -> list[Any]:
        """Return a queue's messages."""
        messages: list[Any] = self.get(f"_f_{queue}", [])
        return messages

    def new_csrf_token(self) -> str:
        """Make, keep and return a CSRF token."""
        self["_csrft_"] = token = hexlify(urandom(20)).decode()
        return token

    def get_csrf_token(self) -> str:
        """Return the session's CSRF token, a new one where there is none."""
        return self.get("_csrft_") or self.new_csrf_token()


classImplements(PyramidSession, ISession)
