import ast
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

import cookiesession
from cookiesession import InvalidCookie, Key, Status
from cookiesession._lifetimes import Stamp
from cookiesession._seal import SID_BYTES, new_sid, seal, unseal
from tests import forge
from tests.conftest import NOW

KEY = Key(bytes(i * i % 251 for i in range(64)))
COOKIE_KEY = KEY.for_cookie("session", "")
STAMP = Stamp(NOW, NOW - 60, forge.SID)

stamps = st.builds(
    lambda created, age, *rest: Stamp(created + age, created, *rest),
    st.integers(0, 2**40 - 2**32),
    st.integers(0, 2**32 - 1),
    st.binary(min_size=9, max_size=9),
    st.integers(0, 2**31 - 1),
    st.booleans(),
)
bodies = st.binary(min_size=1, max_size=100)
pads = st.sampled_from([0, 16, 32])


@given(stamps, bodies, pads)
def test_what_was_sealed_unseals(stamp, body, pad):
    raw = seal(COOKIE_KEY, stamp, body, pad)
    assert unseal(COOKIE_KEY, raw) == (stamp, body)
    assert pad == 0 or len(opened(raw)) % pad == 0


@given(
    st.binary(max_size=120) | st.builds(lambda p, b: bytes([p]) + b, st.integers(0, 255), bodies)
)
def test_any_inner_block_is_refused_or_is_one_that_seal_writes(inner):
    """C12. Up to the padding, of which the reader takes any length to 31."""
    try:
        stamp, body = unseal(COOKIE_KEY, forge.seal(KEY, inner))
    except (InvalidCookie, IndexError):
        return
    ours = opened(seal(COOKIE_KEY, stamp, body, 0))
    padding = inner[0] & 31
    assert inner == bytes([ours[0] | padding]) + ours[1:] + bytes(padding)


def opened(raw: bytes) -> bytes:
    """Open a sealed block with nothing but the library that encrypts."""
    key = COOKIE_KEY.epoch_key(int.from_bytes(raw[3:8], "big") >> 14)
    return AESGCM(key).decrypt(raw[8:20], raw[20:], b"1" + raw[:8])


@pytest.mark.parametrize(
    ("stamp", "body", "pad", "inner"),
    [
        (STAMP, b"\x80", 0, b"\x00\0\0\0\x3c" + forge.SID + b"\x80"),
        (STAMP, b"\x80", 16, b"\x01\0\0\0\x3c" + forge.SID + b"\x80\0"),
        (STAMP, b"\x80!", 16, b"\x00\0\0\0\x3c" + forge.SID + b"\x80!"),
        (STAMP, b"\x80!!", 32, b"\x0f\0\0\0\x3c" + forge.SID + b"\x80!!" + bytes(15)),
        (STAMP, b"\x80!!!", 16, b"\x0e\0\0\0\x3c" + forge.SID + b"\x80!!!" + bytes(14)),
        (
            STAMP._replace(remembered=600),
            b"\x80",
            0,
            b"\x80\0\0\0\x3c\0\0\x02\x58" + forge.SID + b"\x80",
        ),
        (
            STAMP._replace(forgotten=True),
            b"\x80",
            16,
            b"\x8d\0\0\0\x3c\x80\0\0\0" + forge.SID + b"\x80" + bytes(13),
        ),
        (
            STAMP._replace(remembered=1, forgotten=True),
            b"\x80",
            0,
            b"\x80\0\0\0\x3c\x80\0\0\x01" + forge.SID + b"\x80",
        ),
    ],
)
def test_the_inner_block_is_laid_out_as_the_format_says(stamp, body, pad, inner):
    raw = seal(COOKIE_KEY, stamp, body, pad)
    assert raw[:3] == COOKIE_KEY.kid
    assert raw[3:8] == NOW.to_bytes(5, "big")
    assert opened(raw) == inner
    assert unseal(COOKIE_KEY, raw) == (stamp, body)


PLAIN = bytes(4) + forge.SID
OWN = bytes(4) + b"\0\0\0\x01" + forge.SID
BAD_INNERS = {
    "a codec of 1": b"\x20" + PLAIN + b"\x80",
    "a codec of 2": b"\x40" + PLAIN + b"\x80",
    "a codec of 3": b"\x60" + PLAIN + b"\x80",
    "no body": b"\x00" + PLAIN,
    "no body behind an own lifetime": b"\x80" + OWN,
    "no body but padding": b"\x01" + PLAIN + b"\0",
    "padding longer than the block": b"\x1f" + PLAIN + b"\x80",
    "padding into the sid": b"\x02" + PLAIN + b"\0",
    "padding that is not zero": b"\x01" + PLAIN + b"\x80\x01",
    "padding that is not zero at its start": b"\x02" + PLAIN + b"\x80\x01\x00",
    "an own lifetime of 0": b"\x80" + bytes(8) + forge.SID + b"\x80",
    "an own lifetime cut short": b"\x80" + PLAIN + b"\x80",
    "an age greater than issued": b"\x00" + (NOW + 1).to_bytes(4, "big") + forge.SID + b"\x80",
    "the same, with an own lifetime": b"\x80" + b"\xff" * 4 + OWN[4:] + b"\x80",
    "a sid cut short": b"\x00" + PLAIN[:-1],
    "the flags alone": b"\x00",
}


@pytest.mark.parametrize("inner", BAD_INNERS.values(), ids=BAD_INNERS)
def test_an_inner_block_of_another_form_is_refused(inner):
    """C12. Sealed with our key, and yet not what we would have written."""
    with pytest.raises(InvalidCookie) as refused:
        unseal(COOKIE_KEY, forge.seal(KEY, inner))
    assert refused.value.reason is Status.BAD_PAYLOAD


