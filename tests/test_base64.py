import base64
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiesession._base64 import decode, encode

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
OTHERS = bytes(set(range(256)) - set(ALPHABET))


@given(st.binary())
def test_what_was_encoded_decodes(raw):
    assert decode(encode(raw)) == raw
    assert encode(raw) == base64.urlsafe_b64encode(raw).rstrip(b"=")


@given(st.binary() | st.text(st.sampled_from(ALPHABET.decode()), max_size=40).map(str.encode))
def test_any_text_is_refused_or_encodes_to_itself(text):
    try:
        raw = decode(text)
    except ValueError:
        return
    assert encode(raw) == text


def test_every_short_text_is_refused_or_encodes_to_itself():
    """C12. All spellings of one and two bytes, not a sample of them."""
    accepted = 0
    for length in (1, 2, 3):
        for characters in product(ALPHABET, repeat=length):
            text = bytes(characters)
            try:
                raw = decode(text)
            except ValueError:
                continue
            accepted += 1
            assert encode(raw) == text
    assert accepted == 256 + 256**2


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"A", id="one character"),
        pytest.param(b"AAAAA", id="one character more than whole bytes"),
        pytest.param(b"AA==", id="padding of two"),
        pytest.param(b"AAA=", id="padding of one"),
        pytest.param(b"AA=", id="half a padding"),
        pytest.param(b"AAAA=", id="padding where none is due"),
        pytest.param(b"AAAA====", id="nothing but padding behind"),
        pytest.param(b"=AAA", id="padding before"),
        pytest.param(b"AB", id="unused bits of one byte"),
        pytest.param(b"AAB", id="unused bits of two bytes"),
        pytest.param(b"++++", id="plus"),
        pytest.param(b"////", id="slash"),
        pytest.param(b"AAA\n", id="line feed"),
        pytest.param(b"AA\r\nAA", id="line break within"),
        pytest.param(b" AAA", id="space"),
        pytest.param(b"AA AA", id="space within"),
        pytest.param(b"AAA.", id="dot"),
        pytest.param(b"AAA\0", id="NUL"),
        pytest.param(b"AAA\xc1", id="not ASCII"),
        pytest.param(b"AA%3D", id="percent"),
    ],
)
def test_other_spellings_are_refused(text):
    """C12. One value, one text."""
    with pytest.raises(ValueError):
        decode(text)


@pytest.mark.parametrize("length", [4, 5, 6, 7, 8])
def test_characters_outside_the_alphabet_are_refused_everywhere(length):
    raw = encode(bytes(length))
    for position, other in product(range(len(raw)), OTHERS):
        with pytest.raises(ValueError):
            decode(raw[:position] + bytes([other]) + raw[position + 1 :])
