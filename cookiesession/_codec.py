"""A session as text: the whole pipeline, in one place.

    dumps: data, stamp -> text          loads: text -> Content, or why it is none

    dict  ⇄ pack ⇄ compress ⇄ seal ⇄ base64 ⇄ sign ⇄  "1" base64url(raw) "." signature

The numbered steps are those of `docs/format.md`, "Reading"; `dumps` takes them backwards.

The rule: nothing is parsed, decrypted or inflated before step 4 has held.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cookiesession import _base64, _sign
from cookiesession._compress import compress, decompress
from cookiesession._keys import CookieKey, Key, Keyring, KeySource
from cookiesession._lifetimes import CLOCK_AHEAD, Lifetimes, Stamp
from cookiesession._pack import Deflated, pack, unpack, values_of
from cookiesession._seal import seal, unseal
from cookiesession.errors import InvalidCookie, Status

_FORMAT: Final = b"1"
_TAIL: Final = 1 + _sign.SIGNATURE_CHARACTERS  # "." and the signature
_SHORTEST: Final = 113
_KID_TEXT: Final = re.compile(rb"[A-Za-z0-9_-]{4}")


class RingKey(NamedTuple):
    """A key of the ring, ready for use."""

    cookie_key: CookieKey
    signer: _sign.Signer
    kid_text: bytes
    age: int  # its place in the ring: 0 is the newest

    def session_hash(self, sid: bytes) -> str:
        """Return the keyed hash by which events name a session."""
        return hmac.digest(self.cookie_key.log_key, sid, "sha256")[:8].hex()


class ReadyRing(NamedTuple):
    """A ring, and its keys as derived for one cookie name and namespace."""

    ring: Keyring
    by_kid: dict[bytes, list[RingKey]]
    primary: RingKey


class Content(NamedTuple):
    """What a valid cookie holds; `body` is the data's canonical bytes, uncompressed."""

    data: dict[str, Any]
    body: bytes
    stamp: Stamp
    key: RingKey


@dataclass(frozen=True, slots=True)
class CodecOptions:
    """How sessions are written and for how long they are read."""

    lifetimes: Lifetimes
    issued_after: int
    compress: bool
    pad: int
    max_length: int


class Codec:
    """Writes and reads the cookies of one name and namespace, with the keys of the moment."""

    __slots__ = ("_context", "_keys", "_options", "_ready", "lifetimes")

    lifetimes: Lifetimes

    def __init__(self, keys: KeySource, name: str, namespace: str, options: CodecOptions) -> None:
        self.lifetimes = options.lifetimes
        self._options = options
        self._keys = keys
        self._context = (name, namespace)
        self._ready: ReadyRing | None = None

    def ready(self, now: int) -> ReadyRing:
        """Return the keys of this moment."""
        ring = self._keys.at(now)
        ready = self._ready
        if ready is None or ready.ring is not ring:  # in several threads, perhaps
            ready = self._ready = self._derived(ring)
        return ready

    def _derived(self, ring: Keyring) -> ReadyRing:
        # The key is looked up, never searched for (Len, Grubbs, Ristenpart 2020: partitioning
        # oracles). Two keys of one kid are possible, and cost one more HMAC.
        by_kid: dict[bytes, list[RingKey]] = {}
        ring_keys: dict[Key, RingKey] = {}
        for age, key in enumerate(ring.accepted):
            cookie_key = key.for_cookie(*self._context)
            kid_text = _base64.encode(cookie_key.kid)
            ring_keys[key] = RingKey(cookie_key, _sign.Signer(cookie_key), kid_text, age)
            by_kid.setdefault(kid_text, []).append(ring_keys[key])
        return ReadyRing(ring, by_kid, ring_keys[ring.primary])

    def dumps(self, body: bytes, stamp: Stamp, now: int) -> bytes:
        """Write a session of this body, as `pack` made it, under the primary key."""
        key = self.ready(now).primary
        if self._options.compress:
            body = compress(body)  # 8
        raw = seal(key.cookie_key, stamp, body, self._options.pad)  # 7, 6
        return key.signer.sign(_FORMAT + _base64.encode(raw))  # 5 to 1

    def loads(self, text: bytes, now: int) -> Content | Status:
        """Read a session; whatever is not one is a refusal, and never an exception."""
        # 1. Length, ASCII.
        if not _SHORTEST <= len(text) <= self._options.max_length or not text.isascii():
            return Status.MALFORMED
        # 2. Format.
        if text[:1] != _FORMAT:
            return Status.UNKNOWN_FORMAT
        # 3. Shape and key.
        if text[-_TAIL] != ord("."):
            return Status.MALFORMED
        keys = self.ready(now).by_kid.get(text[1:5])
        if keys is None:
            if kid_of(text):
                self._keys.missed()
            return Status.UNKNOWN_KEY
        # 4. Signature.
        signed, signature = text[:-_TAIL], text[1 - _TAIL :]
        for key in keys:
            if key.signer.verify(signed, signature):
                return self._opened(key, signed[1:], now)
        return Status.BAD_SIGNATURE

    def _opened(self, key: RingKey, payload: bytes, now: int) -> Content | Status:
        try:
            # 5. Base64url, and the time of issue.
            raw = _base64.decode(payload)
            issued = int.from_bytes(raw[3:8], "big")
            if issued > now + CLOCK_AHEAD:
                return Status.NOT_YET_VALID
            if issued < self._options.issued_after:
                return Status.ISSUED_TOO_EARLY
            # 6, 7. Decryption, the inner block, the end.
            stamp, body = unseal(key.cookie_key, raw)
            if refusal := self.lifetimes.refusal(stamp, now):
                return refusal
            # 8. The data.
            data = unpack(body)
            if Deflated in map(type, data.values()):
                data = decompress(data)
                body = pack(data)
        except InvalidCookie as error:
            return error.reason
        except Exception:  # noqa: BLE001  whatever its class: it is a refusal
            return Status.BAD_PAYLOAD
        return Content(data, body, stamp, key)

    def sizes(self, body: bytes) -> list[tuple[str, int]]:
        """Return the top-level keys and the bytes that each takes, biggest first."""
        spans = values_of(compress(body) if self._options.compress else body)
        sizes = [
            (name, end - start) for name, (start, end) in zip(unpack(body), spans, strict=True)
        ]
        return sorted(sizes, key=lambda size: -size[1])


def kid_of(text: bytes) -> str:
    """Return the four characters that name a cookie's key, or "" where nothing like it stands."""
    match = _KID_TEXT.fullmatch(text[1:5])
    return match[0].decode() if match else ""
