"""The signature: HMAC-SHA-256 (RFC 2104), spelled as itsdangerous spells it.

    text "." base64url(HMAC)

Any stock `itsdangerous.Signer` with SHA-256, no key derivation and "." verifies it. Two things are
ours: the HMAC is keyed once and copied for each message, and signatures are compared as text, in
constant time, because the last of 43 characters has three other spellings that decode alike.
"""

import hashlib
import hmac
from typing import Final

import itsdangerous
from itsdangerous.signer import SigningAlgorithm

from cookiesession._keys import CookieKey

SIGNATURE_CHARACTERS: Final = 43


class KeyedHMAC(SigningAlgorithm):
    """HMAC-SHA-256 that has hashed its key already, and is copied for each message."""

    def __init__(self, key: bytes) -> None:
        self._keyed = hmac.new(key, digestmod=hashlib.sha256)

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Sign a message; the key is the one that this object was made with."""
        del key
        mac = self._keyed.copy()
        mac.update(value)
        return mac.digest()


class Signer:
    """Signs with one key."""

    __slots__ = ("_signer",)

    def __init__(self, key: CookieKey) -> None:
        self._signer = itsdangerous.Signer(
            key.sign_key,
            sep=".",
            key_derivation="none",
            digest_method=hashlib.sha256,
            algorithm=KeyedHMAC(key.sign_key),
        )

    def sign(self, text: bytes) -> bytes:
        """Append a "." and the signature."""
        return self._signer.sign(text)

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Tell whether this is the signature of that text, in the one spelling."""
        return hmac.compare_digest(self._signer.get_signature(text), signature)
