"""Plain http: what `development=True` is for, and what becomes of a Secure cookie without it."""

import pytest

from cookiesession import Key, SessionManager, Status
from cookiesession.events import InsecureTransport

pytestmark = pytest.mark.browser

LOOPBACK = ["http://localhost/", "http://127.0.0.1/", "http://app.localhost/"]


@pytest.fixture
def told():
    return []


@pytest.fixture
def make(told):
    """Make managers that tell their events to `told`."""
    return lambda **settings: SessionManager(Key.generate(), on_event=told.append, **settings)


def log_in(session):
    session["user_id"] = 7


def log_out(session):
    session.destroy()


def warnings_in(told):
    return [event for event in told if isinstance(event, InsecureTransport)]


@pytest.mark.parametrize("url", LOOPBACK)
@pytest.mark.parametrize("development", [True, False])
def test_a_session_lives_on_loopback_names_also_where_it_is_secure(
    tab, told, make, url, development
):
    """Chromium takes `Secure` and `__Host-` there without TLS; other browsers were not asked."""
    manager = make(development=development)
    tab.visit(url, manager, log_in)
    (cookie,) = tab.stored()
    assert cookie["name"] == ("session" if development else "__Host-session")
    assert cookie["secure"] is not development
    assert tab.script_sees() == ""

    seen = []
    assert tab.visit(url, manager, seen.append).cookie == f"{cookie['name']}={cookie['value']}"
    assert seen == [{"user_id": 7}]

    tab.visit(url, manager, log_out)
    assert tab.stored() == []
    assert warnings_in(told) == []


def test_under_development_a_name_of_the_network_gets_no_session(tab, make):
    manager = make(development=True)
    statuses = []
    for _ in range(2):
        visit = tab.visit("http://name.test/", manager, lambda it: statuses.append(it.status))
        assert (visit.lines, tab.stored()) == ([], [])
    assert statuses == [Status.HOST_REFUSED, Status.HOST_REFUSED]


def test_over_plain_http_the_secure_cookie_is_dropped_and_one_warning_is_told(tab, told, make):
    manager = make()
    for _ in range(3):
        visit = tab.visit("http://name.test/", manager, log_in)
        assert visit.lines
        assert visit.cookie == ""
        assert tab.stored() == []
    assert len(warnings_in(told)) == 1


def over_http(app):
    """Return what an application is behind a proxy that ends TLS: it sees http."""
    return lambda environ, start: app({**environ, "wsgi.url_scheme": "http"}, start)


@pytest.mark.parametrize("proxy", [lambda app: app, over_http], ids=["direct", "behind a proxy"])
def test_over_https_the_cookie_is_kept_and_no_warning_is_told(tab, told, make, proxy):
    tab.get("https://name.test/", proxy(tab.application(make(), log_in)))
    assert [cookie["name"] for cookie in tab.stored()] == ["__Host-session"]
    assert warnings_in(told) == []
