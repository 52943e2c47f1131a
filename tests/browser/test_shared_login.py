"""`examples/shared_login`, as its README runs it: a login on Django's admin, read by FastAPI."""

import json
import os
import re
import secrets
import shutil
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

for needed in ("django", "fastapi", "gunicorn", "uvicorn"):
    pytest.importorskip(needed)
# Debian keeps it where only the administrator looks.
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
    pytest.mark.skipif(NGINX is None, reason="needs nginx"),
]

from cookiesession import Key
from tests.adapters.contract import free_port, random_text
from tests.browser.conftest import _certificate
from tests.test_examples import wait_for

EXAMPLE = Path(__file__).parents[2] / "examples" / "shared_login"
PASSWORD = secrets.token_urlsafe()


@contextmanager
def running(command, environment, port):
    """Run a server of the example until the block ends; it ends its own workers."""
    with subprocess.Popen(command, cwd=EXAMPLE, env=environment) as server:
        try:
            wait_for(" ".join(command), port)
            yield
        finally:
            server.terminate()


def on_free_ports(configuration):
    """Return nginx's configuration with other ports, and which these are, as they stand in it."""
    ports = {port: free_port() for port in re.findall(r"127\.0\.0\.1:(\d+)", configuration)}
    return re.sub("|".join(ports), lambda it: str(ports[it[0]]), configuration), ports


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def address(folder):
    """Run the example: its site with the superuser ann, its service, and nginx before them."""
    configuration, ports = on_free_ports((EXAMPLE / "nginx.conf").read_text())
    (folder / "nginx.conf").write_text(configuration)
    _certificate(folder)
    environment = {
        **os.environ,
        "SESSION_KEYS": Key.generate().reveal(),
        "DJANGO_SECRET_KEY": secrets.token_hex(32),
        "SITE_DATABASE": str(folder / "site.sqlite3"),
        "DJANGO_SUPERUSER_USERNAME": "ann",
        "DJANGO_SUPERUSER_EMAIL": "ann@example.org",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_RUNTIME_DIR": str(folder),  # gunicorn's control socket, else in the home folder
    }
    for command in (["migrate", "-v0"], ["createsuperuser", "--noinput", "-v0"]):
        manage = [sys.executable, "site_django.py", *command]
        subprocess.run(manage, cwd=EXAMPLE, env=environment, check=True)
    python = [sys.executable, "-m"]
    servers = {
        "8001": [*python, "gunicorn", "-b", f"127.0.0.1:{ports['8001']}", "site_django:app"],
        "8002": [*python, "uvicorn", "--port", str(ports["8002"]), "service_fastapi:app"],
        "8443": [NGINX, "-p", str(folder), "-c", "nginx.conf"],
    }
    with ExitStack() as stack:
        for port, command in servers.items():
            stack.enter_context(running(command, environment, ports[port]))
        yield f"https://localhost:{ports['8443']}"


@dataclass
class Visitor:
    """Somebody with a fresh browser, who knows ann's password."""

    context: object
    address: str

    def __post_init__(self):
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)

    def open(self, path):
        response = self.page.goto(self.address + path)
        assert response.ok
        return response

    def log_in(self):
        self.open("/admin/")
        self.page.get_by_label("Username").fill("ann")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_text("Site administration").wait_for()

    def log_out(self):
        self.open("/admin/")
        self.page.get_by_role("button", name="Log out").click()
        self.page.get_by_text("Log in again").wait_for()

    def add_tea(self):
        """Press the button on the site's page whose form goes to the service."""
        self.open("/")
        self.page.get_by_role("button", name="Add tea").click()
        self.page.wait_for_url(self.address + "/")

    def site_sees(self):
        self.open("/")
        return self.page.inner_text("#user"), self.page.inner_text("#cart")

    def service_sees(self):
        return json.loads(self.open("/api/me").text())

    def session_cookie(self):
        """Return the browser's own, as `(name, secure, httpOnly, sameSite)`; None without one."""
        for cookie in self.context.cookies():
            if "session" in cookie["name"]:
                return tuple(cookie[it] for it in ("name", "secure", "httpOnly", "sameSite"))
        return None


@pytest.fixture
def visitor(chromium, address):
    with closing(chromium.new_context(ignore_https_errors=True)) as context:
        yield Visitor(context, address)


def test_a_login_on_the_admin_is_seen_by_the_service_until_the_logout(visitor):
    assert visitor.service_sees() == {"user": None, "cart": []}
    visitor.log_in()
    assert visitor.service_sees() == {"user": "1", "cart": []}
    assert visitor.session_cookie() == ("__Host-session", True, True, "Lax")

    visitor.add_tea()
    assert visitor.site_sees() == ("ann", "tea")
    assert visitor.service_sees() == {"user": "1", "cart": ["tea"]}

    visitor.log_out()
    assert visitor.session_cookie() is None
    assert visitor.service_sees() == {"user": None, "cart": []}
    assert visitor.site_sees() == ("nobody", "nothing")


def test_a_cart_filled_before_the_login_is_kept(visitor):
    visitor.add_tea()
    assert visitor.site_sees() == ("nobody", "tea")
    visitor.log_in()
    assert visitor.site_sees() == ("ann", "tea")
    assert visitor.service_sees() == {"user": "1", "cart": ["tea"]}


def test_nginx_carries_the_largest_session_both_ways(visitor):
    """With nginx's own default for `proxy_buffer_size` this is a 502."""
    item = random_text(3_730)
    visitor.open("/")
    visitor.page.evaluate("path => fetch(path, {method: 'POST'})", f"/api/cart/{item}")
    (cookie,) = visitor.context.cookies()
    assert 3_900 < len(cookie["value"]) < 4_093
    assert visitor.service_sees() == {"user": None, "cart": [item]}
    assert visitor.site_sees() == ("nobody", item)


def test_no_session_is_in_the_sites_database(visitor, folder):
    visitor.log_in()
    with closing(sqlite3.connect(folder / "site.sqlite3")) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
    assert "auth_user" in tables
    assert [name for name in tables if "session" in name] == []
