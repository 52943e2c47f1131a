"""What the configuration accepts, Chromium keeps, returns and deletes; what it drops is refused."""

from datetime import timedelta
from itertools import combinations, product
from time import time

import pytest

from cookiesession import ConfigurationError, CookieAttributes, Key, SessionManager
from cookiesession._cookie import MAX_AGE, MAX_COOKIE_BYTES, MAX_PARTS, Writer, find
from tests.clients import pairs_of

pytestmark = pytest.mark.browser

HOST = "shop.example.test"
PATH = "/!$%25&'()*+,-./09:=@AZ_az~/"  # every character that a path can have in a URL
PARTITION = {"topLevelSite": "https://example.test", "hasCrossSiteAncestor": False}
DAY = 86_400

# What the configuration accepts: the attributes, then what else decides how the cookie is written.
ATTRIBUTES = {
    "path": ["/", "/app", PATH],
    "domain": [None, HOST, "example.test"],
    "security": [
        {"secure": secure, "samesite": samesite, "partitioned": partitioned}
        for secure, samesite, partitioned in product(
            [True, False], ["lax", "strict", "none"], [False, True]
        )
        if secure or not (samesite == "none" or partitioned)
    ],
    "priority": [None, "low", "medium", "high"],
    "persistent": [True, False],
    "forget": [False, True],
    "max_cookies": [1, 2],
}
# Every nineteenth of 2304: the first test says that all pairs of values come together in these.
OPTION_SETS = [
    dict(zip(ATTRIBUTES, values, strict=True)) for values in product(*ATTRIBUTES.values())
][::19]


def url_of(options):
    """Return the address of a page where such a cookie is to be seen."""
    scheme = "https" if options["security"]["secure"] else "http"
    return f"{scheme}://{HOST}{options['path']}"


def manager_of(options):
    attributes = {name: options[name] for name in ("path", "domain", "priority")}
    return SessionManager(
        Key.generate(),
        cookie=CookieAttributes(**attributes, **options["security"]),
        persistent=options["persistent"],
        max_cookies=options["max_cookies"],
        compress=False,
    )


def expected_in_store(options):
    """Return what the developer tools are to show of every cookie that has these options."""
    security = options["security"]
    shown = {
        "path": options["path"],
        "domain": f".{options['domain']}" if options["domain"] else HOST,
        "httpOnly": True,
        "secure": security["secure"],
        "sameSite": security["samesite"].capitalize(),
        "priority": (options["priority"] or "medium").capitalize(),
        "session": options["forget"] or not options["persistent"],
    }
    return shown | ({"partitionKey": PARTITION} if security["partitioned"] else {})


def shown(cookie):
    """Return what the developer tools show of a cookie, but its name, value and origin."""
    ours = ("path", "domain", "httpOnly", "secure", "sameSite", "priority", "session")
    return {name: cookie[name] for name in (*ours, "partitionKey") if name in cookie}


def pairs_in(cookie_header):
    return sorted(cookie_header.split("; ")) if cookie_header else []


def pairs_set(visit):
    return sorted(f"{name}={value}" for name, value in pairs_of(visit.lines).items())


def test_every_two_values_of_the_options_come_together_in_some_set():
    for one, other in combinations(ATTRIBUTES, 2):
        together = {(str(options[one]), str(options[other])) for options in OPTION_SETS}
        assert len(together) == len(ATTRIBUTES[one]) * len(ATTRIBUTES[other]), (one, other)


@pytest.mark.parametrize("options", OPTION_SETS, ids=range(len(OPTION_SETS)))
def test_every_option_set_is_kept_returned_and_deleted(tab, options):
    manager, url = manager_of(options), url_of(options)

    def log_in(session):
        session["text"] = "x" * (3_500 if options["max_cookies"] > 1 else 35)
        if options["forget"]:
            session.forget_on_close()

    set_cookies = pairs_set(tab.visit(url, manager, log_in))
    stored = tab.stored()
    assert len(set_cookies) == options["max_cookies"]
    assert sorted(f"{cookie['name']}={cookie['value']}" for cookie in stored) == set_cookies
    assert [shown(cookie) for cookie in stored] == [expected_in_store(options)] * len(stored)
    for cookie in stored:
        assert cookie["session"] or 13 * DAY < cookie["expires"] - time() < 15 * DAY
    assert tab.script_sees() == ""

    assert pairs_in(tab.visit(url, manager).cookie) == set_cookies

    tab.visit(url, manager, lambda session: session.destroy())
    assert tab.stored() == []


# The longest that the configuration accepts.

LONG_NAME = "n" * 128
LONG_HOST = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 53, "example"])[:248] + ".test"
LONG_PATH = "/" + "p" * 1023
EVERY_TOKEN_CHARACTER = "".join(map(chr, [*b"!#$%&'*+-.^_`|~", *b"09AZaz"]))

