import itertools
import subprocess
import sys
from collections import Counter, OrderedDict, defaultdict
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal, localcontext
from enum import IntEnum, StrEnum
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cookiesession import UnsavableSession, _pack
from cookiesession._names import NAMES
from cookiesession._pack import MAX_DEPTH, pack, pack_value, unpack, unpack_value
from tests.strategies import SAMPLE, exact, html, scalars, sessions, values


class Point(NamedTuple):
    x: int


@given(sessions)
@example(SAMPLE)
def test_what_was_packed_comes_back_in_value_and_exact_type(data):
    body = pack(data)
    assert exact(unpack(body)) == exact(data)
    assert pack(unpack(body)) == body


@given(values)
def test_a_single_value_comes_back_too(value):
    assert exact(unpack_value(pack_value(value))) == exact(value)


def is_refused(read, packed) -> bool:
    try:
        read(packed)
    except Exception:  # noqa: BLE001  any class is a refusal
        return True
    return False


@given(st.data())
def test_any_body_is_refused_or_packs_to_itself(data):
    """C12. Bodies that were ours until some bytes changed, and bytes that never were."""
    body = bytearray(pack(data.draw(sessions)))
    for position in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=3)):
        body[position] = data.draw(st.integers(0, 255))
    for candidate in (bytes(body), bytes(body[:-1]), b"\x81\xa1x" + data.draw(st.binary())):
        assert is_refused(unpack, candidate) or pack(unpack(candidate)) == candidate


@pytest.mark.parametrize("length", [9, 10, 20])
def test_a_long_int_takes_the_fewest_bytes_that_hold_it(length):
    """C12. Another writer that follows the format must write the same."""
    bits = 8 * length - 1
    for value, fewest in (
        (2**bits - 1, length),
        (-(2**bits), length),
        (2**bits, length + 1),
        (-(2**bits) - 1, length + 1),
    ):
        assert pack_value(value) == ext(4, value.to_bytes(fewest, "big", signed=True))


def test_every_value_of_one_and_two_bytes_is_refused_or_packs_to_itself():
    """C12. All of them, not a sample."""
    packed = [bytes(pair) for pair in itertools.product(range(256), repeat=2)]
    packed += [bytes([byte]) for byte in range(256)]
    accepted = [one for one in packed if not is_refused(unpack_value, one)]
    assert [pack_value(unpack_value(one)) for one in accepted] == accepted
    assert len(accepted) > 400


def test_the_same_data_comes_back_in_another_process():
    """C9. And packs to the same bytes, whatever the hash seed: sets and dicts of every type."""
    program = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from cookiesession._pack import pack, unpack\n"
        "from tests.strategies import SAMPLE, exact\n"
        "body = bytes.fromhex(sys.stdin.read())\n"
        "assert exact(unpack(body)) == exact(SAMPLE)\n"
        "print(pack(SAMPLE).hex())\n"
    )
    body = pack(SAMPLE).hex()
    for seed in ("0", "1", "42"):
        seen = subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent.parent)],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            input=body,
            capture_output=True,
            text=True,
            check=True,
        )
        assert seen.stdout.strip() == body


# What is refused in loading. Each body here is one that a forger with the key might write, and
# differs from what `pack` writes in one respect, after which it is named.


def of(value: bytes) -> bytes:
    """Return the body of {"x": value}."""
    return b"\x81\xa1x" + value


def ext(code: int, data: bytes = b"") -> bytes:
    fixed = {1: b"\xd4", 2: b"\xd5", 4: b"\xd6", 8: b"\xd7", 16: b"\xd8"}
    head = fixed.get(len(data)) or b"\xc7" + bytes([len(data)])
    return head + bytes([code % 256]) + data


def moment(code: int, tail: bytes = b"") -> bytes:
    return ext(code, bytes.fromhex("07eb 010f 0800 00 00000000") + tail)


TUPLE, SET, FROZENSET, HTML = (ext(code) for code in (1, 2, 3, 13))

