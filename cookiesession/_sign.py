"""The signature: HMAC-SHA-256 (RFC 2104), spelled as itsdangerous spells it.

    text "." base64url(HMAC)

Any stock `itsdangerous.Signer` with SHA-256, no key derivation and "." verifies it. Two things are
ours: the hashes take in the key once and are copied for each message, and signatures are compared
as text, in constant time, because the last of 43 characters has three other spellings that decode
alike.
"""

import hashlib
import hmac
from typing import Final

from itsdangerous.signer import SigningAlgorithm

from cookiesession import _base64
from cookiesession._keys import CookieKey

SIGNATURE_CHARACTERS: Final = 43

_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


class KeyedHMAC(SigningAlgorithm):
    """HMAC-SHA-256 whose two hashes have taken in their key, of at most 64 bytes, already."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER))
        self._outer = hashlib.sha256(block.translate(_OUTER))

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Sign a message; the key is the one that this object was made with."""
        del key
        inner = self._inner.copy()
        inner.update(value)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class Signer:
    """Signs with one key."""

    __slots__ = ("_hmac",)

    def __init__(self, key: CookieKey) -> None:
        self._hmac = KeyedHMAC(key.sign_key)

    def sign(self, text: bytes) -> bytes:
        """Append a "." and the signature."""
        return text + b"." + self._signature(text)

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Tell whether this is the signature of that text, in the one spelling."""
        return hmac.compare_digest(self._signature(text), signature)

    def _signature(self, text: bytes) -> bytes:
        return _base64.encode(self._hmac.get_signature(b"", text))
