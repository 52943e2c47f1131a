"""Cookies as bytes: the rules of the parser, the attributes, and the cutting of long texts."""

import itertools
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        (b"__Host-session==1", [b"=1"]),
        (b"a=b; __Host-session=1; c=d", [b"1"]),
        (b"a=b;__Host-session=1;c=d", [b"1"]),
        (b"a=b;;;  __Host-session=1  ;", [b"1"]),
        (b" __Host-session = 1 ", [b"1"]),
        (b"__Host-session=\t1 \t", [b"1"]),
        (b"__Host-session=1 2", [b"1 2"]),
        (b"__Host-session=1, __Host-session=2", [b"1, __Host-session=2"]),  # a comma means nothing
        (b"a=__Host-session=1", []),
        (b"a=__Host-session=1; __Host-session=2", [b"2"]),  # what is not ours hides nothing
        (b"x__Host-session=1; __Host-session=2", [b"2"]),
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


def test_nothing_but_the_space_is_taken_from_a_name_nor_but_the_tab_from_a_value():
    """I1, I2. Of all bytes."""
    for odd in (bytes([byte]) for byte in range(256) if byte not in b" ;="):
        assert heads(odd + NAME + b"=1") == heads(NAME + odd + b"=1") == []
    for odd in (bytes([byte]) for byte in range(256) if byte not in b" ;\t"):
        assert heads(NAME + b"=" + odd + b"1" + odd) == [odd + b"1" + odd]


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
def test_at_most_512_pairs_are_looked_at(headers):
    """I5. Over all headers."""

    def found(before):
        length, rest = divmod(before, headers)
        texts = [b";".join([b"__Host-session", *[b"a="] * (length - 1)]) for _ in range(headers)]
        return heads(*texts, b";" * rest + b"__Host-session=1")

    assert found(511) == [b"1"]
    assert found(512) == []
    assert heads(b"__Host-session=1" + b"; a=" * 2000) == [b"1"]
    assert heads(b"a=; " * 511 + b"__Host-session=1") == [b"1"]
    assert heads(b"a=; " * 512 + b"__Host-session=1") == []


def test_at_most_128_kib_of_headers_are_looked_at():
    """I5."""
    ours = b"__Host-session=1"
    space = 128 * 1024 - len(ours)
    assert heads(b"x" * space, ours) == [b"1"]
    assert heads(b"x" * (space + 1), ours) == []
    assert heads(b"x" * 10**6 + b"; " + ours) == []


# What a header can be made of: whole pairs, and what tears them.
PIECES = [
    *(b";", b"; ", b"=", b" ", b"\t", b"\n", b"\xa0", b'"', b"a=b", b"x"),
    *(NAME, NAME + b"=1", NAME + b"=2 \t", NAME[1:], b"session", b"__Host-"),
    *(NAME + b"." + TAG + number for number in (b"", b".1", b".19=3", b".20=4", b".01=5", b".0")),
]
header_texts = st.builds(
    lambda empty, pieces, times: b";" * empty + b"".join(pieces) * times,
    st.sampled_from([0, 0, 0, 500, 1022, 1023]),
    st.lists(st.sampled_from(PIECES), max_size=12),
    st.sampled_from([1, 1, 1, 150, 4_000]),
)


def naively_found(headers, name):
    """Split, strip and partition, as RFC 6265bis has it, and `docs/format.md` of parts."""
    heads, parts, pairs, length = [], {}, [], 0
    for header in headers:
        length += len(header)
        if length > 128 * 1024:
            break
        pairs += header.split(b";")
    for pair in pairs[:512]:
        pair_name, equals, value = pair.partition(b"=")
        pair_name, value = pair_name.strip(b" "), value.strip(b" \t")
        part = re.fullmatch(rb"\.([A-Za-z0-9_-]{8})\.([1-9]|1[0-9])", pair_name[len(name) :])
        if equals and pair_name == name:
            heads.append(value)
        elif equals and pair_name.startswith(name) and part:
            parts.setdefault((part[1], int(part[2])), []).append(value)
    return heads[:4], {part: values[:4] for part, values in parts.items()}


@given(st.lists(header_texts, max_size=3), st.sampled_from([NAME, b"x", b"s.e|s$*+^"]))
def test_what_is_found_is_what_splitting_and_stripping_finds(headers, name):
    """I1, I2, I5."""
    headers = [header.replace(NAME, name) for header in headers]
    jar = find(iter(headers), name)
    assert (jar.heads, jar.parts) == naively_found(headers, name)


class CountedTag(bytes):
    """A tag that counts how often it is compared."""

    compared = 0

    def __eq__(self, other):
        CountedTag.compared += 1
        return bytes(self) == bytes(other)

    __hash__ = bytes.__hash__


