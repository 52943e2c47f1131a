"""Sessions for Flask: `flask.session`, flashed messages and the test client, on our cookie.

    from cookiesession.flask import CookieSession

    app.config["COOKIESESSION_KEYS"] = os.environ.get("SESSION_KEYS")
    CookieSession(app)                           # or CookieSession(app, manager), or init_app(app)

The session is settled after the last `after_request` function, so that what cannot be saved becomes
Flask's own error page, and written when the response starts: nothing is put into the response
object, which an application may keep and send to others. A change after that is an error, in a
stream too. `session.permanent` is kept, as Flask keeps it, and changes no lifetime: those are the
manager's. `SECRET_KEY`, `SESSION_COOKIE_*` and `PERMANENT_SESSION_LIFETIME` are not read.
"""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, ParamSpec, TypeVar, cast

from flask import Flask, Request, Response, request
from flask.sessions import SessionInterface, SessionMixin

from cookiesession import ConfigurationError, Exchange, Incoming, Session, SessionManager
from cookiesession.wsgi import SessionMiddleware

P = ParamSpec("P")
T = TypeVar("T")

_PREFIX: Final = "COOKIESESSION_"
_SERVED: Final = "cookiesession.exchange"  # the middleware's, which writes the headers
_ALONE: Final = "cookiesession.exchange.alone"  # no server: `session_transaction` and the like


class FlaskSession(Session):
    """A session with Flask's word for one that outlives the browser."""

    __slots__ = ()  # so that the exchange's session can become one

    @property
    def permanent(self) -> bool:
        """What the application set; nothing follows from it here."""
        return bool(self.get("_permanent", False))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self["_permanent"] = bool(value)


cast("Any", SessionMixin).register(FlaskSession)  # inherited, it would add a `__dict__`


class CookieSession:
    """The extension: gives an application the sessions of a manager.

    Without a manager it makes one from the application's configuration: `COOKIESESSION_KEYS`, and
    any other keyword of `SessionManager` in capitals. Raises `ConfigurationError`.

    >>> from cookiesession import Key
    >>> from flask import Flask, session
    >>> app = Flask(__name__)
    >>> extension = CookieSession(app, SessionManager(Key.generate()))
    """

    def __init__(self, app: Any = None, manager: SessionManager | None = None) -> None:
        if manager is not None and not isinstance(manager, SessionManager):
            raise ConfigurationError("CookieSession takes the application and a SessionManager")
        self.manager = manager
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Any) -> None:
        """Give one more application its sessions."""
        if "cookiesession" in app.extensions:
            raise ConfigurationError("this application has a CookieSession already: remove one")
        manager = self.manager or _configured(app.config)
        app.extensions["cookiesession"] = manager
        self._wrap(app, manager)

    def _wrap(self, app: Any, manager: SessionManager) -> None:
        app.session_interface = _Interface(manager)
        app.wsgi_app = SessionMiddleware(guarded(app, app.wsgi_app), manager)


class _Interface(SessionInterface):
    def __init__(self, manager: SessionManager) -> None:
        self.manager = manager

    def open_session(self, app: Flask, request: Request) -> SessionMixin:  # noqa: ARG002
        return opened(self.manager, request.environ, request)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        settle(request.environ, response)


# What Quart's adapter does in the same way. `place` is a WSGI environ or an ASGI scope.


def guarded(app: Any, call: Callable[P, T]) -> Callable[P, T]:
    """Wrap an application's entrance: refuse to serve with another extension's sessions."""
    interface = app.session_interface

    def serve(*args: P.args, **kwargs: P.kwargs) -> T:
        if app.session_interface is not interface:
            raise ConfigurationError(
                "another extension replaced the session interface after CookieSession: remove one"
            )
        return call(*args, **kwargs)

    return serve


def opened(manager: SessionManager, place: MutableMapping[str, Any], request: Any) -> SessionMixin:
    """Return the session of a request, or of one that a test only pretends."""
    exchange: Exchange | None = place.get(_SERVED)
    if exchange is None:
        cookies = [line.encode("latin-1", "replace") for line in request.headers.getlist("Cookie")]
        exchange = manager.open(Incoming(cookies=cookies, host=request.headers.get("Host", "")))
        place[_ALONE] = exchange
    exchange.session.__class__ = FlaskSession
    return cast("SessionMixin", exchange.session)


def settle(place: Mapping[str, Any], response: Any) -> None:
    """Settle the session while an error can still become an error page."""
    exchange: Exchange = place.get(_SERVED) or place[_ALONE]
    if response is None:
        exchange.close()  # Quart: a WebSocket has ended, and what it changed last is lost
    elif _SERVED in place:
        exchange.headers(response.status_code)
    else:
        _write(exchange, response)


def _write(exchange: Exchange, response: Any) -> None:
    vary, cache_control = map(response.headers.getlist, ("Vary", "Cache-Control"))
    edits = exchange.headers(
        response.status_code, vary=", ".join(vary), cache_control=", ".join(cache_control)
    )
    response.headers.update(edits.set)
    response.headers.extend(edits.add)


def _configured(config: Mapping[str, Any]) -> SessionManager:
    if config.get("COOKIESESSION_KEYS") is None:
        raise ConfigurationError(
            'give CookieSession a SessionManager, or set app.config["COOKIESESSION_KEYS"] to a key '
            "that the command makes: cookiesession keygen"
        )
    settings = {
        name.removeprefix(_PREFIX).lower(): value
        for name, value in config.items()
        if name.startswith(_PREFIX)
    }
    try:
        return SessionManager(**settings)
    except TypeError as error:  # a keyword that no manager has
        raise ConfigurationError(f"{_PREFIX}*, in small letters: {error}") from None
