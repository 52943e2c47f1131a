import tracemalloc
import zlib
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiesession import _compress
from cookiesession._compress import decompress
from cookiesession._names import NAMES
from cookiesession._pack import Deflated, pack, pack_value, unpack
from tests.strategies import exact, sessions

WORTH_IT = 256  # as `docs/format.md` says
MAX_INFLATED = 65_536
PROSE = "the quick brown fox jumps over the lazy dog, and again: "
NOISE = Random(1).randbytes(5_000)  # no compressor makes it shorter

long_texts = st.builds(
    lambda text, times: (text * times)[:3_000], st.text(min_size=1), st.integers(1, 300)
)
large = st.one_of(
    long_texts,
    long_texts.map(str.encode),
    st.lists(long_texts, max_size=3),
    long_texts.map(lambda text: ({"k": text}, text)),
    st.binary(min_size=240, max_size=300),
)


def deflate(packed: bytes, wbits: int = -15) -> Deflated:
    deflater = zlib.compressobj(wbits=wbits)
    return Deflated(deflater.compress(packed) + deflater.flush())


def unfinished(packed: bytes) -> Deflated:
    """Return a stream that gives all of its data, and then promises more."""
    deflater = zlib.compressobj(wbits=-15)
    return Deflated(deflater.compress(packed) + deflater.flush(zlib.Z_SYNC_FLUSH))


