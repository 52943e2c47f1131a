"""The demo and the command line, as a browser and a terminal see them."""

import http.client
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from cookiesession import Key, Status
from cookiesession.__main__ import main
from cookiesession.demo import DAMAGES, ROUTES, make_server, page

FORMS = [path for path, routes in ROUTES.items() if "POST" in routes]


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    text: str


class Browser:
    """Keeps one cookie and follows no redirect."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""

    def send(self, method: str, path: str, body: str | bytes = "", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            if self.cookie:
                sent.setdefault("Cookie", f"other=1; session={self.cookie}")
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read().decode())
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            assert name == "session"
            self.cookie = value
        return answer

    def page(self) -> str:
        answer = self.send("GET", "/")
        assert answer.status == 200
        return answer.text

    def post(self, path: str, **form: str) -> Answer:
        kind = "application/x-www-form-urlencoded"
        return self.send("POST", path, urlencode(form), Content_Type=kind)

    def do(self, path: str, **form: str) -> str:
        """Post a form, follow the redirect, and return the page."""
        answer = self.post(path, **form)
        assert (answer.status, answer.headers["Location"]) == (303, "/")
        return self.page()


@pytest.fixture
def server() -> Iterator[Any]:
    with make_server(0) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def browser(server) -> Browser:
    return Browser(server.server_port)


def session_id(text: str) -> str:
    found = re.search(r"<dt>Id</dt><dd><code>([\w-]{12})</code>", text)
    assert found
    return found[1]


# What the Express example does.


def test_set_session_stores_what_get_session_reads(browser):
    assert browser.send("GET", "/get-session").text == "Session variable: None\n"
    assert browser.send("GET", "/set-session").status == 200
    assert browser.send("GET", "/get-session").text == "Session variable: Hello World!\n"


# The forms.


def test_the_first_page_sets_no_cookie(browser):
    assert "No session yet" in browser.page()
    assert not browser.cookie


def test_a_key_is_set_shown_and_deleted(browser):
    text = browser.do("/set", name="settings", value='{"size": [14, 1.5, null, true]}')
    assert "{&#x27;size&#x27;: [14, 1.5, None, True]}" in text
    assert "A valid session" in text
    assert "settings</code>" not in browser.do("/delete", name="settings")
    assert not browser.cookie


def test_what_is_not_json_is_text(browser):
    assert "&#x27;{not json&#x27;" in browser.do("/set", name="a", value="{not json")


def test_deleting_a_key_that_is_not_there_changes_nothing(browser):
    browser.do("/set", name="a", value="1")
    assert browser.post("/delete", name="b").headers["Set-Cookie"] is None


def test_appending_changes_the_nested_list(browser):
    browser.do("/append", item="tea")
    text = browser.do("/append", item="milk")
    assert "{&#x27;items&#x27;: [&#x27;tea&#x27;, &#x27;milk&#x27;]}" in text


@pytest.mark.parametrize("value", ["1", "[]", "{}", '{"items": 1}'])
def test_appending_copes_with_a_basket_of_another_shape(browser, value):
    browser.do("/set", name="basket", value=value)
    assert "[&#x27;tea&#x27;]" in browser.do("/append", item="tea")


def test_logging_in_changes_the_id_and_keeps_the_data(browser):
    before = session_id(browser.do("/set", name="a", value="kept"))
    text = browser.do("/log-in", user="ann")
    assert session_id(text) != before
    assert "kept" in text
    assert "Logged in as <strong>ann</strong>" in text
    assert "datetime.datetime(" in text
    assert "in 30 minutes" in text


def test_a_remembered_session_lasts_thirty_days(browser):
    answer = browser.post("/log-in", user="ann", remember="on")
    assert "Max-Age=2592000" in answer.headers["Set-Cookie"]
    assert "in 30 days" in browser.page()


def test_logging_out_removes_the_cookie(browser):
    browser.do("/log-in", user="ann")
    answer = browser.post("/log-out")
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert "No session yet" in browser.page()


def test_rotating_keeps_the_session_and_moves_it_to_the_new_key(browser):
    identity = session_id(browser.do("/set", name="a", value="kept"))
    old = browser.cookie[1:5]
    text = browser.do("/rotate")  # this page carries the cookie under the new key
    new = browser.cookie[1:5]
    assert new != old
    assert f"came under <code>{old}</code>" in text
    text = browser.page()
    assert session_id(text) == identity
    assert "kept" in text
    assert f'<code>{new}</code> <span class="mark writes">' in text
    assert "came under" not in text


def test_the_ring_holds_ten_keys(browser):
    browser.do("/set", name="a", value="1")
    cookie = browser.cookie
    for _ in range(9):
        browser.post("/rotate")
    assert browser.page().count('class="mark reads"') == 10
    browser.cookie = cookie
    browser.post("/rotate")
    assert "unknown_key" in browser.page()


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("signature", Status.BAD_SIGNATURE),
        ("data", Status.BAD_SIGNATURE),
        ("key", Status.UNKNOWN_KEY),
        ("format", Status.UNKNOWN_FORMAT),
        ("length", Status.MALFORMED),
    ],
)
def test_a_corrupted_cookie_is_refused_with_its_reason(browser, how, reason):
    browser.do("/set", name="a", value="in-the-session")
    answer = browser.post("/corrupt", how=how)
    assert len(answer.headers.get_all("Set-Cookie")) == 1
    corrupted = browser.cookie
    text = browser.page()
    assert f"<code>{reason}</code>" in text
    assert page.REASONS[reason] in text
    assert "in-the-session" not in text
    assert browser.cookie == corrupted, "a refused cookie is left alone"
    assert "No session yet" in browser.do("/start-anew")
    assert not browser.cookie


def test_every_damage_is_offered_and_tried():
    offered = (files("cookiesession.demo") / "home.html").read_text("utf-8")
    assert set(DAMAGES) == set(re.findall(r'<option value="(\w+)">', offered))


def test_every_status_has_a_sentence():
    assert set(page.REASONS) == set(Status)


def test_a_corrupted_cookie_is_overwritten_by_what_is_stored_next(browser):
    browser.do("/set", name="a", value="1")
    browser.post("/corrupt", how="data")
    assert "A valid session" in browser.do("/set", name="b", value="2")


def test_storing_too_much_names_the_keys_and_keeps_the_session(browser):
    browser.do("/set", name="kept", value="1")
    cookie = browser.cookie
    answer = browser.post("/overfill")
    assert answer.status == 413
    assert "Too large for a cookie" in answer.text
    assert "<code>noise</code>" in answer.text
    assert browser.cookie == cookie
    assert "kept" in browser.page()


def test_what_no_cookie_can_hold_is_named(browser):
    answer = browser.post("/set", name="deep", value="[" * 40 + "]" * 40)
    assert answer.status == 422
    assert "deep[0][0]" in answer.text


# What the page says.


def test_the_sizes_on_the_page_add_up_to_the_limit(browser):
    for number in range(20):
        text = browser.do("/set", name=f"key{number}", value="x" * (1 + number * 7))
    total = re.search(r"<strong>([\d,]+)</strong> of 4,093 bytes", text)
    rows = re.findall(r'<td class="bytes"><span>([\d,]+)</span>', text)
    sizes = [int(size.replace(",", "")) for size in rows]
    assert sum(sizes) == 4093
    assert total
    assert int(total[1].replace(",", "")) == 4093 - sizes[-1]
    assert min(sizes) >= 0
    assert len(sizes) == 24
    assert len(browser.cookie) == sum(sizes[:22])


def test_a_session_that_fills_its_cookie_is_shown(browser):
    value = Key.generate().reveal().encode().hex() * 2
    for number in range(30):
        if browser.post("/set", name=f"k{number}", value=f"{number}{value[:150]}").status == 413:
            break
    assert len(browser.cookie) > 3800
    assert "A valid session" in browser.page()


def test_the_raw_cookie_is_shown(browser):
    browser.do("/set", name="a", value="1")
    text = re.sub(r"</?span[^>]*>", "", browser.page())
    assert browser.cookie in text


def test_the_events_are_shown(browser):
    browser.do("/set", name="a", value="1")
    assert "<strong>Saved</strong>" in browser.page()


# Hostile visitors.

SCRIPT = "<script>alert(1)</script>\"'&"


def test_nothing_that_came_in_is_markup(browser):
    browser.do("/set", name=SCRIPT, value=SCRIPT)
    browser.do("/append", item=SCRIPT)
    text = browser.do("/log-in", user=SCRIPT)
    assert "<script" not in text
    assert '"\'&"' not in text
    assert "&lt;script&gt;" in text
    answer = browser.post("/set", name=SCRIPT, value="[" * 40 + "]" * 40)
    assert answer.status == 422
    assert "<script" not in answer.text
    browser.cookie = SCRIPT.replace(";", "")
    assert "<script" not in browser.page()


def test_a_key_with_a_strange_name_can_be_deleted(browser):
    browser.do("/set", name=SCRIPT, value="1")
    browser.do("/delete", name=SCRIPT)
    assert not browser.cookie


def test_scripts_and_other_sites_are_forbidden(browser):
    policy = browser.send("GET", "/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "<script" not in browser.page()
    assert "style=" not in browser.page()


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_from_another_site_is_forbidden(browser, path, site):
    answer = browser.send("POST", path, "name=a&value=1", Sec_Fetch_Site=site)
    assert answer.status == 403
    assert not browser.cookie


def test_a_form_from_the_page_is_not(browser):
    answer = browser.send("POST", "/set", "name=a&value=1", Sec_Fetch_Site="same-origin")
    assert answer.status == 303


def test_a_host_that_is_not_this_machine_gets_no_session(browser):
    answer = browser.send("POST", "/set", "name=a&value=1", Host="evil.example")
    assert answer.headers["Set-Cookie"] is None
    assert "host_refused" in browser.send("GET", "/", Host="evil.example").text


BODIES = [
    b"",
    b"name",
    b"name=",
    b"name=%00&value=1",
    b"name=a%0Ab&value=1",
    b"name=%ff%fe&value=%ff",
    b"name=a&value=%22%5Cud800%22",  # a lone surrogate, as JSON
    b"name=a&value=" + b"[" * 5000,
    b"name=a&value=" + b"9" * 5000,
    b"name=a&value=NaN",
    b"name=a&value=1e999",
    b"=&=&=",
    b"&".join(b"a%d=1" % number for number in range(1000)),
    b"\x00\xff" * 1000,
    b"item=%ed%a0%80",
    b"how=nothing",
    b"x" * 60_000,
]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_bad_form_is_never_a_server_error(browser, path, body):
    assert browser.send("POST", path, body).status in (303, 400, 413, 422)
    browser.page()


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "9" * 30, "70000", "\xb2"])
def test_a_bad_length_is_a_bad_request(browser, length):
    answer = browser.send("POST", "/set", b"", Content_Length=length)
    assert answer.status == 400


def test_there_is_nothing_to_corrupt_without_a_cookie(browser):
    assert browser.post("/corrupt", how="data").status == 400
    browser.cookie = "x" * 100 + "%0d%0a"
    assert browser.post("/corrupt", how="data").status == 400


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/style.css/", "/../style.css", "/%2e%2e/page.py", "/page.py", "/home.html"],
)
def test_an_unknown_address_is_not_found(browser, path):
    answer = browser.send("GET", path)
    assert answer.status == 404
    assert "no page" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/set", "POST"),
        ("HEAD", "/log-in", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/get-session", "GET, HEAD"),
        ("OPTIONS", "/style.css", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(browser, method, path, allow):
    answer = browser.send(method, path)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)


# HTTP.


@pytest.mark.parametrize("path", ["/", "/style.css", "/get-session", "/nothing"])
def test_head_is_get_without_a_body(browser, path):
    got, head = browser.send("GET", path), browser.send("HEAD", path)
    assert head.text == ""
    assert head.status == got.status
    for name in ("Content-Type", "Vary", "Cache-Control"):
        assert head.headers[name] == got.headers[name]
    assert int(head.headers["Content-Length"]) > 0


def test_pages_are_private_and_the_style_sheet_is_not(browser):
    html = browser.send("GET", "/").headers
    assert html["Content-Type"] == "text/html; charset=utf-8"
    assert html["Cache-Control"] == "no-store"
    assert html["Vary"] == "Cookie"
    style = browser.send("GET", "/style.css").headers
    assert style["Content-Type"] == "text/css; charset=utf-8"
    assert style["Cache-Control"] == "public, max-age=300"
    assert style["Vary"] is None


def test_the_cookie_is_httponly_and_lax_without_secure(browser):
    line = browser.post("/set", name="a", value="1").headers["Set-Cookie"]
    assert "; HttpOnly; SameSite=Lax" in line
    assert "Secure" not in line


def test_the_server_is_for_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_a_browser_that_hangs_up_leaves_no_traceback(server, browser, capfd):
    with socket.create_connection(server.server_address) as connection:
        linger = b"\1\0\0\0\0\0\0\0"  # close with a reset
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.sendall(b"GET / HT")
    browser.page()
    assert "Traceback" not in capfd.readouterr().err


def test_log_lines_are_short_and_hold_no_control_characters(server, browser, capfd):
    with socket.create_connection(server.server_address, timeout=10) as connection:
        connection.sendall(b"GET /\x1b[31m HTTP/1.0\r\n\r\n")
        while connection.recv(65_536):
            pass
    browser.page()
    assert "GET /\\x1b[31m 404\n" in capfd.readouterr().err


# The command line.


def test_keygen_prints_a_key(capsys):
    assert main(["keygen"]) == 0
    text = capsys.readouterr().out
    assert Key.parse(text.strip()).reveal() == text.strip()


def test_a_port_in_use_is_one_sentence(server, capsys):
    assert main(["demo", "--port", str(server.server_port)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("cookiesession demo: port ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("port", ["-1", "65536", "x", "9" * 30, "\xb2"])
def test_a_port_that_is_none_is_a_usage_error(capsys, port):
    with pytest.raises(SystemExit):
        main(["demo", f"--port={port}"])
    assert "a port is a number" in capsys.readouterr().err


def test_the_demo_says_where_it_is_and_ctrl_c_stops_it():
    start = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from cookiesession.__main__ import main; sys.exit(main(['demo', '--port', '0']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", start], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        line = process.stdout.readline()
        found = re.fullmatch(
            r"cookiesession demo: http://127\.0\.0\.1:(\d+)/  \(Ctrl-C stops it\)\n", line
        )
        assert found, process.stderr.read()
        Browser(int(found[1])).page()
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Traceback" not in error
