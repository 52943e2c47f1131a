"""A cookie's text. An input's first byte chooses a stage, and all but that stage is done right.

What becomes of the text must be what the opener that shares no code with the library says
(`tests/independent.py`): the same data, times and canonical body, or a refusal for the same reason.
What is accepted is written and read again as the same session.
"""

import zlib
from base64 import urlsafe_b64decode
from unittest.mock import patch

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cookiesession import InvalidCookie, Key, SessionManager
from cookiesession._pack import Deflated, pack_value
from tests import independent
from tests.test_vectors import VECTORS, same, session_as_expected
from tests.vectors.make import (
    ABSOLUTE,
    IDLE,
    KEY,
    NOW,
    REMEMBER,
    SECRET,
    base64url,
    inner,
    raw,
    signed,
)  # fmt: skip

SETTINGS = {
    "name": "session", "namespace": "", "idle_timeout": IDLE, "absolute_timeout": ABSOLUTE,
    "remember_timeout": REMEMBER, "issued_after": NOW - ABSOLUTE, "max_cookies": 1,
}  # fmt: skip
MANAGER = SessionManager(Key(SECRET), clock=lambda: NOW, **SETTINGS)
VECTOR = {**SETTINGS, "secret": SECRET.hex(), "now": NOW}


# The stages. Each makes a text of an input.


def text(data):
    """Be the whole text."""
    return data.decode("latin-1")


def payload(data):
    """Stand between the format and the signature."""
    return signed("1" + data.decode("latin-1"))


def block(data):
    """Stand behind the key's id: the time of issue, nonce, ciphertext and tag."""
    return signed("1" + base64url(KEY.kid + data))


def inner_block(data):
    """Be what was encrypted, at a time that the first four bytes choose around now."""
    issued = NOW + int.from_bytes(data[:4], "big", signed=True)
    return signed("1" + base64url(raw(data[4:], issued=max(0, issued))))


def body(data):
    """Be the packed data."""
    return signed("1" + base64url(raw(inner(data))))


def inflated(data):
    """Be a value of the data, compressed."""
    deflater = zlib.compressobj(level=9, wbits=-15)
    deflated = Deflated(deflater.compress(data) + deflater.flush())
    return body(pack_value({"v": deflated}))


STAGES = (text, payload, block, inner_block, body, inflated)


def staged(stage, data):
    """Return the input that has a stage make a text of these bytes."""
    return bytes([STAGES.index(stage)]) + data


def seeds():
    """Take the vectors apart, each as far as it opens."""
    for vector in VECTORS.values():
        if len(vector["cookies"]) != 1:
            continue
        cookie = vector["cookies"][0][1].encode("latin-1")
        yield staged(text, cookie)
        try:
            sealed = urlsafe_b64decode(cookie[1:-44] + b"==")
            cipher = AESGCM(KEY.epoch_key(int.from_bytes(sealed[3:8], "big") >> 14))
            opened = cipher.decrypt(sealed[8:20], sealed[20:], b"1" + sealed[:8])
        except (ValueError, InvalidTag):
            yield staged(payload, cookie[1:-44])
            yield staged(block, sealed[3:])
            continue
        yield staged(inner_block, bytes(4) + opened)
        yield staged(body, opened[14 : len(opened) - (opened[0] & 31)])
    for later in (300, 301, -ABSOLUTE, -ABSOLUTE - 1):
        yield staged(inner_block, later.to_bytes(4, "big", signed=True) + inner(pack_value({})))
    yield from (staged(inflated, pack_value(value)) for value in ("x" * 600, list(range(400))))


def check(data):
    """Open the text that an input makes, and compare."""
    if not data:
        return
    cookie = STAGES[data[0] % len(STAGES)](data[1:])
    try:
        session = MANAGER.loads(cookie)
    except InvalidCookie as refusal:
        found = {"status": refusal.reason}
    else:
        found = session_as_expected(session)
        again = session_as_expected(MANAGER.loads(MANAGER.dumps(session)))
        assert same(again, {**found, "issued": again["issued"]}), (found, again)
    expected = expectation_of(cookie)
    assert same(found, expected), (found, expected)


def expectation_of(cookie):
    """Ask the other opener, with AES in C: its own is slow, and the vectors' tests look at it."""
    with patch.object(independent, "gcm_open", gcm_open):
        try:
            return independent.read(cookie, VECTOR)
        except independent.Refused as refusal:
            return {"status": str(refusal)}


def gcm_open(key, nonce, sealed, additional):
    try:
        return AESGCM(key).decrypt(nonce, sealed, additional)
    except InvalidTag:
        raise independent.Refused("bad_ciphertext") from None