def text_of(packed_length: int) -> str:
    """Return a text that packs to so many bytes, of which 2 or 3 are header."""
    header = 2 if packed_length <= 2 + 255 else 3
    text = (PROSE * (packed_length // len(PROSE) + 1))[: packed_length - header]
    assert len(pack_value(text)) == packed_length
    return text


def compress(data):
    """Return what a reader finds in a compressed body: `Deflated` in place of values."""
    return unpack(_compress.compress(pack(data)))


def is_refused(data) -> bool:
    try:
        decompress(data)
    except Exception:  # noqa: BLE001  any class is a refusal
        return True
    return False


@given(sessions, st.dictionaries(st.text(), large, max_size=3))
def test_what_was_compressed_comes_back(small, large):
    data = {**small, **large}
    before = exact(data)
    assert exact(decompress(dict(compress(data)))) == before
    assert exact(data) == before, "the caller's dict is not touched"


def naively_compressed(data):
    """Choose value by value, as `docs/format.md` says, out of the data and not of the bytes."""
    left = MAX_INFLATED
    compressed = {}
    for name, value in data.items():
        packed = pack_value(value)
        deflated = pack_value(deflate(packed, wbits=-12))
        if WORTH_IT <= len(packed) <= left and len(deflated) < len(packed):
            left -= len(packed)
            compressed[name] = deflate(packed, wbits=-12)
        else:
            compressed[name] = value
    return pack(compressed)


huge = st.builds(
    lambda text, length: (text * length)[:length],
    st.text(min_size=1),
    st.sampled_from([15_000, 30_000, 60_000]),
)


@given(sessions, st.dictionaries(st.text() | st.sampled_from(NAMES), large | huge, max_size=4))
def test_values_are_chosen_and_replaced_within_the_bytes_as_within_the_data(small, large):
    data = {**large, **small}
    assert _compress.compress(pack(data)) == naively_compressed(data)


@given(st.binary(max_size=50), st.booleans())
def test_any_compressed_value_is_refused_or_inflates_to_one_longer_value(content, as_is):
    deflated = Deflated(content) if as_is else deflate(content * 20)
    data = {"x": deflated}
    if not is_refused(data):
        assert len(pack_value(data["x"])) > len(pack_value(deflated))


@pytest.mark.parametrize(
    ("value", "worth_it"),
    [
        pytest.param(text_of(WORTH_IT), True, id="as large as is worth it"),
        pytest.param(text_of(WORTH_IT - 1), False, id="a byte less"),
        pytest.param("é" * 150, True, id="short in characters, large in bytes"),
        pytest.param("é" * 100, False, id="small in bytes as well"),
        pytest.param(b"x" * 254, True, id="bytes"),
        pytest.param([0] * 600, True, id="a list"),
        pytest.param((PROSE * 20,), True, id="a tuple"),
        pytest.param({"k": PROSE * 20}, True, id="a map"),
        pytest.param({PROSE * 20}, True, id="a set"),
        pytest.param(frozenset({PROSE * 20}), True, id="a frozenset"),
        pytest.param(NOISE, False, id="what does not get shorter"),
        pytest.param(8**2000, True, id="a number"),
        pytest.param([1, "x"], False, id="a small list"),
    ],
)
def test_large_values_are_compressed_where_that_is_shorter(value, worth_it):
    data = {"small": 1, "x": value}
    compressed = compress(data)
    assert (type(compressed["x"]) is Deflated) == worth_it
    assert (compressed == data) == (not worth_it)
    assert compressed["small"] == 1
    assert list(compressed) == ["small", "x"]
    assert len(pack_value(compressed["x"])) <= len(pack_value(value))


@given(large, large)
def test_no_value_changes_what_another_compresses_to(one, other):
    """C15. Byte by byte, not only in length: no two values share a compressor."""
    together = compress({"one": one, "other": other})
    assert together["one"] == compress({"one": one})["one"]
    assert together["other"] == compress({"other": other})["other"]


def test_likeness_to_a_secret_does_not_show_in_the_length():
    """C15. CRIME and BREACH: the very secret, guessed in another value, costs as much as a miss."""
    secret = PROSE * 20 + "token=0123456789abcdef"
    guesses = (secret, secret[:-8] + "xxxxxxxx", PROSE * 20 + "nothing like it......")
    for guess in guesses:
        compressed = compress({"secret": secret, "guess": guess})
        assert compressed["secret"] == compress({"secret": secret})["secret"]
        assert compressed["guess"] == compress({"guess": guess})["guess"]


def test_the_docs_say_what_to_keep_apart():
    """C15."""
    page = (Path(__file__).parent.parent / "docs" / "why.md").read_text(encoding="utf-8")
    advice = "keep secrets and strangers' text in different top-level keys, or set `compress=False`"
    assert advice in " ".join(page.split())


# Bounds.


def test_65_536_bytes_are_inflated_and_one_more_is_not():
    """S1, S2. One value."""
    most = text_of(MAX_INFLATED)
    assert decompress({"x": deflate(pack_value(most))}) == {"x": most}
    assert is_refused({"x": deflate(pack_value(most + "x"))})


def test_the_limit_is_one_for_the_whole_cookie():
    """S1, S2. Values add up, so that many small bombs are no larger than one."""
    half = deflate(pack_value(text_of(MAX_INFLATED // 2)))
    assert decompress({"a": half, "b": half})
    assert is_refused({"a": half, "b": half, "c": deflate(pack_value("x" * 30))})
    assert is_refused({"a": half, "b": deflate(pack_value(text_of(MAX_INFLATED // 2 + 1)))})


def test_what_was_saved_is_within_the_limit_of_loading():
    """S1, S2. In saving, what would exceed it stays as it is."""
    half, small = text_of(MAX_INFLATED // 2), text_of(WORTH_IT)
    data = {"a": half, "b": half, "c": small}
    compressed = compress(data)
    assert [type(value) for value in compressed.values()] == [Deflated, Deflated, str]
    assert decompress(compressed) == data
    assert type(compress({"x": text_of(MAX_INFLATED)})["x"]) is Deflated
    assert type(compress({"x": text_of(MAX_INFLATED + 1)})["x"]) is str


def test_a_bomb_is_not_inflated():
    """S1, S2. 16 MiB in 16 KiB take no more memory than what is allowed."""
    bomb = deflate(bytes(2**24))
    assert len(bomb) < 20_000
    tracemalloc.start()
    try:
        assert is_refused({"x": bomb})
        assert tracemalloc.get_traced_memory()[1] < 4 * MAX_INFLATED
    finally:
        tracemalloc.stop()


def test_a_compressed_value_is_as_deep_as_any_may_be():
    """S1, S2. Extension 90 adds no depth, and hides none."""
    deepest = [PROSE * 20]
    for _ in range(30):
        deepest = [deepest]
    assert compress({"x": deepest}) != {"x": deepest} == decompress(compress({"x": deepest}))
    assert is_refused({"x": deflate(pack_value([deepest]))})


LONG = pack_value(PROSE * 20)

BAD_STREAMS = {
    "nothing": b"",
    "not deflate": b"\xff" * 40,
    "cut short": deflate(LONG)[:-1],
    "without its last block": deflate(LONG)[:-5],
    "whole, but without its end": unfinished(LONG),
    "a byte behind": deflate(LONG) + b"\0",
    "a second stream behind": deflate(LONG) * 2,
    "a zlib header": deflate(LONG, wbits=15),
    "a gzip header": deflate(LONG, wbits=31),
    "no value": deflate(b""),
    "two values": deflate(LONG * 2),
    "a value cut short": deflate(LONG[:-1]),
    "a long form": deflate(b"\xdb\0\0" + LONG[1:]),
    "a compressed value": deflate(pack_value(deflate(LONG * 60))),
    "compressed for nothing": deflate(b"\xc4\xff" + NOISE[:255]),
    "compressed, and as long as before": deflate(pack_value("x")),
}


@pytest.mark.parametrize("stream", BAD_STREAMS.values(), ids=BAD_STREAMS)
def test_what_compress_would_not_have_made_is_refused(stream):
    """C12, S1, S2. A value inflates to exactly one packed value, and ends where its data ends."""
    assert is_refused({"x": Deflated(stream)})


@pytest.mark.parametrize(("noise", "header"), [(200, 3), (300, 4)])
@pytest.mark.parametrize("gain", [0, 1])
def test_only_what_is_shorter_with_its_header_was_worth_it(noise, header, gain):
    """C12. The extension's header grows from 3 to 4 bytes at 256."""
    streams = (
        (packed, deflate(packed))
        for packed in (pack_value(NOISE[:noise] + bytes(zeros)) for zeros in range(100))
    )
    stream = next(
        stream for packed, stream in streams if len(packed) == len(stream) + header + gain
    )
    assert len(pack_value(stream)) == len(stream) + header
    assert is_refused({"x": stream}) == (gain == 0)


def test_what_would_be_as_long_as_before_is_not_compressed():
    """C12. Our own reader would refuse it."""
    values = (NOISE[:300] + bytes(zeros) for zeros in range(100))
    value = next(
        it
        for it in values
        if len(pack_value(deflate(pack_value(it), wbits=-12))) == len(pack_value(it))
    )
    assert compress({"x": value}) == {"x": value}


def test_a_window_of_32_kib_can_be_read():
    """Other writers may use it; ours does not need to."""
    value = [NOISE, bytes(20_000), NOISE]
    assert decompress({"x": deflate(pack_value(value))}) == {"x": value}