# What C reads as the same value: (as spelled, as we spell it).
SPELLINGS = {
    "uint8 for a fixint": (of(b"\xcc\x01"), of(b"\x01")),
    "uint16 for a fixint": (of(b"\xcd\x00\x01"), of(b"\x01")),
    "uint16 for a uint8": (of(b"\xcd\x00\xff"), of(b"\xcc\xff")),
    "uint32 for a uint16": (of(b"\xce\x00\x00\xff\xff"), of(b"\xcd\xff\xff")),
    "uint64 for a uint32": (of(b"\xcf" + bytes(4) + b"\xff" * 4), of(b"\xce" + b"\xff" * 4)),
    "int8 of a positive": (of(b"\xd0\x01"), of(b"\x01")),
    "int8 for a negative fixint": (of(b"\xd0\xff"), of(b"\xff")),
    "int16 for an int8": (of(b"\xd1\xff\x80"), of(b"\xd0\x80")),
    "int32 for a fixint": (of(b"\xd2\xff\xff\xff\xff"), of(b"\xff")),
    "int64 for a fixint": (of(b"\xd3" + b"\xff" * 8), of(b"\xff")),
    "int64 of a positive": (of(b"\xd3\x7f" + b"\xff" * 7), of(b"\xcf\x7f" + b"\xff" * 7)),
    "float32": (of(b"\xca\x3f\x80\x00\x00"), of(b"\xcb\x3f\xf0" + bytes(6))),
    "str8 for a fixstr": (of(b"\xd9\x01a"), of(b"\xa1a")),
    "str16 for a fixstr": (of(b"\xda\x00\x01a"), of(b"\xa1a")),
    "str32 for a fixstr": (of(b"\xdb\x00\x00\x00\x01a"), of(b"\xa1a")),
    "bin16 for a bin8": (of(b"\xc5\x00\x01a"), of(b"\xc4\x01a")),
    "bin32 for a bin8": (of(b"\xc6\x00\x00\x00\x01a"), of(b"\xc4\x01a")),
    "array16 for a fixarray": (of(b"\xdc\x00\x01\x01"), of(b"\x91\x01")),
    "array32 for a fixarray": (of(b"\xdd\x00\x00\x00\x01\x01"), of(b"\x91\x01")),
    "map16 for a fixmap": (of(b"\xde\x00\x01\x01\x01"), of(b"\x81\x01\x01")),
    "map32 for a fixmap": (of(b"\xdf\x00\x00\x00\x01\x01\x01"), of(b"\x81\x01\x01")),
    "map16 for the body": (b"\xde\x00\x01\xa1x\x01", of(b"\x01")),
    "ext8 for a fixext": (of(b"\xc7\x10\x05" + bytes(16)), of(b"\xd8\x05" + bytes(16))),
    "ext16 for an ext8": (of(b"\xc8\x00\x09\x04\1" + bytes(8)), of(ext(4, b"\1" + bytes(8)))),
    "ext16 for a mark": (of(b"\x91\xc8\x00\x00\x01"), of(b"\x91" + TUPLE)),
    "a duplicate key": (b"\x82\xa1x\x01\xa1x\x02", of(b"\x02")),
    "a duplicate key, nested": (of(b"\x82\x01\x01\x01\x02"), of(b"\x81\x01\x02")),
    "keys that are equal": (of(b"\x82\x01\x01\xc3\x02"), of(b"\x81\x01\x02")),
    "a name of the table in full": (b"\x81\xa4cart\x01", b"\x81\x69\x01"),
    "a long str header for a name": (b"\x81\xd9\x01x\x01", of(b"\x01")),
    "an index as uint8": (b"\x81\xcc\x69\x01", b"\x81\x69\x01"),
    "a negative index": (b"\x81\xff\x01", b"\x81\x6f\x01"),
    "an unsorted set": (of(b"\x93" + SET + b"\x02\x01"), of(b"\x93" + SET + b"\x01\x02")),
    "a duplicate member": (of(b"\x93" + SET + b"\x01\x01"), of(b"\x92" + SET + b"\x01")),
    "members that are equal": (of(b"\x93" + SET + b"\x01\xc3"), of(b"\x92" + SET + b"\x01")),
    "an unsorted frozenset": (
        of(b"\x93" + FROZENSET + b"\x02\x01"),
        of(b"\x93" + FROZENSET + b"\x01\x02"),
    ),
    "an extension's int within 64 bits": (of(ext(4, b"\1")), of(b"\x01")),
    "an extension's int of no bytes": (of(ext(4)), of(b"\x00")),
    "a long int with a zero before": (
        of(ext(4, b"\0\1" + bytes(8))),
        of(ext(4, b"\1" + bytes(8))),
    ),
    "a long negative int with a sign byte more": (
        of(ext(4, b"\xff\xfe" + bytes(8))),
        of(ext(4, b"\xfe" + bytes(8))),
    ),
    "a Decimal with a small e": (of(ext(6, b"1e+5")), of(ext(6, b"1E+5"))),
    "a Decimal without a sign": (of(ext(6, b"1E5")), of(ext(6, b"1E+5"))),
    "a Decimal with a plus": (of(ext(6, b"+1")), of(ext(6, b"1"))),
    "a Decimal with a zero before": (of(ext(6, b"01")), of(ext(6, b"1"))),
    "a Decimal with a space": (of(ext(6, b" 1")), of(ext(6, b"1"))),
    "a Decimal with an underscore": (of(ext(6, b"1_0")), of(ext(6, b"10"))),
    "a Decimal without its zero": (of(ext(6, b".5")), of(ext(6, b"0.5"))),
    "a Decimal infinity in short": (of(ext(6, b"inf")), of(ext(6, b"Infinity"))),
    "a date in one byte": (of(ext(7, b"\1")), of(ext(7, b"\0\0\0\1"))),
    "a date in five bytes": (of(ext(7, b"\0\0\0\0\1")), of(ext(7, b"\0\0\0\1"))),
    "a timedelta of 86400 s": (
        of(ext(9, b"\0\0\0\0\x00\x01\x51\x80\0\0\0\0")),
        of(ext(9, b"\0\0\0\1" + bytes(8))),
    ),
    "a timedelta of a million microseconds": (
        of(ext(9, bytes(8) + b"\x00\x0f\x42\x40")),
        of(ext(9, bytes(7) + b"\1" + bytes(4))),
    ),
    "an offset of 0": (of(moment(12, bytes(4))), of(moment(11))),
    "a byte behind": (of(b"\x01") + b"\x00", of(b"\x01")),
    "a second body behind": (of(b"\x01") * 2, of(b"\x01")),
}


