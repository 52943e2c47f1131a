"""The floor: a cookie written and read by two functions with no layers and no choices.

They do what any code for this format must do, as fast as Python lets it be done: the walk by exact
type, msgpack with the name table, deflate of large values, padding, AES-256-GCM, base64url, HMAC;
and on the way back the checks of every step, the canonical one included. They leave out all that
the format allows and these sessions do not need: types beyond JSON's, a second key, own lifetimes,
a message for the developer, a session object. What the floor writes the library opens, and the
other way round; `check` sees to that.
"""

import hmac
import os
import time
import zlib
from binascii import a2b_base64, b2a_base64
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgpack import ExtType, Packer, Unpacker, unpackb

from cookiesession import Key, SessionManager
from cookiesession._names import INDEX, NAMES

_SCALARS = frozenset({type(None), bool, int, float, str, bytes})
_STR = frozenset({str})
_TO_URL = bytes.maketrans(b"+/", b"-_")
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/***")
_LAST = {0: None, 2: frozenset(b"AQgw"), 3: frozenset(b"AEIMQUYcgkosw048")}
_IDLE, _ABSOLUTE = 14 * 86_400, 30 * 86_400
_LARGE = 256


class Floor:
    """The floor under one key; it shares the derived keys and the name table with the library."""

    def __init__(self, key: Key) -> None:
        cookie_key = key.for_cookie("session", "")
        self.kid = cookie_key.kid
        self.kid_text = b2a_base64(self.kid, newline=False).translate(_TO_URL)
        self.sign_key = cookie_key.sign_key
        epoch = int(time.time()) >> 14
        self.ciphers = {e: AESGCM(cookie_key.epoch_key(e)) for e in (epoch, epoch + 1)}

    def seal(self, data: dict[str, Any]) -> str:
        if not _STR.issuperset(map(type, data)):
            raise TypeError
        _walk(data.values(), 1)
        body = _pack({INDEX.get(name, name): value for name, value in data.items()})
        if len(body) > _LARGE:
            body = _smaller(body)
        now = int(time.time())
        head = self.kid + now.to_bytes(5, "big")
        padding = -(14 + len(body)) % 16
        drawn = os.urandom(21)  # id and nonce in one call of the system
        inner = padding.to_bytes(1, "big") + bytes(4) + drawn[12:] + body + bytes(padding)
        nonce = drawn[:12]
        raw = head + nonce + self.ciphers[now >> 14].encrypt(nonce, inner, b"1" + head)
        text = b"1" + b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=")
        signature = b2a_base64(hmac.digest(self.sign_key, text, "sha256"), newline=False)
        return (text + b"." + signature.translate(_TO_URL)[:43]).decode()

    def open(self, cookie: str) -> dict[str, Any]:
        text = cookie.encode()
        if not 113 <= len(text) <= 4093 or not text.isascii() or text[-44] != ord("."):
            raise ValueError
        if text[:1] != b"1" or text[1:5] != self.kid_text:
            raise ValueError
        signed = text[:-44]
        mac = b2a_base64(hmac.digest(self.sign_key, signed, "sha256"), newline=False)
        if not hmac.compare_digest(mac.translate(_TO_URL)[:43], text[-43:]):
            raise ValueError
        payload = signed[1:]
        rest = len(payload) & 3
        last = _LAST[rest]
        if last and payload[-1] not in last:
            raise ValueError
        padded = payload.translate(_FROM_URL) + b"=" * (-rest & 3)
        raw = a2b_base64(padded, strict_mode=True)
        issued, now = int.from_bytes(raw[3:8], "big"), int(time.time())
        inner = self.ciphers[issued >> 14].decrypt(raw[8:20], raw[20:], b"1" + raw[:8])
        flags, age = inner[0], int.from_bytes(inner[1:5], "big")
        end = len(inner) - flags
        if flags > 31 or age > issued or end <= 14 or inner.count(0, end) != flags:
            raise ValueError
        if issued > now + 300 or now >= min(issued + _IDLE, issued - age + _ABSOLUTE):
            raise ValueError
        return _unpack(inner[14:end])


def _walk(values: Any, depth: int) -> None:
    if _SCALARS.issuperset(map(type, values)):
        return
    for value in values:
        kind = type(value)
        if kind in _SCALARS:
            continue
        if depth >= 32:
            raise ValueError
        if kind is dict:
            _walk(value.values(), depth + 1)
        elif kind is not list:
            raise TypeError
        _walk(value, depth + 1)


def _pack(value: Any) -> bytes:
    return Packer(strict_types=True, buf_size=4096).pack(value)


def _smaller(body: bytes) -> bytes:
    unpacker = Unpacker(max_buffer_size=len(body))
    unpacker.feed(body)
    pieces, copied = [], 0
    for _ in range(unpacker.read_map_header()):
        unpacker.skip()
        start = unpacker.tell()
        unpacker.skip()
        end = unpacker.tell()
        if end - start >= _LARGE:
            deflater = zlib.compressobj(level=6, wbits=-12)
            value = deflater.compress(body[start:end]) + deflater.flush()
            deflated = _pack(ExtType(90, value))
            if len(deflated) < end - start:
                pieces += body[copied:start], deflated
                copied = end
    return b"".join([*pieces, body[copied:]])


def _unpack(body: bytes) -> dict[str, Any]:
    packed = unpackb(body, strict_map_key=False)
    if _pack(packed) != body or not INDEX.keys().isdisjoint(packed):
        raise ValueError
    data = {NAMES[name] if type(name) is int else name: packed[name] for name in packed}
    if not _STR.issuperset(map(type, data)):
        raise TypeError
    if ExtType in map(type, data.values()):
        _inflate(data)
    _walk(data.values(), 1)
    return data


def _inflate(data: dict[str, Any]) -> None:
    left = 65_536
    for name, value in data.items():
        if type(value) is ExtType:
            inflater = zlib.decompressobj(wbits=-15)
            inflated = inflater.decompress(value.data, left + 1)
            left -= len(inflated)
            if value.code != 90 or left < 0 or not inflater.eof or inflater.unused_data:
                raise ValueError
            data[name] = unpackb(inflated, strict_map_key=False)
            if _pack(data[name]) != inflated or len(inflated) <= len(_pack(value)):
                raise ValueError


def check(floor: Floor, manager: SessionManager, data: dict[str, Any]) -> None:
    """See that the floor and the library open one another's cookies, of the same length."""
    written, ours = floor.seal(data), manager.dumps(data)
    assert len(written) == len(ours)
    assert manager.loads(written) == floor.open(ours) == data
