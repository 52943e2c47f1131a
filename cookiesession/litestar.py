"""Sessions for Litestar: `request.session`, `set_session`, `clear_session`, WebSockets included.

    sessions = CookieSessionConfig(manager)
    app = Litestar(route_handlers=[...], middleware=[sessions.middleware])
    client = create_test_client([...], session_config=sessions, base_url="https://testserver.local")

The middleware is the one for ASGI, and a Litestar session middleware, so that the flash plugin
finds it; `SessionAuth` takes the same config. `set_session` and `clear_session` change the session
in place and at once. `clear_session` destroys a session that holds something; `SessionAuth` calls
it for everybody who is not logged in, so a cookie that was refused stays.
"""

from typing import Any, Final, cast

from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.exceptions import HTTPException
from litestar.middleware import DefineMiddleware
from litestar.middleware.session import SessionMiddleware
from litestar.middleware.session.base import BaseBackendConfig, BaseSessionBackend
from litestar.types import ASGIApp, Empty, Message
from litestar.utils.scope.state import ScopeState

from cookiesession import (
    ConfigurationError,
    Exchange,
    Incoming,
    Session,
    SessionClosedError,
    SessionManager,
    UnsavableSession,
    asgi,
)

__all__ = ["CookieSessionBackend", "CookieSessionConfig", "CookieSessionMiddleware"]

_Connection = ASGIConnection[Any, Any, Any, Any]


class CookieSessionBackend(BaseSessionBackend["CookieSessionConfig"]):
    """The way by which Litestar's test client reads and fills its own cookies."""

    def get_session_id(self, connection: _Connection) -> str | None:  # noqa: ARG002  Litestar's
        """Return None: a session in a cookie needs no id to be found by."""
        return None

    async def load_from_connection(self, connection: _Connection) -> dict[str, Any]:
        """Return the session data of a client's cookies."""
        return dict(self._open(connection).session)

    async def store_in_message(
        self, scope_session: Any, message: Message, connection: _Connection
    ) -> None:
        """Put the cookies of a session with this data into a message."""
        headers = MutableScopeHeaders.from_message(message)
        with self._open(connection) as exchange:
            _replace(exchange.session, scope_session)
            for name, value in exchange.headers().add:
                headers.add(name, value)

    def _open(self, connection: _Connection) -> Exchange:
        header = "; ".join(f"{name}={value}" for name, value in connection.cookies.items())
        return self.config.manager.open(Incoming(cookies=[header.encode()], host="localhost"))


class CookieSessionConfig(BaseBackendConfig[CookieSessionBackend]):
    """What Litestar wants to know of a session; everything about the cookie is the manager's.

    `exclude` and `exclude_opt_key` name the routes without a session, as in Litestar's own configs.

    >>> from cookiesession import Key
    >>> from litestar import Litestar
    >>> sessions = CookieSessionConfig(SessionManager(Key.generate()), exclude="/static")
    >>> app = Litestar(middleware=[sessions.middleware])
    """

    _backend_class = CookieSessionBackend  # where Litestar looks for it

    def __init__(
        self,
        manager: SessionManager,
        *,
        exclude: str | list[str] | None = None,
        exclude_opt_key: str = "skip_session",
    ) -> None:
        if not isinstance(manager, SessionManager):
            raise ConfigurationError("CookieSessionConfig takes a SessionManager")
        if not hasattr(ScopeState, "response_started"):
            raise ConfigurationError("cookiesession.litestar needs Litestar 2.9 or later")
        self.manager = manager
        self.key: str = manager.cookie_name
        self.exclude = exclude
        self.exclude_opt_key = exclude_opt_key

    @property
    def middleware(self) -> DefineMiddleware:
        """What stands in `Litestar(middleware=[...])`."""
        return DefineMiddleware(CookieSessionMiddleware, backend=CookieSessionBackend(self))


class CookieSessionMiddleware(SessionMiddleware[CookieSessionBackend]):
    """Puts the session into every request's scope, and writes it; made by `CookieSessionConfig`."""

    def __init__(self, app: ASGIApp, backend: CookieSessionBackend) -> None:
        super().__init__(app, backend)
        self._sessions = asgi.SessionMiddleware(self._serve, backend.config.manager)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request or WebSocket. Litestar's types of messages are not ASGI's."""
        scope.setdefault("asgi", {"spec_version": "2.1"})  # Litestar's test client leaves it out
        await self._sessions(scope, receive, send)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_or_fail(message: Message) -> None:
            try:
                await send(message)
            except UnsavableSession:
                # Nothing has left, so Litestar may still answer with its error page.
                ScopeState.from_scope(scope).response_started = False
                raise

        session = scope["session"]
        try:
            await self.app(cast("Any", _Scope(scope)), receive, send_or_fail)
        except HTTPException as error:
            if session.accessed and session.modified:
                raise SessionClosedError(_ANSWERED_OUTSIDE) from error
            raise


_ANSWERED_OUTSIDE: Final = (
    "the session was changed, and then a middleware raised an exception that Litestar answers "
    "outside the session's middleware, so the change is lost: raise it in a guard or a handler"
)


class _Scope(dict[str, Any]):
    """A scope in which Litestar's `session`, `set_session` and `clear_session` act at once."""

    def __init__(self, above: dict[str, Any]) -> None:
        super().__init__(above)
        self._above = above

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if name == "session":
            value.mark_accessed()  # a handler may return it, and msgspec looks past its methods
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        if name == "session":
            _replace(self["session"], value, self)
        else:
            super().__setitem__(name, value)
            self._above[name] = value  # for the middlewares outside, as if the scope were one

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401  that would call itself

    def copy(self) -> "_Scope":
        """Return a copy that does the same: a mounted application gets one."""
        return _Scope({**self})


def _replace(session: Session, value: Any, scope: Any = None) -> None:
    """Make the session hold what Litestar's `set_session` takes: a dict, a model, or `Empty`."""
    if value is session:
        return
    if value is Empty or value is None:
        if session:
            session.destroy()
        return
    if not isinstance(value, dict):
        backend: Any = CookieSessionBackend
        value = backend.deserialize_data(backend.serialize_data(value, scope))
    data = cast("dict[str, Any]", value)
    for name in session.keys() - data.keys():
        del session[name]
    session.update(data)
