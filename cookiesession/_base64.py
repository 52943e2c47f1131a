"""base64url without padding, in its one spelling (RFC 4648, sections 3.5 and 5).

    encode: bytes -> base64url          decode: base64url -> bytes

`decode` refuses padding, characters outside the alphabet, impossible lengths and unused bits that
are not zero, so each value has exactly one text. C's `strict_mode` sees all but the last.
"""

from binascii import a2b_base64, b2a_base64
from typing import Final

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/***")  # "*" is in no alphabet

# By length mod 4: the padding to restore, and the last characters whose unused bits are zero.
_ANY: Final = frozenset(range(256))
_TAILS: Final = {
    0: (b"", _ANY),
    2: (b"==", frozenset(b"AQgw")),
    3: (b"=", frozenset(b"AEIMQUYcgkosw048")),
}


def encode(raw: bytes) -> bytes:
    """Encode bytes."""
    return b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=")


def decode(text: bytes) -> bytes:
    """Decode text that `encode` may have made; raise `ValueError` for any other."""
    padding, last = _TAILS.get(len(text) & 3, (b"", frozenset()))
    if text and text[-1] not in last:
        raise ValueError("not base64url in its one spelling")
    return a2b_base64(text.translate(_FROM_URL) + padding, strict_mode=True)
