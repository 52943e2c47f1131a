"""Sessions for FastAPI: the ASGI middleware, and the session as a typed dependency.

    app.add_middleware(SessionMiddleware, manager=manager)

    @app.get("/")
    def home(session: SessionDep): ...

`SessionDep` works in routes, in dependencies and in WebSocket routes; `request.session` is the
same object.
"""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from cookiesession import ConfigurationError, Session
from cookiesession.asgi import SessionMiddleware

__all__ = ["SessionDep", "SessionMiddleware", "get_session"]


def get_session(connection: HTTPConnection) -> Session:
    """Return the request's session; raise `ConfigurationError` where no middleware brought one."""
    session = connection.scope.get("session")
    if not isinstance(session, Session):
        raise ConfigurationError(
            "no session: app.add_middleware(cookiesession.fastapi.SessionMiddleware, manager=...)"
        )
    session.mark_accessed()
    return session


SessionDep = Annotated[Session, Depends(get_session)]