@pytest.mark.parametrize("padding", range(32))
def test_any_padding_of_zeros_is_read(padding):
    inner = bytes([padding]) + PLAIN + b"\x80" + bytes(padding)
    assert unseal(COOKIE_KEY, forge.seal(KEY, inner)) == (Stamp(NOW, NOW, forge.SID), b"\x80")


def test_nothing_at_all_inside_is_refused():
    with pytest.raises(IndexError):  # which `Codec.loads` makes a refusal
        unseal(COOKIE_KEY, forge.seal(KEY, b""))


# The encryption itself. No signature stands before it here.


def is_refused(raw: bytes) -> bool:
    try:
        unseal(COOKIE_KEY, raw)
    except InvalidCookie as refused:
        return refused.reason is Status.BAD_CIPHERTEXT
    return False


def test_every_flipped_bit_is_refused_by_the_encryption_alone():
    """C2. The AEAD tag, tested without the signature: the key's id and the time are bound too."""
    raw = seal(COOKIE_KEY, STAMP, b"\x80 a body", 16)
    for position in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        assert is_refused(bytes(flipped)), position


def test_every_truncation_is_refused_by_the_encryption_alone():
    """C2."""
    raw = seal(COOKIE_KEY, STAMP, b"\x80 a body", 16)
    assert all(is_refused(raw[:length]) for length in range(36, len(raw)))
    assert is_refused(raw + b"\0")
    for length in range(36):
        with pytest.raises((InvalidCookie, ValueError)):
            unseal(COOKIE_KEY, raw[:length])


def test_another_key_name_or_namespace_does_not_open_it():
    """C6."""
    raw = seal(COOKIE_KEY, STAMP, b"\x80", 16)
    for other in (
        Key.generate().for_cookie("session", ""),
        KEY.for_cookie("other", ""),
        KEY.for_cookie("session", "other"),
    ):
        with pytest.raises(InvalidCookie):
            unseal(other, raw)


def test_no_nonce_is_used_twice():
    """C3. From the operating system, each time anew."""
    raws = [seal(COOKIE_KEY, STAMP, b"\x80", 16) for _ in range(20_000)]
    assert len({raw[8:20] for raw in raws}) == len(raws)
    ones = sum(int.from_bytes(raw[8:20], "big").bit_count() for raw in raws) / len(raws)
    assert 47.5 < ones < 48.5, "half of 96 bits"


def test_nobody_can_choose_a_nonce():
    """C3. No function takes one, and one module of the core draws them."""
    for module in Path(cookiesession.__file__).parent.glob("_*.py"):
        text = module.read_text(encoding="utf-8")
        arguments = {node.arg for node in ast.walk(ast.parse(text)) if isinstance(node, ast.arg)}
        assert not arguments & {"nonce", "iv", "random", "rng", "seed"}, module
        assert text.count("urandom(") == (2 if module.stem == "_seal" else 0), module


def test_session_ids_are_fresh():
    sids = {new_sid() for _ in range(1_000)}
    assert len(sids) == 1_000
    assert {len(sid) for sid in sids} == {SID_BYTES}


def test_the_key_changes_with_the_epoch():
    """C4. Every 2^14 seconds, so that no key seals as many messages as NIST allows."""
    first, last = 2**14 * 109_863, 2**14 * 109_864 - 1
    key = KEY.for_cookie("session", "")
    for issued in (first, last, last + 1):
        seal(key, STAMP._replace(issued=issued, created=issued), b"\x80", 0)
    assert sorted(key.ciphers) == [109_863, 109_864]
    assert key.epoch_key(109_863) != key.epoch_key(109_864)
    raw = bytearray(seal(key, STAMP._replace(issued=last, created=last), b"\x80", 0))
    raw[3:8] = (last + 1).to_bytes(5, "big")
    with pytest.raises(InvalidCookie):
        unseal(key, bytes(raw))


def test_the_bound_on_messages_is_stated_as_it_follows_from_the_epoch():
    """C4. NIST's 2^32 messages a key, spread over the seconds in which a key is in use."""
    page = (Path(__file__).parent.parent / "docs" / "format.md").read_text(encoding="utf-8")
    assert "NIST allows 2^32 messages under one key with random 96-bit nonces" in page
    assert f"the limit is {2**32 // 2**14:_} cookies a second".replace("_", " ") in page
    assert f"An epoch is {2**14 / 3600:.2f} hours" in page


def test_the_cipher_of_an_epoch_is_made_once():
    key = KEY.for_cookie("session", "")
    raw = seal(key, STAMP, b"\x80", 0)
    cipher = key.ciphers[NOW >> 14]
    assert isinstance(cipher, AESGCM)
    assert unseal(key, raw) == unseal(key, seal(key, STAMP, b"\x80", 0))
    assert key.ciphers == {NOW >> 14: cipher}


def test_the_cache_of_ciphers_is_bounded():
    """C4. However many epochs pass, and what was dropped is made again."""
    key = KEY.for_cookie("session", "")
    stamps = [Stamp(epoch << 14, epoch << 14, forge.SID) for epoch in range(1_100)]
    raws = []
    for stamp in stamps:
        raws.append(seal(key, stamp, b"\x80", 0))
        assert 1 <= len(key.ciphers) <= 512
    assert [unseal(key, raw)[0] for raw in raws] == stamps
    assert len(key.ciphers) <= 512
