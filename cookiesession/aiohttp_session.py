"""A storage for aiohttp_session, for code that was written for it.

    aiohttp_session.setup(app, CookieSessionStorage(manager))
    session = await aiohttp_session.get_session(request)

aiohttp_session saves nothing where the handler prepares its response itself, as streams and
WebSockets do: a change is lost there, and logged as a warning. It is saved with
`cookiesession.aiohttp.setup(app, manager)` beside.
"""

import logging
from weakref import finalize

import aiohttp_session
from aiohttp import web

from cookiesession import (
    ConfigurationError,
    Exchange,
    Incoming,
    Session,
    SessionClosedError,
    SessionManager,
)
from cookiesession.aiohttp import VISIT, Visit, incoming

__all__ = ["CookieSession", "CookieSessionStorage"]

_logger = logging.getLogger("cookiesession")


class CookieSessionStorage(aiohttp_session.AbstractStorage):
    """Keeps aiohttp_session's sessions in the cookie of a manager.

    >>> from cookiesession import Key
    >>> app = web.Application()
    >>> aiohttp_session.setup(app, CookieSessionStorage(SessionManager(Key.generate())))
    """

    def __init__(self, manager: SessionManager) -> None:
        if not isinstance(manager, SessionManager):
            raise ConfigurationError("CookieSessionStorage takes a SessionManager")
        super().__init__(cookie_name=manager.cookie_name)
        self.manager = manager

    async def load_session(self, request: web.Request) -> aiohttp_session.Session:
        """Return the request's session; it is opened when somebody looks at it."""
        return CookieSession(self._visit(request).exchange.session)

    async def new_session(self) -> aiohttp_session.Session:
        """Return an empty session, which takes the place of the request's when it is saved."""
        return CookieSession(self.manager.open(Incoming()).session)

    async def save_session(
        self,
        request: web.Request,
        response: web.StreamResponse,
        session: aiohttp_session.Session,
    ) -> None:
        """Give the response its headers, unless `cookiesession.aiohttp.setup` will."""
        assert isinstance(session, CookieSession)
        visit = self._visit(request)
        session.replace(visit.exchange.session)
        if visit.is_alone:
            visit.settle(response)

    def _visit(self, request: web.Request) -> Visit:
        if VISIT not in request:
            exchange = self.manager.open(incoming(request))  # at once: or `finalize` would keep it
            request[VISIT] = Visit(exchange, is_alone=True)
            finalize(request, _end, exchange)
        visit: Visit = request[VISIT]
        return visit


def _end(exchange: Exchange) -> None:
    try:
        exchange.close()
    except SessionClosedError:
        _logger.warning(
            "a changed session was not saved: its handler failed, or prepared the response itself, "
            "and for that, call cookiesession.aiohttp.setup(app, manager) beside aiohttp_session"
        )


class CookieSession(aiohttp_session.Session):
    """A session in aiohttp_session's words; `cookie_session` is the session itself."""

    def __init__(self, session: Session) -> None:
        super().__init__(None, data=None, new=True)
        self.cookie_session: Session = session
        self._mapping = session
        # aiohttp_session saves what has changed; but what was only read needs its headers as well,
        # and a change deep inside is found by comparison.
        self._changed = True

    def replace(self, session: Session) -> None:
        """Take the place of the request's session, unless this is it."""
        own = self.cookie_session
        if session is own:
            return
        session.regenerate(keep=())
        session.update(own)
        self._mapping = self.cookie_session = session
        if self._max_age is not None:
            session.remember(self._max_age)

    @property
    def new(self) -> bool:
        """Whether no valid cookie came."""
        return self.cookie_session.new

    @property
    def created(self) -> int:
        """When the session was created, in Unix seconds."""
        return int(self.cookie_session.created.timestamp())

    @property
    def max_age(self) -> int | None:
        """How long the session lasts; setting it is `remember`, or for None `forget_on_close`."""
        return self._max_age

    @max_age.setter
    def max_age(self, value: int | None) -> None:
        self._max_age = value
        if value is None:
            self.cookie_session.forget_on_close()
        else:
            self.cookie_session.remember(value)

    def changed(self) -> None:
        """Have the session written, changed or not."""
        self.cookie_session.modified = True

    def invalidate(self) -> None:
        """Empty the session and have the browser drop its cookies."""
        self.cookie_session.destroy()

    def __repr__(self) -> str:
        return f"<aiohttp_session.Session {self.cookie_session!r}>"  # its own shows the values