def test_telling_stale_parts_apart_is_linear():
    """I5. A thousand parts fit the caps; what they cost must not grow with their square."""
    jar = Jar()
    jar.heads = [b"1"]
    jar.parts = {(CountedTag(b"%08d" % tag), 1): [b""] for tag in range(1024)}
    CountedTag.compared = 0
    assert len(jar.all_parts()) == 1024
    assert CountedTag.compared <= 10 * 1024


# Parts.


def cookies(*pairs):
    return find([b"; ".join(name + b"=" + value for name, value in pairs)], NAME)


def part(number, value, tag=TAG):
    return NAME + b"." + tag + b".%d" % number, value


SIGNATURE = TAG + b"x" * 35
HEAD = (NAME, b"~3." + TAG + b".head-")
PARTS = [part(1, b"one-"), part(2, b"two-" + SIGNATURE)]
WHOLE = b"head-one-two-" + SIGNATURE
OTHER = b"ZZZZZZZZ"


@pytest.mark.parametrize("order", list(itertools.permutations([HEAD, *PARTS])))
def test_parts_come_in_any_order(order):
    """I7."""
    assert cookies(*order).texts() == [WHOLE]


def test_parts_come_in_several_headers():
    """I6, I7."""
    headers = [name + b"=" + value for name, value in (PARTS[1], HEAD, PARTS[0])]
    assert find(headers, NAME).texts() == [WHOLE]


@pytest.mark.parametrize("missing", PARTS)
def test_a_missing_part_makes_it_incomplete(missing):
    """I7."""
    assert cookies(HEAD, *(other for other in PARTS if other != missing)).texts() == [None]
    foreign = part(int(missing[0][-1:]), missing[1], OTHER)
    assert cookies(HEAD, foreign, *(it for it in PARTS if it != missing)).texts() == [None]


def test_parts_without_a_head_are_nothing():
    """I7."""
    assert cookies(*PARTS).texts() == []
    assert cookies().texts() == []


def test_foreign_parts_and_parts_beyond_the_count_are_left_out():
    """I7."""
    jar = cookies(part(1, b"not this", OTHER), HEAD, *PARTS, part(3, b"nor this"))
    assert jar.texts() == [WHOLE]
    assert jar.stale_parts() == [(OTHER, 1)]
    assert jar.all_parts() == [(TAG, 1), (TAG, 2), (TAG, 3), (OTHER, 1)]


def test_a_text_that_does_not_end_as_its_tag_says_is_none():
    """I7. Parts in exchanged places."""
    assert cookies(HEAD, part(1, PARTS[1][1]), part(2, PARTS[0][1])).texts() == [b""]


@pytest.mark.parametrize(
    "mark",
    [
        b"~",
        b"~3",
        b"~3.",
        b"~3.AbCd_-12",
        b"~1.AbCd_-12.",
        b"~0.AbCd_-12.",
        b"~03.AbCd_-12.",
        b"~21.AbCd_-12.",
        b"~-3.AbCd_-12.",
        b"~3.AbCd_-1.",
        b"~3.AbCd_-123.",
        b"~3.AbCd+-12.",
        b"~ 3.AbCd_-12.",
    ],
)
def test_a_head_that_we_would_not_have_written_is_taken_as_it_stands(mark):
    """I7. And is refused later, by its first character."""
    assert cookies((NAME, mark + b"x"), *PARTS).texts() == [mark + b"x"]


@pytest.mark.parametrize(
    "name",
    [
        b".AbCd_-12.0",
        b".AbCd_-12.01",
        b".AbCd_-12.20",
        b".AbCd_-12.100",
        b".AbCd_-12.1x",
        b".AbCd_-12.1.1",
        b".AbCd_-12.",
        b".AbCd_-12",
        b".AbCd_-1.1",
        b".AbCd_-123.1",
        b".AbCd+-12.1",
        b".AbCd_-12.\xb2",
        b"AbCd_-12.1",
        b"..AbCd_-12.1",
    ],
)
def test_only_exact_names_are_parts(name):
    """I7, S4. So nobody can have us delete another cookie."""
    jar = cookies((NAME + name, b"x"))
    assert (jar.heads, jar.parts) == ([], {})


def test_every_number_from_1_to_19_is_a_part():
    """I7."""
    jar = cookies(*(part(number, b"x") for number in range(25)))
    assert list(jar.parts) == [(TAG, number) for number in range(1, 20)]


