"""The standard library's server, with threads, on this machine alone.

The rules: it binds to 127.0.0.1 and to nothing else, logs one quiet line a request, and a browser
that hangs up is no error. It is for trying things out, not for production.
"""

from __future__ import annotations

import sys
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def serving(application: WSGIApplication, port: int) -> WSGIServer:
    """Return a server that is bound, and serves once `serve_forever` is called."""
    server = _Server(("127.0.0.1", port), _Handler)
    server.set_app(application)
    return server


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        del size
        path = ascii(self.path)[1:-1]  # no control characters in anybody's terminal
        sys.stderr.write(f"{self.command} {path} {code}\n")