@pytest.mark.parametrize(("spelled", "ours"), SPELLINGS.values(), ids=SPELLINGS)
def test_another_spelling_of_a_body_is_refused(spelled, ours):
    """C12. One value, one spelling."""
    assert pack(unpack(ours)) == ours
    assert is_refused(unpack, spelled)


BAD_BODIES = {
    "nothing": b"",
    "nil": b"\xc0",
    "an int": b"\x01",
    "a string": b"\xa1x",
    "an array": b"\x91\x00",
    "an empty array": b"\x90",
    "a tuple": b"\x91" + TUPLE,
    "the byte that msgpack never uses": of(b"\xc1"),
    "a map without its value": b"\x81\xa1x",
    "a string without its end": of(b"\xa2a"),
    "a string that is not UTF-8": of(b"\xa1\xff"),
    "a string of a lone surrogate": of(b"\xa3\xed\xa0\x80"),
    "an overlong NUL": of(b"\xa2\xc0\x80"),
    "a key that is nil": b"\x81\xc0\x01",
    "a key that is a bool": b"\x81\xc3\x01",
    "a key that is a float": b"\x81\xcb" + bytes(8) + b"\x01",
    "a key that is bytes": b"\x81\xc4\x01x\x01",
    "a key that is a tuple": b"\x81\x91" + TUPLE + b"\x01",
    "a key that is a mark": b"\x81" + TUPLE + b"\x01",
    "a key beyond 64 bits": b"\x81" + ext(4, b"\1" + bytes(8)) + b"\x01",
    "a key that is HTML": b"\x81\x92" + HTML + b"\xa1x\x01",
    "a nested key that is a list": of(b"\x81\x90\x01"),
    "a nested key that is a map": of(b"\x81\x80\x01"),
    "a nested key that is a set": of(b"\x81\x91" + SET + b"\x01"),
    "a set of lists": of(b"\x92" + SET + b"\x90"),
    "a frozenset of sets": of(b"\x92" + FROZENSET + b"\x91" + SET),
    "a mark alone": of(TUPLE),
    "a mark that stands second": of(b"\x92\x01" + TUPLE),
    "two marks": of(b"\x92" + TUPLE + TUPLE),
    "a mark among a set's members": of(b"\x92" + SET + TUPLE),
    "a mark for a key": of(b"\x81" + TUPLE + b"\x01"),
    "a mark with data": of(b"\x91" + ext(1, b"\0")),
    "a Timestamp of 32 bits": of(ext(-1, bytes(4))),
    "a Timestamp of 64 bits": of(ext(-1, bytes(8))),
    "a Timestamp of 96 bits": of(ext(-1, bytes(12))),
    "a Timestamp in a list": of(b"\x91" + ext(-1, bytes(4))),
    "a Timestamp in a set": of(b"\x92" + SET + ext(-1, bytes(4))),
    "a Timestamp for a key": of(b"\x81" + ext(-1, bytes(4)) + b"\x01"),
    "a key that is a Timestamp": b"\x81" + ext(-1, bytes(4)) + b"\x01",
    "a UUID of 15 bytes": of(ext(5, bytes(15))),
    "a UUID of 17 bytes": of(ext(5, bytes(17))),
    "a Decimal of nothing": of(ext(6)),
    "a Decimal that is no number": of(ext(6, b"one")),
    "a Decimal of foreign digits": of(ext(6, "٣".encode())),
    "a Decimal that is not ASCII": of(ext(6, b"\xb2")),
    "a date before the first": of(ext(7, bytes(4))),
    "a date after the last": of(ext(7, b"\xff" * 4)),
    "a time of 24 hours": of(ext(8, b"\x18" + bytes(6))),
    "a time of a million microseconds": of(ext(8, b"\0\0\0\x00\x0f\x42\x40")),
    "a time with an unused bit": of(ext(8, b"\0\0\0\x40\0\0\0")),
    "a time cut short": of(ext(8, bytes(6))),
    "a timedelta beyond the longest": of(ext(9, b"\x7f\xff\xff\xff" + bytes(8))),
    "a timedelta with a byte more": of(ext(9, bytes(13))),
    "a datetime of year 0": of(ext(10, b"\0\0\1\1" + bytes(7))),
    "a datetime of year 10000": of(ext(10, b"\x27\x10\1\1" + bytes(7))),
    "a datetime of 30 February": of(ext(10, b"\x07\xeb\2\x1e" + bytes(7))),
    "a datetime of second 60": of(ext(10, b"\x07\xeb\1\1\0\0\x3c" + bytes(4))),
    "a datetime with an unused bit": of(ext(10, b"\x07\xeb\1\1\0\0\0\x40\0\0\0")),
    "a naive datetime with an offset": of(moment(10, bytes(4))),
    "a UTC datetime with an offset": of(moment(11, bytes(4))),
    "an offset of a day": of(moment(12, b"\0\1\x51\x80")),
    "an offset of two bytes": of(moment(12, b"\0\1")),
    "no offset": of(moment(12)),
    "HTML of nothing": of(b"\x91" + HTML),
    "HTML of two texts": of(b"\x93" + HTML + b"\xa1x\xa1y"),
    "HTML of an int": of(b"\x92" + HTML + b"\x01"),
    "HTML of bytes": of(b"\x92" + HTML + b"\xc4\x01x"),
    "HTML of a Timestamp": of(b"\x92" + HTML + ext(-1, bytes(4))),
    "HTML of HTML": of(b"\x92" + HTML + b"\x92" + HTML + b"\xa1x"),
    "a compressed value in a list": of(b"\x91" + ext(90, b"\x03\x00")),
    "a compressed value in a tuple": of(b"\x92" + TUPLE + ext(90, b"\x03\x00")),
    "a compressed value in a set": of(b"\x92" + SET + ext(90, b"\x03\x00")),
    "a key that is compressed": b"\x81" + ext(90, b"\x03\x00") + b"\x01",
    "a compressed key": of(b"\x81" + ext(90, b"\x03\x00") + b"\x01"),
}  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_body_that_says_nothing_of_ours_is_refused(body):
    """C9, C12. A closed list of types, each within its bounds."""
    assert is_refused(unpack, body)


