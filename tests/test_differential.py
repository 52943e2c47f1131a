"""Cookies as others read and write them, and every place where we differ: `docs/cookies.md`.

The tables there are exactly the differences that are seen here. A library that is missing is
skipped. What a row's header spells with a backslash is read as Python reads it.
"""

import http.cookies
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiesession import CookieAttributes, Key, SessionManager
from cookiesession._cookie import Writer, find

NAME = "__Host-session"
PAGE = (Path(__file__).parent.parent / "docs" / "cookies.md").read_text(encoding="utf-8")
NODE_FOLDER = Path(__file__).parent / "interop"

# Reading. Each reader takes a Cookie header, as latin-1 text, and returns our cookie or None.


def ours(header: str) -> list[str]:
    jar = find([header.encode("latin-1")], NAME.encode())
    return [value.decode("latin-1") for value in jar.heads]


def http_cookies(header: str) -> str | None:
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the page says what http.cookies of CPython 3.11 does")
    cookies: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
    cookies.load(header)
    return cookies[NAME].value if NAME in cookies else None


def starlette(header: str) -> str | None:
    return pytest.importorskip("starlette.requests").cookie_parser(header).get(NAME)


def werkzeug(header: str) -> str | None:
    request = pytest.importorskip("werkzeug.wrappers").Request({"HTTP_COOKIE": header})
    return request.cookies.get(NAME)


def webob(header: str) -> str | None:
    request = pytest.importorskip("webob").Request({"REQUEST_METHOD": "GET", "HTTP_COOKIE": header})
    return request.cookies.get(NAME)