LONGEST = {
    "name": (LONG_NAME, {}),
    "name without a prefix": (LONG_NAME, {"path": "/app"}),
    "path": ("session", {"path": LONG_PATH}),
    "domain": ("session", {"domain": LONG_HOST}),
    "all of them": (
        LONG_NAME,
        {
            "path": LONG_PATH,
            "domain": LONG_HOST,
            "samesite": "strict",
            "partitioned": True,
            "priority": "medium",
        },
    ),
}


def text_of(capacity):
    """Return a text that long which differs everywhere."""
    return "".join(f"{number:08d}" for number in range(capacity // 8 + 1))[:capacity]


@pytest.mark.parametrize(("name", "attributes"), LONGEST.values(), ids=LONGEST.keys())
def test_the_longest_cookies_are_kept_returned_and_deleted(tab, name, attributes):
    """O5."""
    url = f"https://{LONG_HOST}{attributes.get('path', '/')}"
    writer = Writer(name, CookieAttributes(**attributes), 1)
    (line,) = writer.set(text_of(writer.capacity), MAX_AGE)
    assert len(line) == MAX_COOKIE_BYTES

    assert tab.receive(url, line).cookie == ""
    assert tab.receive(url).cookie == line.partition(";")[0]
    tab.receive(url, writer.delete(writer.name))
    assert tab.stored() == []


def test_a_session_of_twenty_cookies_is_kept_returned_replaced_and_deleted(tab):
    url = f"https://{HOST}/"
    manager = SessionManager(Key.generate(), max_cookies=MAX_PARTS, compress=False)
    texts = [text_of(58_000), text_of(58_000)[::-1]]
    for text in texts:
        tab.visit(url, manager, lambda session, text=text: session.update(text=text))
        seen = []
        tab.visit(url, manager, lambda session, seen=seen: seen.append(session["text"]))
        assert seen == [text]
        assert len(tab.stored()) == MAX_PARTS

    tab.visit(url, manager, lambda session: session.destroy())
    assert tab.stored() == []


def test_a_partitioned_session_of_two_cookies_fits_the_partition(tab):
    """Chromium keeps 10 KiB of partitioned cookies for a site, and drops the oldest of more."""
    url = f"https://{HOST}/"
    writer = Writer("session", CookieAttributes(partitioned=True), 2)
    for first in "12":  # the second replaces the first: for a moment both are there
        text = text_of(writer.capacity - 43) + first * 43
        old_parts = find([tab.receive(url).cookie.encode()], writer.name.encode()).all_parts()
        deletions = [writer.delete(writer.part_name(tag.decode(), n)) for tag, n in old_parts]
        tab.receive(url, *writer.set(text, MAX_AGE), *deletions)
        cookie = tab.receive(url).cookie.encode()
        assert find([cookie], writer.name.encode()).texts() == [text.encode()]
    assert len(tab.stored()) == 2


def test_a_lifetime_beyond_what_browsers_keep_is_the_longest_that_they_keep(tab):
    years = timedelta(days=3 * 365)
    manager = SessionManager(Key.generate(), absolute_timeout=years, idle_timeout=years)
    tab.visit(f"https://{HOST}/", manager, lambda session: session.update(user=7))
    (cookie,) = tab.stored()
    assert 399 * DAY < cookie["expires"] - time() < 401 * DAY

    tab.receive(f"https://{HOST}/", f"{cookie['name']}=1; Max-Age={2 * MAX_AGE}; Secure; Path=/")
    (cookie,) = tab.stored()
    assert 399 * DAY < cookie["expires"] - time() < 401 * DAY


NAMES = [EVERY_TOKEN_CHARACTER, "~", "$Version", "Path", "HttpOnly", "Http-session", "Host-Http-x"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("path", ["/", "/app"])
def test_a_name_of_odd_characters_is_kept_returned_and_deleted(tab, name, path):
    url = f"https://{HOST}{path}"
    manager = SessionManager(Key.generate(), name=name, cookie=CookieAttributes(path=path))
    set_cookies = pairs_set(tab.visit(url, manager, lambda session: session.update(user=7)))
    assert [cookie["name"] for cookie in tab.stored()] == [manager.cookie_name]
    assert pairs_in(tab.visit(url, manager).cookie) == set_cookies
    tab.visit(url, manager, lambda session: session.destroy())
    assert tab.stored() == []


# What the configuration refuses, because Chromium drops it, changes it, or never returns it.


def attributes(**settings):
    return lambda: CookieAttributes(**settings)


def name(name):
    return lambda: SessionManager(Key.generate(), name=name)


DROPPED = [
    (attributes(secure=False, samesite="none"), "s=1; SameSite=None"),
    (attributes(secure=False, partitioned=True), "s=1; Partitioned"),
    (attributes(path="/a\tb"), "s=1; Path=/a\tb; Secure"),
    (attributes(domain="127.0.0.0x1"), "s=1; Domain=127.0.0.0x1; Secure"),
    (attributes(domain="0.0.1"), "s=1; Domain=0.0.1; Secure"),
    (attributes(domain="test"), "s=1; Domain=test; Secure"),  # as any top-level domain
    (attributes(domain="example_.test"), "s=1; Domain=example_.test; Secure"),
    (name("__Host-session"), "__Host-s=1; Secure; Path=/; Domain=example.test"),
    (name("__Host-session"), "__Host-s=1; Secure; Path=/app"),
    (name("__Host-session"), "__Host-s=1; Path=/"),
    (name("__host-session"), "__host-s=1; Path=/"),
    (name("__Secure-session"), "__Secure-s=1; Path=/"),
    (name("__Http-session"), "__Http-s=1; Path=/; Secure"),  # without HttpOnly
    (name("a\tb"), "a\tb=1; Path=/"),
    (name("a\x7fb"), "a\x7fb=1; Path=/"),
]


@pytest.mark.parametrize(("configure", "line"), DROPPED, ids=[line for _, line in DROPPED])
def test_what_chromium_drops_is_refused(tab, configure, line):
    tab.receive(f"https://{HOST}/app", line)
    assert tab.stored() == []
    with pytest.raises(ConfigurationError):
        configure()


CHANGED = [
    (attributes(samesite="Lex"), "s=1; SameSite=Lex", {"sameSite": None}),
    (attributes(priority="highest"), "s=1; Priority=Highest", {"priority": "Medium"}),
    (attributes(path="app"), "s=1; Path=app", {"path": "/"}),
    (attributes(path=""), "s=1; Path=", {"path": "/"}),
    (attributes(path="/a;b"), "s=1; Path=/a;b", {"path": "/a"}),
    (attributes(path="/a "), "s=1; Path=/a ", {"path": "/a"}),
    (attributes(path="/é"), "s=1; Path=/é", {"path": "/"}),
    (attributes(path=LONG_PATH + "p"), f"s=1; Path={LONG_PATH}p", {"path": "/"}),
    (attributes(domain=""), "s=1; Domain=", {"domain": HOST}),
    (attributes(domain=".example.test"), "s=1; Domain=.example.test", {"domain": ".example.test"}),
    (attributes(domain="Example.test"), "s=1; Domain=Example.test", {"domain": ".example.test"}),
    (name(""), "=1", {"name": "", "value": "1"}),
    (name("a=b"), "a=b=1", {"name": "a", "value": "b=1"}),
    (name("a;b"), "a;b=1", {"name": "", "value": "a"}),
    (name(" a"), " a=1", {"name": "a", "value": "1"}),
]


@pytest.mark.parametrize(
    ("configure", "line", "changed"), CHANGED, ids=[line[:30] for _, line, _ in CHANGED]
)
def test_what_chromium_changes_is_refused(tab, configure, line, changed):
    tab.receive(f"https://{HOST}/", line)
    (cookie,) = tab.stored()
    assert {name: cookie.get(name) for name in changed} == changed
    with pytest.raises(ConfigurationError):
        configure()


@pytest.mark.parametrize("domain", ["localhost", "127.0.0.1"])
def test_a_domain_that_has_no_subdomains_is_refused(tab, domain):
    """Chromium ignores it where it is the host itself, and drops it everywhere else."""
    tab.receive(f"https://{domain}/", f"s=1; Domain={domain}; Secure")
    (cookie,) = tab.stored()
    assert cookie["domain"] == domain  # a cookie of the host alone; ".localhost" was asked for
    with pytest.raises(ConfigurationError):
        CookieAttributes(domain=domain)


NEVER_IN_A_URL = [f"/a{odd}b" for odd in '"#<>?\\^`{|}']
DOTS = ["/.", "/..", "/./a", "/a/../b", "/a/%2e%2E"]  # a URL loses such segments


@pytest.mark.parametrize("path", NEVER_IN_A_URL + DOTS)
def test_a_path_that_no_url_has_is_refused(tab, path):
    """Chromium keeps such a cookie, and returns it to no page: not even to one of that spelling."""
    url = f"https://{HOST}{path}"
    line = f"s=1; Path={path}; Secure"
    tab.receive(url, line)
    assert [cookie["path"] for cookie in tab.stored()] == [path]
    tab.page.goto("about:blank")  # or "#" would only scroll
    assert tab.receive(url).cookie == ""
    with pytest.raises(ConfigurationError):
        CookieAttributes(path=path)


def test_a_partitioned_session_of_more_cookies_than_a_partition_keeps_is_refused(tab):
    """Chromium keeps 10 KiB of partitioned cookies for a site, and drops the oldest of more."""
    lines = [f"s{number}={'x' * 3_500}; Secure; Partitioned" for number in range(3)]
    tab.receive(f"https://{HOST}/", *lines)
    assert [cookie["name"] for cookie in tab.stored()] == ["s1", "s2"]
    with pytest.raises(ConfigurationError):
        SessionManager(Key.generate(), cookie=CookieAttributes(partitioned=True), max_cookies=3)


def test_a_cookie_of_more_than_4096_bytes_is_dropped_and_ours_are_shorter(tab):
    """O5."""
    tab.receive(f"https://{HOST}/", f"s={'x' * 4095}; Secure", f"t={'x' * 4096}; Secure")
    assert [cookie["name"] for cookie in tab.stored()] == ["s"]
    assert MAX_COOKIE_BYTES < 4096