EQUAL = {
    "numbers": (1, Decimal("1.0")),
    "a bool and a float": (True, 1.0),
    "zeros": (0.0, -0.0),
    "tuples of them": ((1, "x"), (True, "x")),
    "frozensets of them": (frozenset({1}), frozenset({1.0})),
    "instants": (
        datetime(2027, 1, 15, 8, tzinfo=timezone.utc),
        datetime(2027, 1, 15, 9, tzinfo=timezone(timedelta(hours=1))),
    ),
    "times but for their fold": (time(8), time(8, fold=1)),
    "datetimes but for their fold": (datetime(2027, 1, 15), datetime(2027, 1, 15, fold=1)),
    "a text, safe as HTML and not": ("x", html("x")),
}


@pytest.mark.parametrize(("one", "other"), EQUAL.values(), ids=EQUAL)
def test_no_two_keys_and_no_two_members_are_equal(one, other):
    """C12. As Python compares, though their bytes differ: one of them would get lost."""
    first, second = sorted((pack_value(one), pack_value(other)))
    assert first != second
    assert is_refused(unpack, of(b"\x82" + first + b"\x01" + second + b"\x02"))
    assert is_refused(unpack, of(b"\x93" + SET + first + second))


def test_nan_equals_nothing_but_stands_in_a_set_once():
    """C12."""
    nan = pack_value(float("nan"))
    twice = of(b"\x82" + nan + b"\x01" + nan + b"\x02")
    assert pack(unpack(twice)) == twice
    assert is_refused(unpack, of(b"\x93" + SET + nan + nan))


