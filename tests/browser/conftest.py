"""Chromium, and a site for it to visit whose application is the test itself.

    tab.visit(url, manager, act)   a page load in which the application does `act` to the session
    tab.get(url, app)              a page load from any WSGI application
    tab.stored()                   what the browser's own store holds then

Every name under `.test` leads here, over http and, with a certificate that Chromium is told to
accept, over https. Where Playwright or Chromium is missing, the tests are skipped.
"""

import shutil
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any
from wsgiref.handlers import SimpleHandler

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cookiesession import Session, SessionManager
from cookiesession.wsgi import KEY, SessionMiddleware

ARGUMENTS = [
    "--no-sandbox",  # containers have none to give
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
PAGE = b'<!doctype html><title>page</title><link rel="icon" href="data:,">'


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser. It ends with the module: Playwright's event loop would be in other tests' way."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    executable = shutil.which("chromium") or pytest.skip("needs Chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


# The site.


@dataclass
class Visit:
    """One page load, as the server saw it."""

    cookie: str  # the Cookie header
    lines: list[str] = field(default_factory=list)  # of Set-Cookie


class _Handler(StreamRequestHandler):
    """Serves one request. Unlike `http.server` it takes headers of any length."""

    server: "_Server"

    def handle(self) -> None:
        request = self.rfile.readline().decode("latin-1").split()
        if not request:  # a connection opened in advance, and never used
            return
        environ = dict(
            zip(("REQUEST_METHOD", "PATH_INFO", "SERVER_PROTOCOL"), request, strict=True)
        )
        for line in iter(self.rfile.readline, b"\r\n"):
            name, _, value = line.decode("latin-1").strip().partition(": ")
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        environ["HTTPS"] = "on" if self.server.tls else "off"
        SimpleHandler(self.rfile, self.wfile, sys.stderr, environ).run(self.server.site.serve)


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, site: "Site", tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.site, self.tls = site, tls

    def get_request(self) -> Any:
        connection, address = super().get_request()
        if self.tls:  # the handshake is for the thread that serves the connection
            connection = self.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, *_: Any) -> None:
        """Say nothing of connections that Chromium drops; a page that fails to load is an error."""

    @contextmanager
    def running(self) -> Iterator[int]:
        with self:
            thread = threading.Thread(target=self.serve_forever, args=(0.01,))
            thread.start()
            yield self.server_address[1]
            self.shutdown()
            thread.join()


@dataclass
class Site:
    """Serves whatever application the test puts here, and keeps what came and what left."""

    app: Any = None
    ports: dict[str, int] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)

    def serve(self, environ: dict[str, Any], start_response: Any) -> Any:
        visit = Visit(environ.get("HTTP_COOKIE", ""))
        self.visits.append(visit)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            visit.lines = [value for name, value in headers if name == "Set-Cookie"]
            return start_response(status, headers, exc_info)

        return self.app(environ, start)


def _certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    today = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = folder / "certificate.pem"
    file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(pem)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site()
    tls = _certificate(tmp_path_factory.mktemp("tls"))
    with ExitStack() as stack:
        for scheme, context in {"http": None, "https": tls}.items():
            site.ports[scheme] = stack.enter_context(_Server(site, context).running())
        yield site


# The visitor.


def looking(session: Session) -> None:
    session.mark_accessed()


class Tab:
    """A tab of Chromium, and at the other end an application that is told what to do."""

    def __init__(self, page: Any, site: Site) -> None:
        self.page, self.site = page, site
        self.devtools = page.context.new_cdp_session(page)

    def get(self, url: str, app: Any) -> Visit:
        """Load a page from this application."""
        scheme, _, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        self.site.app = app
        self.site.visits.clear()
        self.page.goto(f"{scheme}://{host}:{self.site.ports[scheme]}{slash}{path}")
        (visit,) = self.site.visits
        return visit

    def visit(
        self, url: str, manager: SessionManager, act: Callable[[Session], Any] = looking
    ) -> Visit:
        """Load a page whose application does this to the session."""
        return self.get(url, self.application(manager, act))

    @staticmethod
    def application(manager: SessionManager, act: Callable[[Session], Any]) -> SessionMiddleware:
        def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            act(environ[KEY])
            start_response("200 OK", [("Content-Type", "text/html")])
            return [PAGE]

        return SessionMiddleware(app, manager)

    def receive(self, url: str, *lines: str) -> Visit:
        """Load a page that comes with these Set-Cookie lines."""

        def app(_: dict[str, Any], start_response: Any) -> list[bytes]:
            cookies = [("Set-Cookie", line) for line in lines]
            start_response("200 OK", [("Content-Type", "text/html"), *cookies])
            return [PAGE]

        return self.get(url, app)

    def stored(self) -> list[dict[str, Any]]:
        """Return every cookie of the browser's store, as the developer tools show them."""
        return self.devtools.send("Network.getAllCookies")["cookies"]

    def script_sees(self) -> str:
        return self.page.evaluate("document.cookie")


@pytest.fixture(scope="module")
def _page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context(ignore_https_errors=True)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def _tab(_page: Any, site: Site) -> Tab:
    return Tab(_page, site)


@pytest.fixture
def tab(_tab: Tab) -> Tab:
    """A tab of a browser that has no cookies."""
    _tab.page.context.clear_cookies()
    return _tab
