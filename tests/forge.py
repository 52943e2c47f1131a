"""Cookies made by hand: correctly signed, and sealed where asked, whatever stands inside.

Nothing of the codec is used, only a key's derived keys, so that a test can put anything inside.
"""

import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cookiesession import Key
from tests.conftest import NOW

SID = bytes(range(9))
HEAD = bytes(5) + SID
"""The start of an inner block: no padding, no own lifetime, created when issued."""
BIG = b"\xc4\x40" + bytes(64)
"""A packed value of 64 bytes, to bring a cookie over the least length."""


def encode(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def decode(text: bytes) -> bytes:
    return urlsafe_b64decode(text + b"=" * (-len(text) % 4))


def raw_of(text: bytes) -> bytes:
    """Return the sealed block of a cookie."""
    return decode(text[1:-44])


def sign(key: Key, payload: bytes, *, name: str = "session", namespace: str = "") -> bytes:
    """Return a cookie with this text between the format and the signature, which holds."""
    sign_key = key.for_cookie(name, namespace).sign_key
    return b"1" + payload + b"." + encode(hmac.digest(sign_key, b"1" + payload, "sha256"))


def seal(key: Key, inner: bytes, *, issued: int = NOW) -> bytes:
    """Return a sealed block that opens to these bytes."""
    cookie_key = key.for_cookie("session", "")
    prefix, nonce = cookie_key.kid + issued.to_bytes(5, "big"), os.urandom(12)
    cipher = AESGCM(cookie_key.epoch_key(issued >> 14))
    return prefix + nonce + cipher.encrypt(nonce, inner, b"1" + prefix)


def cookie(key: Key, inner: bytes, *, issued: int = NOW) -> bytes:
    """Return a cookie that is right in all but, perhaps, its inner block."""
    return sign(key, encode(seal(key, inner, issued=issued)))


def cookie_of_body(key: Key, body: bytes) -> bytes:
    """Return a cookie that is right in all but, perhaps, its body."""
    return cookie(key, HEAD + body)