@pytest.mark.parametrize("index", range(112, 128))
def test_a_reserved_index_is_refused(index):
    """C12. 112 to 127 are the next format's."""
    assert is_refused(unpack, bytes([0x81, index, 0x01]))


def test_every_index_is_its_name():
    for index, name in enumerate(NAMES):
        assert pack({name: 1}) == bytes([0x81, index, 0x01])
        assert unpack(bytes([0x81, index, 0x01])) == {name: 1}
    assert pack({"x": {"cart": 1}}) == of(b"\x81\xa4cart\x01"), "only at the top"


LISTED = {*range(1, 14), 90}


@pytest.mark.parametrize("data", [b"", b"\0", b"1", bytes(4), bytes(11), bytes(16)])
def test_an_unlisted_extension_is_refused(data):
    """C9. All 256 codes but ours, msgpack's own Timestamp among them."""
    for code in set(range(-128, 128)) - LISTED:
        assert is_refused(unpack, of(ext(code, data)))
        assert is_refused(unpack, of(b"\x92" + ext(code, data) + b"\x01"))


# What is refused in saving.


class Text(str):
    __slots__ = ()


class Zone(tzinfo):
    def utcoffset(self, moment):
        return timedelta(0)


def subclass(kind: type, *arguments: object) -> object:
    return type("Sub", (kind,), {})(*arguments)


