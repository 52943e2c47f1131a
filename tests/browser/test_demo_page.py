"""The demo's page, every control of it, as a visitor with Chromium finds it."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from time import time

import pytest

pytestmark = pytest.mark.browser

DAY = 86_400

REASONS = {  # what can be done to the cookie -> what the page says then
    "signature": "bad_signature",
    "data": "bad_signature",
    "key": "unknown_key",
    "format": "unknown_format",
    "length": "malformed",
}
# Each has its test below; the last test fails when the page has others.
CONTROLS = {
    "/",
    "/append",
    "/corrupt",
    "/delete",
    "/get-session",
    "/log-in",
    "/log-out",
    "/overfill",
    "/rotate",
    "/set",
    "/set-session",
    "/start-anew",
}


@pytest.fixture(scope="module")
def address():
    """Run the demo in a process of its own, and return the address that it prints."""
    command = [sys.executable, "-m", "cookiesession", "demo", "--port", "0"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield next(word for word in process.stdout.readline().split() if "://" in word)
        finally:
            process.terminate()


class Visitor:
    """Somebody who looks at the demo's page and uses it, and opens the developer tools."""

    def __init__(self, context, address):
        self.context, self.address = context, address
        self.page = context.new_page()
        self.devtools = context.new_cdp_session(self.page)
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.goto(address)

    def _hear(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def submit(self, action, button=None, **fields):
        """Fill in a form as its labels say, and press its button."""
        form = self.page.locator(f'form[action="{action}"]')
        for label, value in fields.items():
            form.get_by_label(label).fill(value)
        with self.page.expect_navigation():  # the redirect's page, loaded
            form.get_by_role("button", name=button).click()

    def store(self, name="settings", value='{"theme": "dark"}'):
        self.submit("/set", Name=name, Value=value)

    def data(self):
        """Return what the page says that the session holds."""
        rows = self.page.locator("tr.key").all()
        return {row.locator("th").inner_text(): row.locator("pre").inner_text() for row in rows}

    def heading(self):
        return self.page.get_by_role("heading", level=2).first.inner_text()

    def session_id(self):
        return self.page.locator("dt:text-is('Id') + dd").inner_text()

    def cookies(self):
        """Return the browser's own store."""
        return self.devtools.send("Network.getAllCookies")["cookies"]

    def cookie(self):
        (cookie,) = self.cookies()
        return cookie

    def unnamed(self):
        """Return what the page asks people to use, and does not name for them."""
        roles = {"button", "checkbox", "combobox", "link", "textbox"}
        nodes = self.devtools.send("Accessibility.getFullAXTree")["nodes"]
        controls = [node for node in nodes if node.get("role", {}).get("value") in roles]
        assert controls
        return [node for node in controls if not node.get("name", {}).get("value", "").strip()]

    def overflow(self):
        """Return how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def controls(self):
        """Return where the page's forms and links lead."""
        return set(
            self.page.evaluate(
                "[...document.querySelectorAll('form, a')]"
                ".map(it => it.getAttribute('action') ?? it.getAttribute('href'))"
            )
        )


@pytest.fixture
def visiting(chromium, address):
    """Return a function that opens the page in a fresh browser, whose console must stay silent."""

    @contextmanager
    def visit(**settings):
        context = chromium.new_context(**settings)
        try:
            visitor = Visitor(context, address)
            yield visitor
            assert visitor.complaints == []
        finally:
            context.close()

    return visit


@pytest.fixture
def visitor(visiting):
    with visiting() as visitor:
        yield visitor


def test_a_visitor_begins_without_a_cookie(visitor):
    assert visitor.heading() == "No session yet"
    assert (visitor.data(), visitor.cookies()) == ({}, [])
    assert visitor.page.get_by_role("button", name="Corrupt").is_disabled()


def test_what_is_set_is_kept_until_it_is_deleted(visitor):
    visitor.store("settings", '{"theme": "dark"}')
    visitor.store("greeting", "<b>hello</b>")
    assert visitor.heading() == "A valid session"
    kept = {"settings": "{'theme': 'dark'}", "greeting": "'<b>hello</b>'"}
    assert visitor.data() == kept
    visitor.page.goto(visitor.page.url)
    assert visitor.data() == kept

    visitor.submit("/delete", "Delete settings")
    assert visitor.data() == {"greeting": "'<b>hello</b>'"}
    visitor.submit("/delete", "Delete greeting")
    assert (visitor.data(), visitor.cookies()) == ({}, [])


def test_an_append_deep_inside_is_kept(visitor):
    visitor.submit("/append", Item="tea")
    visitor.submit("/append", Item="milk")
    visitor.page.goto(visitor.page.url)
    assert visitor.data() == {"basket": "{'items': ['tea', 'milk']}"}


def test_a_login_gives_the_session_a_new_id_and_keeps_what_it_held(visitor):
    visitor.store()
    before = visitor.session_id()
    visitor.submit("/log-in", Name="ann")
    assert visitor.session_id() != before
    assert visitor.data()["user"] == "'ann'"
    assert visitor.data()["settings"] == "{'theme': 'dark'}"
    assert visitor.page.get_by_text("Logged in as ann").is_visible()


@pytest.mark.parametrize(("remember", "days"), [(False, 30 / 1440), (True, 30)])
def test_remember_me_keeps_the_cookie_for_thirty_days_and_not_for_half_an_hour(
    visitor, remember, days
):
    visitor.page.get_by_label("Remember me").set_checked(remember)
    visitor.submit("/log-in", Name="ann")
    assert visitor.cookie()["expires"] - time() == pytest.approx(days * DAY, abs=120)


def test_a_rotated_key_writes_and_nobody_is_logged_out(visitor):
    visitor.submit("/log-in", Name="ann")
    before, session_id = visitor.cookie()["value"], visitor.session_id()
    assert visitor.page.get_by_text(before[1:5]).first.is_visible()

    visitor.submit("/rotate")
    after = visitor.cookie()["value"]
    assert after[1:5] != before[1:5]  # the key's id
    assert visitor.page.locator("ul.ring li").first.inner_text().startswith(after[1:5])
    assert visitor.session_id() == session_id
    assert visitor.page.get_by_text("Logged in as ann").is_visible()


@pytest.mark.parametrize(("how", "reason"), REASONS.items())
def test_a_damaged_cookie_is_refused_with_its_reason_until_one_starts_anew(visitor, how, reason):
    visitor.store()
    visitor.page.get_by_label("What to change").select_option(how)
    visitor.submit("/corrupt")
    assert visitor.heading() == f"Cookie refused: {reason}"
    assert visitor.data() == {}
    assert visitor.page.locator("ol.events li").first.inner_text().startswith("Refused")
    assert visitor.cookie()["name"] == "session"  # it is left alone

    visitor.submit("/start-anew")
    assert visitor.heading() == "No session yet"
    assert visitor.cookies() == []


def test_every_kind_of_damage_on_the_page_has_its_reason_here(visitor):
    options = visitor.page.get_by_label("What to change").locator("option").all()
    assert [option.get_attribute("value") for option in options] == list(REASONS)


def test_a_session_that_is_too_large_is_told_and_the_old_one_kept(visitor):
    visitor.store()
    before = visitor.cookie()["value"]
    visitor.submit("/overfill")
    assert visitor.heading() == "Too large for a cookie"
    assert visitor.page.get_by_role("row", name="noise").is_visible()
    assert visitor.cookie()["value"] == before

    visitor.page.get_by_role("link", name="Back to the session").click()
    assert visitor.data() == {"settings": "{'theme': 'dark'}"}
    (complaint,) = visitor.complaints  # Chromium's own, about the status
    assert "413" in complaint
    visitor.complaints.clear()


def test_the_cookie_is_hidden_from_scripts_and_gone_after_the_logout(visitor):
    visitor.submit("/log-in", Name="ann")
    cookie = visitor.cookie()
    shown = {name: cookie[name] for name in ("name", "path", "httpOnly", "secure", "sameSite")}
    assert shown == {
        "name": "session",
        "path": "/",
        "httpOnly": True,
        "secure": False,
        "sameSite": "Lax",
    }
    assert visitor.page.evaluate("document.cookie") == ""

    visitor.submit("/log-out")
    assert visitor.cookies() == []
    assert visitor.page.evaluate("document.cookie") == ""
    visitor.page.goto(visitor.page.url)
    assert visitor.heading() == "No session yet"


def test_the_pair_of_the_express_example_stores_and_reads_back(visitor):
    visitor.page.get_by_role("link", name="/get-session").click()
    assert visitor.page.inner_text("body").strip() == "Session variable: None"
    visitor.page.go_back()
    visitor.page.get_by_role("link", name="/set-session").click()
    assert visitor.page.inner_text("body").strip() == "Session variable set."
    visitor.page.go_back()
    visitor.page.get_by_role("link", name="/get-session").click()
    assert visitor.page.inner_text("body").strip() == "Session variable: Hello World!"


def states_of(visitor):
    """Lead a visitor through every state of the page, with names that are long and unbroken."""
    yield "empty"
    visitor.store("n" * 60, "v" * 300)
    visitor.submit("/append", Item="i" * 60)
    yield "full"
    visitor.submit("/log-in", Name="u" * 60)
    yield "logged in"
    visitor.submit("/rotate")
    yield "rotated"
    visitor.submit("/overfill")
    yield "too large"
    visitor.complaints.clear()  # Chromium's own, about the status
    visitor.page.get_by_role("link", name="cookiesession").click()
    visitor.submit("/corrupt")
    yield "refused"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_the_window_and_names_its_controls(visiting, scheme, width):
    with visiting(color_scheme=scheme, viewport={"width": width, "height": 800}) as visitor:
        for state in states_of(visitor):
            assert visitor.overflow() <= 0, state
            assert visitor.unnamed() == [], state


def test_the_page_has_these_controls_and_no_others(visitor):
    assert set.union(*(visitor.controls() for _ in states_of(visitor))) == CONTROLS
