"""Sessions for Quart: `quart.session` over HTTP and in WebSockets, and what Flask's adapter has.

    from cookiesession.quart import CookieSession

    app.config["COOKIESESSION_KEYS"] = os.environ.get("SESSION_KEYS")
    CookieSession(app)                           # or CookieSession(app, manager), or init_app(app)

A WebSocket's session is written when the handshake is answered (by `websocket.accept()`, or by the
first message sent or awaited) and read-only from then on: a change raises `SessionClosedError`.
Everything else is as `cookiesession.flask` says.
"""

from typing import TYPE_CHECKING, Any, cast

from quart import has_request_context, request, websocket
from quart.sessions import SessionInterface, SessionMixin

from cookiesession import SessionManager
from cookiesession.asgi import SessionMiddleware
from cookiesession.flask import CookieSession as FlaskCookieSession
from cookiesession.flask import guarded, opened, settle

if TYPE_CHECKING:
    from quart import Quart
    from quart.wrappers.base import BaseRequestWebsocket


class CookieSession(FlaskCookieSession):
    """The extension: gives an application the sessions of a manager, as `cookiesession.flask` does.

    >>> from cookiesession import Key
    >>> from quart import Quart, session
    >>> app = Quart(__name__)
    >>> extension = CookieSession(app, SessionManager(Key.generate()))
    """

    def _wrap(self, app: Any, manager: SessionManager) -> None:
        app.session_interface = _Interface(manager)
        app.asgi_app = SessionMiddleware(guarded(app, app.asgi_app), manager)


class _Interface(SessionInterface):
    def __init__(self, manager: SessionManager) -> None:
        self.manager = manager

    async def open_session(self, app: "Quart", request: "BaseRequestWebsocket") -> SessionMixin:  # noqa: ARG002
        return opened(self.manager, cast("dict[str, Any]", request.scope), request)

    async def save_session(self, app: "Quart", session: SessionMixin, response: Any) -> None:  # noqa: ARG002
        scope = request.scope if has_request_context() else websocket.scope
        settle(cast("dict[str, Any]", scope), response)