def endless() -> list:
    inner: list = []
    inner.append(inner)
    return inner


NOON = datetime(2027, 1, 15, 12)
UNSAVABLE = {
    "an object": object(),
    "a class": dict,
    "a function": len,
    "a complex number": 1j,
    "a range": range(3),
    "a generator": iter(()),
    "a bytearray": bytearray(b"x"),
    "a memoryview": memoryview(b"x"),
    "a str subclass": Text("x"),
    "a bytes subclass": subclass(bytes, b"x"),
    "an int subclass": subclass(int, 1),
    "a long int's subclass": subclass(int, 2**70),
    "a float subclass": subclass(float, 1.5),
    "an int enum": IntEnum("Size", "small")(1),
    "a str enum": StrEnum("Size", "small")("small"),
    "a named tuple": Point(1),
    "a list subclass": subclass(list),
    "a dict subclass": subclass(dict),
    "a set subclass": subclass(set),
    "a frozenset subclass": subclass(frozenset),
    "a defaultdict": defaultdict(list),
    "an OrderedDict": OrderedDict(),
    "a Counter": Counter(),
    "a dict's keys": {}.keys(),
    "a UUID subclass": subclass(UUID, "0" * 32),
    "a Decimal subclass": subclass(Decimal, "1"),
    "a date subclass": subclass(date, 2027, 1, 15),
    "a datetime subclass": subclass(datetime, 2027, 1, 15),
    "a timedelta subclass": subclass(timedelta, 1),
    "a msgpack extension": msgpack.ExtType(1, b""),
    "a msgpack Timestamp": msgpack.Timestamp(1),
    "a time with a zone": time(12, tzinfo=timezone.utc),
    "a named time zone": NOON.replace(tzinfo=ZoneInfo("UTC")),
    "a zone of one's own": NOON.replace(tzinfo=Zone()),
    "an offset with a name": NOON.replace(tzinfo=timezone(timedelta(hours=1), "CET")),
    "UTC with another name": NOON.replace(tzinfo=timezone(timedelta(0), "GMT")),
    "an offset of microseconds": NOON.replace(tzinfo=timezone(timedelta(microseconds=1))),
    "a set that holds NaN twice": {float("nan"), float("nan")},
    "a lone surrogate": "\ud800",
    "a list that holds itself": endless(),
}


@pytest.mark.parametrize("value", UNSAVABLE.values(), ids=UNSAVABLE)
def test_what_would_not_come_back_as_it_was_cannot_be_saved(value):
    """C9. By exact type, wherever it stands."""
    for holder in (value, [value], (value,), {"k": value}, {1: [{"k": value}]}):
        with pytest.raises(UnsavableSession):
            pack({"x": holder})
    try:
        hash(value)
    except TypeError:
        return
    for holder in ({value}, frozenset({value}), {value: 1}, {(value,): 1}):
        with pytest.raises(UnsavableSession):
            pack({"x": holder})


@pytest.mark.parametrize("key", [1, b"x", None, ("x",), Text("x"), html("x")])
def test_top_level_keys_are_text(key):
    why = f"top-level keys must be str, not {type(key).__name__}"
    with pytest.raises(UnsavableSession, match=why) as refused:
        pack({"a": 1, key: 2})
    assert refused.value.path == ""


