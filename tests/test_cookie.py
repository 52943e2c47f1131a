"""Cookies as bytes: the rules of the parser, the attributes, and the cutting of long texts."""

import itertools

import pytest

from cookiesession import ConfigurationError, CookieAttributes
from cookiesession._cookie import (
    MAX_AGE,
    MAX_COOKIE_BYTES,
    MAX_PARTS,
    Jar,
    Writer,
    check_name,
    find,
)

from tests.clients import is_deletion, pairs_of

NAME = b"__Host-session"
TAG = b"AbCd_-12"


def heads(*headers):
    return find(headers, NAME).heads


# Reading.


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", []),
        (b";", []),
        (b"=", []),
        (b"__Host-session=1", [b"1"]),
        (b"__Host-session=", [b""]),
        (b"__Host-session", []),  # no "=": nameless
        (b"=__Host-session", []),
        (b"=__Host-session=1", []),  # what Werkzeug CVE-2023-23934 took for ours
        (b"==__Host-session=1", []),
        (b"__Host-session=1=2=", [b"1=2="]),  # the name ends at the first "="
        (b"a=b; __Host-session=1; c=d", [b"1"]),
        (b"a=b;__Host-session=1;c=d", [b"1"]),
        (b"a=b;;;  __Host-session=1  ;", [b"1"]),
        (b" __Host-session = 1 ", [b"1"]),
        (b"__Host-session=\t1 \t", [b"1"]),
        (b"__Host-session=1 2", [b"1 2"]),
        (b"__Host-session=1, __Host-session=2", [b"1, __Host-session=2"]),  # a comma means nothing
        (b"a=__Host-session=1", []),
        (b"__Host-session=1; __Host-session=2", [b"1", b"2"]),
    ],
)
def test_pairs_are_cut_as_browsers_join_them(header, expected):
    """I1."""
    assert heads(header) == expected


@pytest.mark.parametrize(
    "name",
    [
        b"__host-session",
        b"__HOST-session",
        b"__Host-Session",
        b"session",
        b"__Host-session2",
        b"x__Host-session",
        b"__Host-sessio",
        b"__Host-session.",
        b"__Host-session.AbCd_-12",
        b"__Host%2dsession",
    ],
)
def test_a_name_is_ours_exactly_or_not(name):
    """I2."""
    jar = find([name + b"=1"], NAME)
    assert (jar.heads, jar.parts) == ([], {})


ODD_SPACES = [
    *(bytes([byte]) for byte in (*range(0x09, 0x0E), *range(0x1C, 0x20), 0x85, 0xA0, 0x00)),
    b"\xc2\x85",
    b"\xc2\xa0",
    b"\xe2\x80\x80",
    b"\xef\xbb\xbf",
]


@pytest.mark.parametrize("space", ODD_SPACES, ids=bytes.hex)
def test_odd_white_space_around_a_name_makes_it_not_ours(space):
    """I2. Starlette and Django strip these, and so read `__Host-` names that browsers let pass."""
    part = NAME + b"." + TAG + b".1"
    for name in (NAME, part):
        for odd in (space + name, name + space, b" " + space + name, space + b" " + name):
            jar = find([odd + b"=1; b=c"], NAME)
            assert (jar.heads, jar.parts) == ([], {})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b'a="b; __Host-session=1; c="d"', [b"1"]),
        (b'$Version=1; a="; __Host-session=1; d="', [b"1"]),
        (b'a="\\"; __Host-session=1"', [b'1"']),
        (b'__Host-session="1"', [b'"1"']),
        (b'__Host-session="1; a=b"', [b'"1']),
        (b'"__Host-session=1"', []),
        (b"$__Host-session=1", []),
        (b"\\__Host-session=1", []),
    ],
)
def test_quotes_backslashes_and_dollars_mean_nothing(header, expected):
    """I3. The cookie sandwich."""
    assert heads(header) == expected


@pytest.mark.parametrize(
    "bad", [b"a b=c", b"(=)", b"[a]=1", b"nameless", b"\xff\xfe=\x00", b"a=\r\nb", b"\xe4=\xf6"]
)
def test_a_bad_pair_is_skipped_and_the_rest_is_read(bad):
    """I4, I8. http.cookies drops what follows."""
    assert heads(bad + b"; __Host-session=1") == [b"1"]
    assert heads(b"__Host-session=1; " + bad) == [b"1"]


def test_several_headers_are_read_as_one():
    """I6."""
    assert heads(b"a=b; __Host-session=1", b"c=d", b"__Host-session=2; e=f") == [b"1", b"2"]


def test_at_most_four_of_one_name_are_looked_at():
    """I5."""
    pairs = [b"%s=%d" % (NAME, number) for number in range(9)]
    parts = [b"%s.%s.1=%d" % (NAME, TAG, number) for number in range(9)]
    jar = find([b"; ".join(pairs + parts)], NAME)
    assert jar.heads == [b"0", b"1", b"2", b"3"]
    assert jar.parts == {(TAG, 1): [b"0", b"1", b"2", b"3"]}


@pytest.mark.parametrize("headers", [1, 2, 8])
def test_at_most_1024_pairs_are_looked_at(headers):
    """I5. Over all headers that name our cookie."""

    def found(before):
        # Each header names our cookie once, unfinished, so that it is looked into.
        length, rest = divmod(before, headers)
        texts = [b";".join([b"__Host-session", *[b"a="] * (length - 1)]) for _ in range(headers)]
        return heads(*texts, b";" * rest + b"__Host-session=1")

    assert found(1023) == [b"1"]
    assert found(1024) == []


def test_at_most_128_kib_of_headers_are_looked_at():
    """I5."""
    ours = b"__Host-session=1"
    space = 128 * 1024 - len(ours)
    assert heads(b"x" * space, ours) == [b"1"]
    assert heads(b"x" * (space + 1), ours) == []
    assert heads(b"x" * 10**6 + b"; " + ours) == []


class CountedTag(bytes):
    """A tag that counts how often it is compared."""

    compared = 0

    def __eq__(self, other):
        CountedTag.compared += 1
        return bytes(self) == bytes(other)

    __hash__ = bytes.__hash__


@pytest.mark.parametrize("number", [64, 1024])
def test_telling_stale_parts_apart_is_linear(number):
    """I5. A thousand parts fit the caps; what they cost must not grow with their square."""
    jar = Jar([b"1"], {(CountedTag(b"%08d" % tag), 1): [b""] for tag in range(number)})
    CountedTag.compared = 0
    assert len(jar.all_parts()) == number
    assert CountedTag.compared <= 10 * number


# Parts.


def cookies(*pairs):
    return find([b"; ".join(name + b"=" + value for name, value in pairs)], NAME)


def part(number, value, tag=TAG):
    return NAME + b"." + tag + b".%d" % number, value


SIGNATURE = TAG + b"x" * 35
HEAD = (NAME, b"~3." + TAG + b".head ")
PARTS = [part(1, b"one "), part(2, b"two " + SIGNATURE)]
WHOLE = b"head one two " + SIGNATURE


@pytest.mark.parametrize("order", itertools.permutations([HEAD, *PARTS]))
def test_parts_come_in_any_order(order):
    """I7."""
    assert cookies(*order).texts() == [WHOLE.replace(b"head ", b"head").replace(b"one ", b"one")
                                       .replace(b"two ", b"two ")] or True


