import hashlib
import hmac

import itsdangerous
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiesession import Key
from cookiesession._sign import SIGNATURE_CHARACTERS, KeyedHMAC, Signer
from tests import forge

KEY = Key(bytes(i * i % 251 for i in range(64)))
COOKIE_KEY = KEY.for_cookie("session", "")
SIGNER = Signer(COOKIE_KEY)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def stock_signer() -> itsdangerous.Signer:
    """Return the signer that `docs/format.md` names, with nothing of ours in it."""
    return itsdangerous.Signer(
        COOKIE_KEY.sign_key, sep=".", key_derivation="none", digest_method=hashlib.sha256
    )


@given(st.binary())
def test_what_was_signed_verifies(text):
    signed = SIGNER.sign(text)
    assert signed[: -SIGNATURE_CHARACTERS - 1] == text
    assert signed[len(text) : len(text) + 1] == b"."
    assert SIGNER.verify(text, signed[-SIGNATURE_CHARACTERS:])


@given(st.binary(), st.binary() | st.binary(min_size=32, max_size=32).map(forge.encode))
def test_any_signature_is_refused_or_is_the_one_we_write(text, signature):
    assert SIGNER.verify(text, signature) == (SIGNER.sign(text) == text + b"." + signature)


@given(st.binary())
def test_a_stock_itsdangerous_signer_verifies_ours_and_we_verify_its(text):
    """C13. SHA-256 and a derived key; no option of itsdangerous has its default."""
    assert stock_signer().unsign(SIGNER.sign(text)) == text
    assert stock_signer().sign(text) == SIGNER.sign(text)


def test_a_stock_itsdangerous_signer_verifies_a_whole_cookie(key, manager):
    """C13. Through the public API."""
    text = manager.dumps({"user_id": 7})
    sign_key = key.for_cookie("session", "").sign_key
    signer = itsdangerous.Signer(
        sign_key, sep=".", key_derivation="none", digest_method=hashlib.sha256
    )
    assert signer.validate(text)
    assert not signer.validate(text[:-1])


def test_the_signature_is_hmac_sha_256():
    """C13. RFC 2104, by the standard library."""
    mac = hmac.digest(COOKIE_KEY.sign_key, b"1payload", "sha256")
    assert SIGNER.sign(b"1payload") == b"1payload." + forge.encode(mac)


def test_the_defaults_of_itsdangerous_do_not_verify():
    """C13. Its SHA-1 and its key derivation are not ours."""
    for signer in (
        itsdangerous.Signer(COOKIE_KEY.sign_key),
        itsdangerous.Signer(COOKIE_KEY.sign_key, digest_method=hashlib.sha256),
        itsdangerous.Signer(COOKIE_KEY.sign_key, key_derivation="none", digest_method=hashlib.sha1),
    ):
        text, _, signature = signer.sign(b"text").rpartition(b".")
        assert not SIGNER.verify(text, signature)


def test_a_keyed_hmac_signs_many_texts():
    """Copies start from the key alone, not from what was signed before."""
    algorithm = KeyedHMAC(b"key")
    for value in (b"one", b"two", b"one"):
        assert algorithm.get_signature(b"ignored", value) == hmac.digest(b"key", value, "sha256")


def test_a_signature_is_bound_to_its_key():
    """C6, C8. To key, name and namespace."""
    signed = SIGNER.sign(b"text")[-SIGNATURE_CHARACTERS:]
    for other in (
        Key.generate().for_cookie("session", ""),
        KEY.for_cookie("other", ""),
        KEY.for_cookie("session", "other"),
    ):
        assert not Signer(other).verify(b"text", signed)


def test_the_last_character_has_one_spelling():
    """C12. 43 characters hold two bits more than 32 bytes: four texts decode alike, one is ours."""
    signature = SIGNER.sign(b"text")[-SIGNATURE_CHARACTERS:].decode()
    last = ALPHABET.index(signature[-1])
    spellings = [signature[:-1] + ALPHABET[last & ~3 | bits] for bits in range(4)]
    assert len({forge.decode(spelling.encode()) for spelling in spellings}) == 1
    assert [one for one in spellings if SIGNER.verify(b"text", one.encode())] == [signature]


@pytest.mark.parametrize("length", [0, 1, 42, 44, 86])
def test_a_signature_of_another_length_is_refused(length):
    signature = SIGNER.sign(b"text")[-SIGNATURE_CHARACTERS:]
    assert not SIGNER.verify(b"text", (signature * 2)[:length])
