"""Each example on a real server, as its first line says; and one cookie through all of them."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cookiesession import Key
from tests.adapters.contract import Browser, free_port

pytestmark = pytest.mark.server

EXAMPLES = Path(__file__).parent.parent / "examples"
FILES = sorted(path.stem for path in EXAMPLES.glob("with_*.py"))
PORT_OPTIONS = {
    "daphne": "-b 127.0.0.1 -p {port}",
    "granian": "--host 127.0.0.1 --port {port}",
    "gunicorn": "-b 127.0.0.1:{port}",
    "hypercorn": "-b 127.0.0.1:{port}",
    "python": "",
    "uvicorn": "--port {port}",
    "waitress-serve": "--listen=127.0.0.1:{port}",
}


def command(example: str, port: int) -> list[str]:
    """Return what the example's first line says, with this port."""
    line = re.match('"""[^:]*: (.*)"""', (EXAMPLES / f"{example}.py").read_text())
    assert line, "the first line says how to run the example"
    program, *arguments = line[1].replace("PORT", str(port)).split()
    options = PORT_OPTIONS[program].format(port=port).split()
    if program == "python":
        return [sys.executable, *arguments]
    return [str(Path(sysconfig.get_path("scripts")) / program), *options, *arguments]


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """Run all examples, each on its own server, with one key."""
    for example in FILES:
        if not Path(command(example, 0)[0]).exists():
            pytest.skip(f"{example} needs {command(example, 0)[0]}")
    environment = {**os.environ, "SESSION_KEYS": Key.generate().reveal(), "PYTHONWARNINGS": ""}
    ports = {example: free_port() for example in FILES}
    servers = [
        subprocess.Popen(
            command(example, port),
            cwd=EXAMPLES,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        for example, port in ports.items()
    ]
    try:
        for example, port in ports.items():
            wait_for(example, port)
        yield {example: f"http://127.0.0.1:{port}" for example, port in ports.items()}
    finally:
        for server in servers:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def wait_for(example: str, port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    pytest.fail(f"{example} did not start")


def post(browser: Browser, path: str) -> dict:
    response = browser.request("POST", path, body="")
    assert response.status == 200, response
    return json.loads(response.body)


@pytest.mark.parametrize("example", FILES)
def test_a_visitor_logs_in_fills_a_cart_and_logs_out(addresses, example):
    browser = Browser(addresses[example])
    post(browser, "/cart/tea")
    before = browser.jar["__Host-session"]
    post(browser, "/login/ann")
    assert post(browser, "/cart/milk") == {
        "user": "ann",
        "cart": [{"item": "tea", "quantity": 1}, {"item": "milk", "quantity": 1}],
    }
    assert browser.get("/").data["user"] == "ann"
    assert browser.jar["__Host-session"] != before
    post(browser, "/logout")
    assert browser.jar == {}
    assert browser.get("/").data == {}


@pytest.mark.parametrize("example", FILES)
def test_an_example_is_short(example):
    assert len((EXAMPLES / f"{example}.py").read_text().splitlines()) <= 40


@pytest.mark.parametrize("example", [*FILES, "shared_login/site_django"])
def test_an_example_without_its_key_names_the_command_that_makes_one(example):
    environment = {name: each for name, each in os.environ.items() if name != "SESSION_KEYS"}
    environment |= {"DJANGO_SECRET_KEY": "of Django alone", "SITE_DATABASE": ":memory:"}
    path = EXAMPLES / f"{example}.py"
    run = subprocess.run(
        [sys.executable, "-c", f"import {path.stem}"],
        cwd=path.parent, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "ModuleNotFoundError" in run.stderr:
        pytest.skip(f"{example} needs {run.stderr.split()[-1]}")
    assert "ConfigurationError" in run.stderr
    assert "cookiesession keygen" in run.stderr


@pytest.mark.parametrize("writer", FILES)
def test_what_one_writes_every_other_one_reads(addresses, writer):
    browser = Browser(addresses[writer])
    post(browser, f"/login/{writer}")
    for reader in FILES:
        browser.address = urlsplit(addresses[reader])
        assert browser.get("/").data == {"user": writer}, reader
    for reader in FILES:  # and writes in its turn
        browser.address = urlsplit(addresses[reader])
        post(browser, f"/cart/{reader}")
    browser.address = urlsplit(addresses[writer])
    assert [row["item"] for row in browser.get("/").data["cart"]] == FILES