def node(**request: Any) -> list[Any]:
    program = shutil.which("node") or pytest.skip("needs Node.js")
    if not (NODE_FOLDER / "node_modules").is_dir():
        pytest.skip("needs `npm ci` in tests/interop")
    run = subprocess.run(
        [program, NODE_FOLDER / "cookies.mjs"],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


RAISES = "(raises)"


def in_turn(read: Callable[[str], str | None]) -> Callable[[list[str]], list[str | None]]:
    def answer(header: str) -> str | None:
        try:
            return read(header)
        except (http.cookies.CookieError, UnicodeError):
            return RAISES

    return lambda headers: [answer(header) for header in headers]


READERS: dict[str, Callable[[list[str]], list[str | None]]] = {
    "http.cookies": in_turn(http_cookies),
    "Starlette": in_turn(starlette),
    "Werkzeug": in_turn(werkzeug),
    "WebOb": in_turn(webob),
    "cookie": lambda headers: node(read=headers, name=NAME),
}
readers = pytest.mark.parametrize(
    "reader",
    [pytest.param(name, marks=[pytest.mark.node] * (name == "cookie")) for name in READERS],
)

HEADERS = [
    "",
    "NAME=1",
    "a=b; NAME=1; c=d",
    "a=b;NAME=1",
    "a=b;; ; NAME=1",
    "NAME=",
    "NAME",
    "=NAME=1",
    "==NAME=1",
    "NAME=1=2",
    "NAME = 1",
    "NAME=1 2",
    "NAME=1, NAME=2",
    "a=b, NAME=1",
    "NAME=1; NAME=2",
    'NAME="1"',
    'NAME="\\061"',
    'NAME="1; a=b"',
    'a="b; NAME=1; c="d"',
    '$Version=1; a="; NAME=1; d="',
    "Path=/; NAME=1; Secure",
    "nameless; NAME=1",
    "NAME=1; a b",
    "a b=c; NAME=1",
    "(=); NAME=1",
    "[a]=1; NAME=1",
    'a={"b":1}; NAME=1',
    "a=\0; NAME=1",
    "a=\r\nb; NAME=1",
    "\xff=\xfe; NAME=1",
    "__host-session=1",
    "__Host%2dsession=1",
    "NAME=[1]",
    "NAME=%31",
    "NAME=\t1",
    "NAME=\xa01",
    "NAME=\xe4",
    "\tNAME=1",
    "a=b;\tNAME=1",
    "\0NAME=1",
    "\x1cNAME=1",
    "\x85NAME=1",
    "\xa0NAME=1",
    "NAME\xa0=1",
    "\xef\xbb\xbfNAME=1",
]


def shown(value: str | None) -> str:
    """Return a value as the page shows it."""
    if value is None or value == RAISES:
        return "raises" if value else "nothing"
    return f"`{escaped(value)}`" if value else "an empty value"


def escaped(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")


def rows_of(title: str) -> list[list[str]]:
    """Return the cells of the table under a heading of the page."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


READ_ROWS = rows_of("What we read otherwise")


def test_the_page_says_what_we_read():
    for header, we_read, _, why in READ_ROWS:
        text = header.strip("`").encode().decode("unicode_escape").replace("NAME", NAME)
        assert (" and ".join(map(shown, ours(text))) or "nothing").replace(NAME, "NAME") == we_read
        assert why.endswith(".")


@readers
def test_the_page_lists_every_difference_in_reading(reader):
    """I1, I2, I3, I4, I6."""
    answers = READERS[reader]([header.replace("NAME", NAME) for header in HEADERS])
    seen = {}
    for header, answer in zip(HEADERS, answers, strict=True):
        expected = ours(header.replace("NAME", NAME))
        if ([] if answer is None else [answer]) != expected:
            seen[f"`{escaped(header)}`"] = shown(answer and answer.replace(NAME, "NAME"))
    listed = {}
    for header, _, others, _ in READ_ROWS:
        said = dict(re.findall(r"([\w.]+): (nothing|raises|an empty value|`[^`]*`)", others))
        if reader in said:
            listed[header] = said[reader]
    assert listed == seen


octets = st.text("!#$%&'()*+-./0123456789:<=>?@AZ^_`az{|}~", max_size=20)  # RFC 6265, 4.1.1
tokens = st.text("!#%&'*+-.^_`|~09AZaz", min_size=1, max_size=9)


@pytest.mark.parametrize("reader", [name for name in READERS if name != "cookie"])
@given(data=st.data())
def test_all_read_alike_what_is_written_by_the_rules(reader, data):
    """RFC 6265, section 4. But for brackets, which have a row in the table."""
    pairs = data.draw(st.dictionaries(tokens, octets, max_size=5))
    value = data.draw(octets)
    cookies = [*pairs.items(), (NAME, value)]
    header = "; ".join(f"{name}={text}" for name, text in data.draw(st.permutations(cookies)))
    assert ours(header) == [value]
    assert READERS[reader]([header]) == [value]


# Writing.

TEXT = SessionManager(Key.generate()).dumps({"user_id": 7})
ATTRIBUTES: list[dict[str, Any]] = [
    {},
    {"path": "/app"},
    {"domain": "example.com"},
    {"secure": False},
    {"samesite": "strict"},
    {"samesite": "none"},
    {"path": "/app", "domain": "example.com", "samesite": "strict"},
]
written = pytest.mark.parametrize("attributes", ATTRIBUTES, ids=str)


def line_of(attributes: dict[str, Any], age: int | None = 600) -> str:
    (line,) = Writer("session", CookieAttributes(**attributes), 1).set(TEXT, age)
    return line


def parts_of(line: str) -> dict[str, str]:
    """Return a Set-Cookie line as its pair and its attributes, whose case and order mean nothing.

    Without Expires, which says again what Max-Age says.
    """
    pair, *attributes = line.split("; ")
    parts = dict(part.lower().partition("=")[::2] for part in attributes)
    parts.pop("expires", None)
    return {"": pair, **parts}


def by_http_cookies(name: str, options: dict[str, Any]) -> str:
    morsel: http.cookies.Morsel = http.cookies.Morsel()
    morsel.set(name, TEXT, TEXT)
    morsel.update({key: value for key, value in options.items() if value is not None})
    return morsel.OutputString()


def by_starlette(name: str, options: dict[str, Any]) -> str:
    response = pytest.importorskip("starlette.responses").Response()
    response.set_cookie(name, TEXT, **_underscored(options))
    return response.headers["set-cookie"]


def by_werkzeug(name: str, options: dict[str, Any]) -> str:
    return pytest.importorskip("werkzeug.http").dump_cookie(name, TEXT, **_underscored(options))


def by_webob(name: str, options: dict[str, Any]) -> str:
    return pytest.importorskip("webob.cookies").make_cookie(name, TEXT, **_underscored(options))


def _underscored(options: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("-", "_"): value for name, value in options.items()}


WRITERS = [by_http_cookies, by_starlette, by_werkzeug, by_webob]


def options_of(attributes: dict[str, Any]) -> dict[str, Any]:
    cookie = CookieAttributes(**attributes)
    return {
        "path": cookie.path,
        "domain": cookie.domain,
        "secure": cookie.secure,
        "samesite": cookie.samesite,
        "httponly": True,
        "max-age": 600,
    }


@written
@pytest.mark.parametrize("write", WRITERS)
def test_all_write_what_we_write(write, attributes):
    """O1, O2."""
    line = line_of(attributes)
    name = line.partition("=")[0]
    assert parts_of(write(name, options_of(attributes))) == parts_of(line)


@pytest.mark.node
def test_node_writes_what_we_write():
    asked = []
    for attributes in ATTRIBUTES:
        options = options_of(attributes)
        name = line_of(attributes).partition("=")[0]
        asked.append(
            [
                name,
                TEXT,
                {
                    "path": options["path"],
                    "secure": options["secure"],
                    "sameSite": options["samesite"],
                    "httpOnly": True,
                    "maxAge": 600,
                    **({"domain": options["domain"]} if options["domain"] else {}),
                },
            ]
        )
    lines = [parts_of(line_of(attributes)) for attributes in ATTRIBUTES]
    assert [parts_of(line) for line in node(write=asked)] == lines


@written
def test_the_standard_library_reads_what_we_write(attributes):
    line = line_of(attributes)
    cookies: http.cookies.SimpleCookie = http.cookies.SimpleCookie(line)
    (morsel,) = cookies.values()
    assert parts_of(morsel.OutputString()) == parts_of(line)


@pytest.mark.node
def test_tough_cookie_keeps_returns_and_deletes_what_we_write():
    """O7."""
    lines: Iterable[str] = [
        line_of(attributes, age) for attributes in ATTRIBUTES for age in (600, None)
    ]
    for line, answer in zip(
        lines, node(store=[*lines], url="https://example.com/app"), strict=True
    ):
        parts = parts_of(line)
        assert answer["sent"] == parts[""]
        assert answer["seen"]["path"] == parts["path"]
        assert answer["seen"].get("maxAge") == (
            int(parts["max-age"]) if "max-age" in parts else None
        )
        assert answer["seen"]["httpOnly"]
        assert answer["seen"].get("secure", False) == ("secure" in parts)
        assert answer["seen"]["sameSite"] == parts["samesite"]
    writer = Writer("session", CookieAttributes(), 1)
    (answer,) = node(store=[writer.delete(writer.name)], url="https://example.com/")
    assert answer["sent"] == ""