def test_where_a_name_came_several_times_all_are_tried():
    """I6. Assembly k takes the k-th of each name, or its last."""
    assert cookies((NAME, b"a"), (NAME, b"b"), (NAME, b"a")).texts() == [b"a", b"b"]
    bad_head, bad_part = (NAME, b"bad"), part(1, b"bad-")
    assert cookies(bad_head, HEAD, *PARTS).texts() == [b"bad", WHOLE]
    assert cookies(HEAD, bad_part, *PARTS).texts() == [WHOLE.replace(b"one", b"bad"), WHOLE]
    assert cookies(HEAD, *PARTS, bad_part).texts() == [WHOLE, WHOLE.replace(b"one", b"bad")]


# Attributes.

BAD_CHARACTERS = ["\r", "\n", "\0", ";", ",", " ", "\t", "\x7f", "ä", "\u2028", "\ud800"]
ATTRIBUTES = {"path": "/app", "domain": "example.com", "samesite": "lax", "priority": "low"}


@pytest.mark.parametrize("place", [0, 2, -1], ids=["before", "within", "after"])
@pytest.mark.parametrize("bad", BAD_CHARACTERS, ids=ascii)
@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_no_attribute_takes_a_character_that_ends_it(attribute, bad, place):
    """O1. CPython CVE-2026-0672. A comma is an ordinary character of a path (RFC 3986)."""
    good = ATTRIBUTES[attribute]
    CookieAttributes(**{attribute: good})
    end = len(good) if place == -1 else place
    value = good[:end] + bad + good[end:]
    if (attribute, bad) == ("path", ",") and place:
        assert str(CookieAttributes(path=value)).startswith(f"; Path={value};")
        return
    with pytest.raises(ConfigurationError):
        CookieAttributes(**{attribute: value})


@pytest.mark.parametrize("place", [0, 2, 7])
@pytest.mark.parametrize("bad", [*BAD_CHARACTERS, "=", '"', "(", "/", "[", "@"], ids=ascii)
def test_no_name_takes_a_character_that_ends_it(bad, place):
    """O1."""
    check_name("session")
    with pytest.raises(ConfigurationError, match="letters, digits or"):
        check_name("session"[:place] + bad + "session"[place:])


@pytest.mark.parametrize("name", [None, b"session", "", "x" * 129, 7])
def test_what_is_no_name_is_refused(name):
    """O1."""
    with pytest.raises(ConfigurationError, match="1 to 128 letters"):
        check_name(name)


@pytest.mark.parametrize("name", ["__Host-session", "__host-x", "__HOST-x", "__Secure-x", "__"])
def test_a_name_with_a_prefix_of_its_own_is_refused(name):
    """O3. Chromium knows prefixes in any case."""
    with pytest.raises(ConfigurationError, match="the prefix __Host- is added"):
        check_name(name)


@pytest.mark.parametrize(
    ("attributes", "mend"),
    [
        ({"path": ""}, "as URLs have it"),
        ({"path": "app"}, "as URLs have it"),
        ({"path": None}, "as URLs have it"),
        ({"path": b"/"}, "as URLs have it"),
        ({"path": "/" + "x" * 1024}, "as URLs have it"),
        ({"domain": ""}, "in small letters"),
        ({"domain": ".example.com"}, "no dot before it"),
        ({"domain": "example.com."}, "in small letters"),
        ({"domain": "Example.com"}, "small letters"),
        ({"domain": "-a.com"}, "in small letters"),
        ({"domain": "a-.com"}, "in small letters"),
        ({"domain": "a..com"}, "in small letters"),
        ({"domain": "127.0.0.1"}, "in small letters"),
        ({"domain": "[::1]"}, "in small letters"),
        ({"domain": "example.com:80"}, "in small letters"),
        ({"domain": "bücher.de"}, "xn--"),
        ({"domain": "x" * 64 + ".com"}, "in small letters"),
        ({"domain": "x." * 127}, "in small letters"),
        ({"domain": b"example.com"}, "in small letters"),
        ({"samesite": "Lax"}, '"lax", "strict" or "none"'),
        ({"samesite": None}, '"lax", "strict" or "none"'),
        ({"priority": "High"}, '"low", "medium" or "high"'),
        ({"samesite": "none", "secure": False}, "set secure=True"),
        ({"partitioned": True, "secure": False}, "set secure=True"),
    ],
)
def test_what_browsers_would_drop_is_refused_with_its_mend(attributes, mend):
    """O2."""
    with pytest.raises(ConfigurationError, match=mend):
        CookieAttributes(**attributes)


@pytest.mark.parametrize(
    ("attributes", "written"),
    [
        ({}, "; Path=/; Secure; HttpOnly; SameSite=Lax"),
        ({"secure": False}, "; Path=/; HttpOnly; SameSite=Lax"),
        ({"samesite": "strict"}, "; Path=/; Secure; HttpOnly; SameSite=Strict"),
        (
            {"path": "/a%20b", "domain": "xn--bcher-kva.de", "samesite": "none"},
            "; Path=/a%20b; Domain=xn--bcher-kva.de; Secure; HttpOnly; SameSite=None",
        ),
        (
            {"partitioned": True, "priority": "high"},
            "; Path=/; Secure; HttpOnly; SameSite=Lax; Partitioned; Priority=High",
        ),
    ],
)
def test_attributes_are_written_so(attributes, written):
    """O2. Always HttpOnly."""
    assert str(CookieAttributes(**attributes)) == written