@pytest.mark.parametrize("data", [{"\ud800": 1}, {"x": "\ud800"}, {"x": [{"\ud800": 1}]}])
def test_the_error_says_what_a_lone_surrogate_is(data):
    """Python's own words for it would show the text."""
    with pytest.raises(UnsavableSession, match=": it holds a lone surrogate, which is not Unicode"):
        pack(data)


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"x": object()}, "x"),
        ({"a": 1, "cart": [1, 2, {"price": 1j}]}, "cart[2].price"),
        ({"a": ((), ({"b": [1j]},))}, "a[1][0].b[0]"),
        ({"a": {1: {"b": 1j}}}, "a[...].b"),
        ({"a": {"b": 1, 1j: 2}}, "a.{key 1}"),
        ({"a": {(1, 1j): 2}}, "a.{key 0}[1]"),
        ({"a": {1j}}, "a[0]"),
        ({"a": ["fine", "\ud800"]}, "a[1]"),
        ({"": {"": 1j}}, ""),
    ],
)
def test_the_error_leads_to_what_cannot_be_saved(data, path):
    """G2. And shows nothing of it but its type."""
    with pytest.raises(UnsavableSession) as refused:
        pack(data)
    assert refused.value.path == path
    assert "1j" not in str(refused.value)
    assert "fine" not in str(refused.value)


# Depth.


def nested(depth: int, wrap) -> object:
    """Return a value whose innermost container has this depth, where the body map has 1."""
    value: object = 0
    for _ in range(depth - 1):
        value = wrap(value)
    return value


NESTINGS = {
    "lists": lambda value: [value],
    "tuples": lambda value: (value,),
    "maps": lambda value: {"k": value},
}


@pytest.mark.parametrize("wrap", NESTINGS.values(), ids=NESTINGS)
def test_32_levels_can_be_saved_and_33_cannot(wrap):
    """S1, S2. In saving."""
    data = {"x": nested(MAX_DEPTH, wrap)}
    assert unpack(pack(data)) == data
    with pytest.raises(UnsavableSession, match="deeper than 32"):
        pack({"x": nested(MAX_DEPTH + 1, wrap)})


def test_the_error_leads_past_what_is_as_deep_as_may_be():
    """G2."""
    deepest = nested(MAX_DEPTH - 1, NESTINGS["lists"])
    for data, path in (
        ({"a": [deepest], "b": 1j}, "b"),
        ({"a": [deepest, 1j]}, "a[1]"),
        ({"a": [[deepest]]}, "a" + "[0]" * 31),
        ({"a": nested(MAX_DEPTH + 9, NESTINGS["lists"])}, "a" + "[0]" * 31),
    ):
        with pytest.raises(UnsavableSession) as refused:
            pack(data)
        assert refused.value.path == path


def test_keys_are_as_deep_as_values():
    """S1, S2. A map and a tuple that is its key are two levels, as a list in a list is."""
    key = nested(MAX_DEPTH - 1, NESTINGS["tuples"])
    assert unpack(pack({"x": {key: 1}})) == {"x": {key: 1}}
    with pytest.raises(UnsavableSession, match="deeper than 32"):
        pack({"x": {(key,): 1}})


def test_html_is_as_deep_as_any_array():
    """S1, S2. It is written as an array, and the format counts every array."""
    assert unpack(pack({"x": nested(MAX_DEPTH - 1, lambda value: [value or html("x")])}))
    with pytest.raises(UnsavableSession, match="deeper than 32"):
        pack({"x": nested(MAX_DEPTH, lambda value: [value or html("x")])})


# An opening that nests itself, and the innermost value.
DEEP = {
    "lists": (b"\x91", b"\x01"),
    "maps": (b"\x81\xa1k", b"\x01"),
    "tuples": (b"\x92" + TUPLE, b"\x01"),
    "keys": (b"\x81\x92" + TUPLE, b"\x01" * 100_000),
}


@pytest.mark.parametrize("kind", ["lists", "maps", "tuples"])
def test_32_levels_are_read_and_33_are_not(kind):
    """S1, S2. In loading."""
    opening, innermost = DEEP[kind]
    assert unpack(of(opening * 31 + innermost))
    assert is_refused(unpack, of(opening * 32 + innermost))


