"""Chromium against `tests.jar`, a model of RFC 6265bis: `docs/cookies.md` lists what differs."""

from time import time

import pytest

from cookiesession import CookieAttributes
from cookiesession._cookie import MAX_AGE, Writer
from tests.jar import BrowserJar
from tests.test_differential import ATTRIBUTES, escaped, line_of, rows_of, shown

pytestmark = pytest.mark.browser

HOST = "shop.example.com.test"

NAMES = [
    "a",
    "",
    " a",
    "a ",
    "a b",
    "\ta",
    "a\t",
    "a\tb",
    "$Version",
    "Path",
    '"a"',
    "a,b",
    "(a)",
    "[a]",
    "a%20b",
    "\\a",
    "a\x01b",
    "a\x7fb",
    "\xa0a",
    "\x85a",
    "\xe4",
    "\x1ca",
    "__Host-a",
    "__host-a",
    "__HOST-a",
    "__Secure-a",
    "__Http-a",
    "__Host-Http-a",
    "\xa0__Host-a",
    "\t__Host-a",
    "=__Host-a",
]
VALUES = [
    "1",
    "",
    " 1 ",
    "1 2",
    "\t1\t",
    "1\t2",
    '"1"',
    '" 1 "',
    "'1'",
    "1,2",
    "1=2",
    "==",
    "%31",
    "\\061",
    "1\x012",
    "1\x7f2",
    "\xa01",
    "\xe4",
    "\x1c1",
    "1; ",
    "~2.AbCd_-12.x",
    "{}[]|^`<>#",
]
LINES = [f"{name}=1" for name in NAMES]
LINES += [f"a={value}" for value in VALUES]
LINES += ["nameless", "=", "", "__Host-a", "=__Secure-a=1"]
LINES += [
    "a=1; Max-Age=0",
    "a=1; Max-Age=-1",
    "a=1; Max-Age=",
    "a=1; Max-Age=1x",
    "a=1; Max-Age=+1",
    "a=1; max-age=600; MAX-AGE=0",
    "a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "a=1; Max-Age=600; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    "__Host-a=1; Secure; Path=/",
    "__Host-a=1; Secure; Path=/app",
    "__Host-a=1; Secure",
    "__Host-a=1; Path=/",
    "__Host-a=1; Secure; Path=/; Domain=",
    "__Secure-a=1; Secure",
    f"a={'x' * 4095}",
    f"a={'x' * 4096}",
    "a=1; HttpOnly; SameSite=Strict; Unknown=2",
]


def name_of(line: str) -> str:
    return f"`{escaped(line)}`" if len(line) < 200 else f"a line of {len(line)} characters"


def in_chromium(tab, *lines: str) -> str:
    """Return the Cookie header of the next request."""
    tab.page.context.clear_cookies()
    tab.receive(f"https://{HOST}/", *lines)
    return tab.receive(f"https://{HOST}/").cookie


def in_the_model(*lines: str) -> str:
    jar = BrowserJar()
    for line in lines:
        jar.store(line, time())
    return jar.header(time())


def test_the_page_lists_every_difference_of_chromium(tab):
    seen = {}
    for line in LINES:
        sent, expected = in_chromium(tab, line), in_the_model(line)
        if sent != expected:
            seen[name_of(line)] = [shown(expected or None), shown(sent or None)]
    rows = rows_of("What Chromium keeps otherwise")
    assert {row[0]: row[1:3] for row in rows} == seen
    assert all(row[3].endswith(".") for row in rows)


@pytest.mark.parametrize("attributes", ATTRIBUTES, ids=str)
@pytest.mark.parametrize("age", [600, None])
def test_chromium_and_the_model_do_alike_with_what_we_write(tab, attributes, age):
    """O7."""
    if attributes.get("domain"):
        attributes = {**attributes, "domain": "example.com.test"}
    line = line_of(attributes, age)
    writer = Writer("session", CookieAttributes(**attributes), 1)
    path = attributes.get("path", "/")
    tab.receive(f"https://{HOST}{path}", line)
    assert tab.receive(f"https://{HOST}{path}").cookie == in_the_model(line)
    tab.receive(f"https://{HOST}{path}", writer.delete(writer.name))
    assert tab.stored() == []
    assert in_the_model(line, writer.delete(writer.name)) == ""


def test_the_model_knows_the_longest_lifetime():
    jar = BrowserJar()
    jar.store(f"a=1; Max-Age={10 * MAX_AGE}", 0)
    assert jar.header(MAX_AGE - 1) == "a=1"
    assert jar.header(MAX_AGE) == ""