def test_a_path_takes_every_character_that_urls_have_there_but_the_semicolon():
    """O2."""
    path = f"/{string.ascii_letters}{string.digits}/._~!$&'()*+,=:@%-"
    assert f"; Path={path};" in str(CookieAttributes(path=path))


@pytest.mark.parametrize("segment", [".", "..", "%2E", "%2e", "%2E%2e", ".%2E", "%2e."])
@pytest.mark.parametrize("path", ["/{}", "/{}/", "/a/{}/b"])
def test_a_path_with_a_dot_segment_is_refused(path, segment):
    """O2. Browsers resolve it in the path of a request, and compare then."""
    with pytest.raises(ConfigurationError, match="dot segments"):
        CookieAttributes(path=path.format(segment))


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({}, "__Host-session"),
        ({"samesite": "none", "partitioned": True}, "__Host-session"),
        ({"secure": False}, "session"),
        ({"path": "/app"}, "session"),
        ({"domain": "example.com"}, "session"),
    ],
)
def test_the_host_prefix_is_there_wherever_browsers_take_it(attributes, name):
    """O2."""
    assert Writer("session", CookieAttributes(**attributes), 1).name == name


# Writing.

LONGEST = CookieAttributes(
    path="/" + "p" * 1023,
    domain=".".join(["d" * 63] * 3 + ["d" * 61]),
    samesite="strict",
    partitioned=True,
    priority="medium",
)


@pytest.mark.parametrize("max_age", [None, 0, 60, MAX_AGE, MAX_AGE * 9])
@pytest.mark.parametrize("max_cookies", [1, 2, 3, 11, MAX_PARTS])
@pytest.mark.parametrize(
    ("name", "attributes"), [("s", CookieAttributes()), ("n" * 128, LONGEST)], ids=["short", "long"]
)
def test_no_cookie_is_longer_than_4093_bytes(name, attributes, max_cookies, max_age):
    """O5, I7. At every seam, one character before it and one behind; and all of it comes back."""
    writer = Writer(name, attributes, max_cookies)
    room = 4093 - len(f"{writer.name}=; Max-Age={MAX_AGE}{attributes}")
    seams = {0, 1, room, room + 1, writer.capacity - 1, writer.capacity}
    seams |= {room * count for count in range(1, max_cookies)}
    for length in sorted(seam for seam in seams if seam <= writer.capacity):
        text = ("x" * length + SIGNATURE.decode())[-length:] if length else ""
        lines = writer.set(text, max_age)
        assert max(map(len, lines)) <= MAX_COOKIE_BYTES
        assert len(lines) <= max_cookies
        assert (len(lines) == 1) == (length <= room)
        assert all(line.endswith(str(attributes)) for line in lines)
        header = "; ".join(map("=".join, pairs_of(lines).items())).encode()
        assert find([header], writer.name.encode()).texts() == [text.encode()]


@pytest.mark.parametrize("max_cookies", [1, 2, MAX_PARTS])
def test_the_longest_cookie_has_4093_bytes(max_cookies):
    """O5. The capacity is all that fits: one character more would not."""
    writer = Writer("n" * 128, LONGEST, max_cookies)
    lines = writer.set("x" * writer.capacity, MAX_AGE)
    assert len(lines) == max_cookies
    assert max(map(len, lines)) == 4093
    lines = writer.set("x" * (writer.capacity + 1), MAX_AGE)
    assert len(lines) > max_cookies


def test_max_age_is_at_most_400_days():
    writer = Writer("session", CookieAttributes(), 1)
    assert "; Max-Age=34560000;" in writer.set("x", 34_560_001)[0]
    assert "Max-Age" not in writer.set("x", None)[0]


@pytest.mark.parametrize("attributes", [CookieAttributes(), LONGEST], ids=["default", "longest"])
def test_a_deletion_has_the_attributes_of_what_it_deletes(attributes):
    """O7."""
    writer = Writer("session", attributes, 1)
    line = writer.delete(writer.name)
    assert is_deletion(line)
    name, *deleted = line.split("; ")
    _, _, *written = writer.set("x", 60)[0].split("; ")
    assert name == f"{writer.name}="
    assert deleted == ["Max-Age=0", "Expires=Thu, 01 Jan 1970 00:00:00 GMT", *written]