@pytest.mark.parametrize(("opening", "innermost"), DEEP.values(), ids=DEEP)
def test_deep_nesting_is_refused_in_a_thread(opening, innermost):
    """S1, S2. A thread has a smaller stack, and no recursion of ours or of C's may fill it."""
    bodies = [of(opening * depth + innermost) for depth in (33, 500, 511, 512, 1023, 1024, 50_000)]
    verdicts: list[bool] = []
    thread = Thread(target=lambda: verdicts.extend(is_refused(unpack, body) for body in bodies))
    thread.start()
    thread.join()
    assert verdicts == [True] * len(bodies)


def test_extensions_in_extensions_are_never_opened():
    """S1, S2. Elsewhere, 24 of them crash a thread: each opens the next."""
    data = b""
    for _ in range(24):
        data = ext(1, data)
    assert is_refused(unpack, of(data))
    assert is_refused(unpack, of(b"\x91" + data))


# What depends on the surroundings.


def test_html_comes_back_as_markup_where_that_is_installed(monkeypatch):
    Markup = type("Markup", (str,), {"__html__": lambda self: self})  # noqa: N806
    body = pack({"x": Markup("<b>")})
    monkeypatch.setitem(sys.modules, "markupsafe", SimpleNamespace(Markup=Markup))
    assert type(unpack(body)["x"]) is Markup
    monkeypatch.setitem(sys.modules, "markupsafe", None)
    bare = unpack(body)["x"]
    assert bare == bare.__html__() == "<b>"
    assert pack({"x": bare}) == body
    assert body == of(b"\x92" + HTML + b"\xa3<b>")


def test_html_is_saved_as_its_text_whatever_its_methods_say():
    class Lying(str):
        __slots__ = ()

        def __html__(self):
            return "another"

        def __str__(self):
            return "another"

    assert pack({"x": Lying("x")}) == pack({"x": html("x")})


def test_the_threads_decimal_context_changes_nothing():
    """C12. One spelling, though a context may ask for another, or for fewer digits."""
    data = {
        "x": [Decimal("1E+5"), Decimal("3.14159265358979"), Decimal("sNaN"), Decimal("Infinity")]
    }
    body = pack(data)
    with localcontext() as context:
        context.capitals, context.prec = 0, 2
        context.clear_traps()
        assert pack(data) == body
        assert exact(unpack(body)) == exact(data)
        assert is_refused(unpack, of(ext(6, b"one")))


@given(scalars)
def test_a_scalar_is_the_same_alone_and_in_containers(value):
    for holder in ([value], (value,), {"k": value}):
        assert exact(unpack_value(pack_value(holder))) == exact(holder)


@pytest.mark.parametrize(
    "packed",
    [
        pytest.param(b"\xc0\xc0", id="a value behind"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xcc\x01", id="a long form"),
        pytest.param(ext(90, b"\x03\x00"), id="a compressed value"),
        pytest.param(b"\x91" + ext(90, b"\x03\x00"), id="a compressed value in a list"),
        pytest.param(TUPLE, id="a mark"),
        pytest.param(b"\x91" * 32 + b"\x01", id="too deep"),
    ],
)
def test_a_single_value_is_read_as_strictly_as_a_body(packed):
    assert is_refused(unpack_value, packed)


def test_a_single_value_is_read_as_deep_as_in_a_body():
    """S1, S2."""
    assert unpack_value(b"\x91" * 31 + b"\x01")


def test_a_single_value_that_cannot_be_saved_is_an_error():
    for value in (object(), Text("x"), [subclass(int, 1)]):
        with pytest.raises(TypeError, match="is not a type that a session can hold"):
            pack_value(value)


def test_sets_inside_sets_are_packed_once(monkeypatch):
    """With two packings a level, what is 32 levels deep would take a day."""
    nested, mixed = frozenset({1}), frozenset({1})
    for number in range(14):
        nested, mixed = frozenset({nested, number}), frozenset({(mixed, number)})
    data = {"nested": nested, "mixed": mixed}
    packings = []
    monkeypatch.setattr(_pack, "pack_value", lambda it: packings.append(it) or pack_value(it))
    assert unpack(_pack.pack(data)) == data
    assert len(packings) < 200
