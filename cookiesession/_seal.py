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

_EPOCH_BITS: Final = 14
_MAX_CIPHERS: Final = 512  # epochs kept for one key; a month of sessions takes 158
_PADDING: Final = 0b0001_1111
_CODEC: Final = 0b0110_0000  # must be 0; 1 to 3 are reserved
_OWN_LIFETIME: Final = 0b1000_0000
_FORGOTTEN: Final = 1 << 31
_HEAD: Final = Struct(">BI")  # flags and age


def new_sid() -> bytes:
    """Return a fresh session id."""
    return os.urandom(SID_BYTES)


def seal(key: CookieKey, stamp: Stamp, body: bytes, pad: int) -> bytes:
    """Seal a body; `pad` is the multiple of bytes that the inner block is filled up to, or 0."""
    own = stamp.remembered | stamp.forgotten << 31
    rest = (own.to_bytes(4, "big") if own else b"") + stamp.sid + body
    padding = -(_HEAD.size + len(rest)) % pad if pad else 0
    flags = padding | _OWN_LIFETIME if own else padding
    inner = _HEAD.pack(flags, stamp.issued - stamp.created) + rest + bytes(padding)
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
    flags, age = inner[0], int.from_bytes(inner[1:5], "big")
    own, start = 0, _HEAD.size
    if flags & _OWN_LIFETIME:
        own, start = int.from_bytes(inner[5:9], "big"), start + 4
    body_start = start + SID_BYTES
    end = len(inner) - (flags & _PADDING)
    if (
        flags & _CODEC
        or (flags & _OWN_LIFETIME and not own)  # one spelling: what is not set is not written
        or age > issued
        or end <= body_start
        or inner.count(0, end) != len(inner) - end
    ):
        raise InvalidCookie(Status.BAD_PAYLOAD)
    sid = inner[start:body_start]
    stamp = Stamp(issued, issued - age, sid, own & ~_FORGOTTEN, own >= _FORGOTTEN)
    return stamp, inner[body_start:end]


def _cipher(key: CookieKey, issued: int) -> AESGCM:
    epoch = issued >> _EPOCH_BITS
    cipher = key.ciphers.get(epoch)
    if cipher is None:
        cipher = AESGCM(key.epoch_key(epoch))
        if len(key.ciphers) >= _MAX_CIPHERS:
            key.ciphers.clear()  # rare, and simpler than choosing one while other threads look
        key.ciphers[epoch] = cipher
    return cipher
