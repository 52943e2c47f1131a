"""The sealed block: encrypted, authenticated, and the same for every eye but ours.

    seal: stamp, body -> raw            unseal: raw -> stamp, body

    raw   = kid(3) issued(5) nonce(12) AES-256-GCM(inner) tag(16)        AAD = "1" kid issued
    inner = flags(1) age(4) [own lifetime(4)] sid(9) body padding

The rules: nonces come from the operating system, here and nowhere else. A key encrypts for one
epoch of 2^14 seconds, so that random 96-bit nonces stay far below NIST's 2^32 messages a key
(SP 800-38D, 8.3). `unseal` is called only with what carries a good signature.
"""

import os
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cookiesession._keys import CookieKey
from cookiesession._lifetimes import Stamp
from cookiesession.errors import InvalidCookie, Status

SID_BYTES: Final = 9
OVERHEAD: Final = 20 + 16  # raw without inner

_EPOCH_BITS: Final = 14
_MAX_CIPHERS: Final = 512  # epochs kept for one key; a month of sessions takes 158
_PADDING: Final = 0b0001_1111
_CODEC: Final = 0b0110_0000  # must be 0; 1 to 3 are reserved
_OWN_LIFETIME: Final = 0b1000_0000
_FORGOTTEN: Final = 1 << 31
_INNER: Final = Struct(">BI9s")
_INNER_OWN: Final = Struct(">BII9s")


def new_sid() -> bytes:
    """Return a fresh session id."""
    return os.urandom(SID_BYTES)


def seal(key: CookieKey, stamp: Stamp, body: bytes, pad: int) -> bytes:
    """Seal a body; `pad` is the multiple of bytes that the inner block is filled up to, or 0."""
    inner = _inner(stamp, body, pad)
    prefix = key.kid + stamp.issued.to_bytes(5, "big")
    nonce = os.urandom(12)
    return prefix + nonce + _cipher(key, stamp.issued).encrypt(nonce, inner, b"1" + prefix)


def unseal(key: CookieKey, raw: bytes) -> tuple[Stamp, bytes]:
    """Open a sealed block; raise `InvalidCookie`, or any other exception as a refusal."""
    issued = int.from_bytes(raw[3:8], "big")
    try:
        inner = _cipher(key, issued).decrypt(raw[8:20], raw[20:], b"1" + raw[:8])
    except InvalidTag:
        raise InvalidCookie(Status.BAD_CIPHERTEXT) from None
    flags = inner[0]
    start = _INNER_OWN.size if flags & _OWN_LIFETIME else _INNER.size
    end = len(inner) - (flags & _PADDING)
    if flags & _CODEC or end <= start or inner.count(0, end) != len(inner) - end:
        raise InvalidCookie(Status.BAD_PAYLOAD)
    return _stamp(issued, inner), inner[start:end]


def inner_length(stamp: Stamp, body_length: int, pad: int) -> int:
    """Return how long the inner block of a body is."""
    layout = _INNER_OWN if stamp.remembered or stamp.forgotten else _INNER
    length = layout.size + body_length
    return length + (-length % pad if pad else 0)


def _inner(stamp: Stamp, body: bytes, pad: int) -> bytes:
    age = stamp.issued - stamp.created
    own = stamp.remembered | stamp.forgotten << 31
    length = (_INNER_OWN if own else _INNER).size + len(body)
    padding = -length % pad if pad else 0
    if own:
        head = _INNER_OWN.pack(padding | _OWN_LIFETIME, age, own, stamp.sid)
    else:
        head = _INNER.pack(padding, age, stamp.sid)
    return head + body + bytes(padding)


def _stamp(issued: int, inner: bytes) -> Stamp:
    own = 0
    if inner[0] & _OWN_LIFETIME:
        _, age, own, sid = _INNER_OWN.unpack_from(inner)
        if not own:  # one spelling: what is not set is not written
            raise InvalidCookie(Status.BAD_PAYLOAD)
    else:
        _, age, sid = _INNER.unpack_from(inner)
    if age > issued:
        raise InvalidCookie(Status.BAD_PAYLOAD)
    return Stamp(issued, issued - age, sid, own & ~_FORGOTTEN, own >= _FORGOTTEN)


def _cipher(key: CookieKey, issued: int) -> AESGCM:
    epoch = issued >> _EPOCH_BITS
    cipher = key.ciphers.get(epoch)
    if cipher is None:
        cipher = AESGCM(key.epoch_key(epoch))
        if len(key.ciphers) >= _MAX_CIPHERS:
            key.ciphers.clear()  # rare, and simpler than choosing one while other threads look
        key.ciphers[epoch] = cipher
    return cipher
