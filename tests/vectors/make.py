"""Makes the test vectors of format version 1 (`README.md` says what stands in them).

    python -m tests.vectors.make

It adds the files that are missing and never rewrites one: `v1` is frozen. Cookies that an old
release wrote stay readable, so its vectors stay as they are; a new version gets a folder beside it.

The sealer below is not the library's: each of its stages can be bent, so that a cookie has the one
defect that its vector is named after, and everything outside of that is right and signed.
"""

import hashlib
import hmac
import json
import struct
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cookiesession._keys import CookieKey, Key
from cookiesession._names import NAMES
from cookiesession._pack import pack
from tests.independent import HtmlText, tagged

FOLDER = Path(__file__).parent / "v1"

NOW = 1_800_000_000
DAY = 86_400
IDLE, ABSOLUTE, REMEMBER = 14 * DAY, 30 * DAY, 90 * DAY
SECRET, OTHER_SECRET = (
    hashlib.sha256(f"cookiesession test vectors, {which} key, not for use".encode()).digest()
    for which in ("the", "another")
)
SID, OTHER_SID = bytes(range(0xA0, 0xA9)), bytes(range(0xB0, 0xB9))


# The sealer.


def key_for(name: str = "session", namespace: str = "", secret: bytes = SECRET) -> CookieKey:
    return Key(secret).for_cookie(name, namespace)


KEY = key_for()


def inner(
    body: bytes,
    *,
    age: int = 0,
    own: int | None = None,
    sid: bytes = SID,
    codec: int = 0,
    pad: int | None = None,
    padding: bytes | None = None,
) -> bytes:
    head = age.to_bytes(4, "big") + (b"" if own is None else own.to_bytes(4, "big")) + sid
    if pad is None:
        pad = -(1 + len(head) + len(body)) % 16
    flags = pad | codec << 5 | (own is not None) << 7
    return bytes([flags]) + head + body + (bytes(pad) if padding is None else padding)


def raw(
    block: bytes,
    *,
    key: CookieKey = KEY,
    issued: int = NOW,
    epoch: int | None = None,
    additional: bytes | None = None,
    nonce: bytes | None = None,
) -> bytes:
    prefix = key.kid + issued.to_bytes(5, "big")
    # Files are made to be made again. A cookie's nonce is drawn at random.
    nonce = nonce or hashlib.sha256(prefix + block).digest()[:12]
    cipher = AESGCM(key.epoch_key(issued >> 14 if epoch is None else epoch))
    return prefix + nonce + cipher.encrypt(nonce, block, additional or b"1" + prefix)


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(text: str, *, key: CookieKey = KEY) -> str:
    signature = hmac.digest(key.sign_key, text.encode("latin-1"), "sha256")
    return f"{text}.{base64url(signature)}"


def cookie(
    body: bytes, *, key: CookieKey = KEY, issued: int = NOW, nonce: bytes | None = None, **bent: Any
) -> str:
    block = inner(body, **bent)
    return signed("1" + base64url(raw(block, key=key, issued=issued, nonce=nonce)), key=key)


@dataclass(frozen=True)
class Session:
    """A session as it should be."""

    data: dict[str, Any] = field(default_factory=lambda: {"user_id": 7})
    issued: int = NOW
    created: int = NOW
    remembered: int = 0
    forgotten: bool = False
    sid: bytes = SID

    def cookie(self, body: bytes | None = None, **options: Any) -> str:
        own = self.remembered | self.forgotten << 31
        return cookie(
            pack(self.data) if body is None else body,
            issued=self.issued,
            age=self.issued - self.created,
            own=own or None,
            sid=self.sid,
            **options,
        )

    def expected(self) -> dict[str, Any]:
        return {
            "status": "valid",
            "sid": self.sid.hex(),
            "issued": self.issued,
            "created": self.created,
            "remembered": self.remembered,
            "forgotten": self.forgotten,
            "body": pack(self.data).hex(),
            "data": tagged(self.data),
        }


SESSION = Session()
TEXT = SESSION.cookie()


# The vectors. Each of the functions below yields names, and what stands in their files.

Vector = tuple[str, dict[str, Any]]
Cookies = list[tuple[str, str]]


def vector(
    stem: str, description: str, cookies: str | Cookies, expected: Session | str, /, **settings: Any
) -> Vector:
    cookie_name = settings.get("name", "session")
    if isinstance(cookies, str):
        cookies = [(f"__Host-{cookie_name}", cookies)]
    content = {
        "description": description,
        "secret": SECRET.hex(),
        "name": cookie_name,
        "namespace": "",
        "now": NOW,
        "idle_timeout": IDLE,
        "absolute_timeout": ABSOLUTE,
        "remember_timeout": REMEMBER,
        "issued_after": 0,
        "max_cookies": 1,
        "cookies": cookies,
        **settings,
    }
    known = expected.expected() if isinstance(expected, Session) else {"status": expected}
    return stem, {**content, "expect": known}


TYPICAL = {
    "_auth_user_id": "1042",
    "_auth_user_backend": "django.contrib.auth.backends.ModelBackend",
    "_auth_user_hash": "5c0b6f0f4f5e9e8c2a7d3b1a99c4d8e6f7a0b1c2d3e4f5061728394a5b6c7d8e",
    "_language": "de",
    "cart": [{"sku": "T-100", "count": 2}, {"sku": "M-7", "count": 1}],
    "shown_hints": ["welcome", "search"],
}
MOMENT = datetime(2024, 2, 29, 23, 59, 58, 999_999)
ZONE, FAR_ZONE = timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(seconds=86_399))
QUIET_NAN = struct.unpack(">d", bytes.fromhex("fff80000deadbeef"))[0]
EDGES = [1 << bits for bits in (5, 7, 8, 15, 16, 31, 32, 53, 63)]
TYPES: dict[str, list[Any]] = {
    "none": [None],
    "bool": [False, True],
    "int": [
        0, 23, *(edge + step for edge in EDGES for step in (-1, 0)), 2**64 - 1,
        -1, *(-edge - step for edge in EDGES[:-1] for step in (0, 1)), -(2**63),
    ],
    "big-int": [2**64, -(2**63) - 1, 2**71 - 1, 2**71, -(2**71), -(2**71) - 1, 10**60],
    "float": [0.5, 1.0, -1.0, 0.1, 1e300, 5e-324, 2.0**53, float("inf"), float("-inf")],
    "float-negative-zero": [-0.0, 0.0],
    "float-nan": [float("nan"), QUIET_NAN],
    "str": ["", "a" * 31, "a" * 32, "a" * 255, "a" * 256, "Zoë 東京 🍵", "\x00\x7f\u2028\uffff"],
    "bytes": [b"", b"\x00\xff", bytes(255), bytes(256)],
    "list": [[], [1, [2, [3]]], [0] * 15, [0] * 16],
    "dict": [{}, {"b": 1, "a": {"c": None}}, dict.fromkeys(map(str, range(16)), 0)],
    "dict-keys": [
        {1: "int", "1": "str", b"1": "bytes", (1, (2,)): "tuple", None: 0, 2.5: "float"},
        {True: 0, -1: 1, frozenset({1}): 2, UUID(int=1): 3, Decimal("1.50"): 4, "$type": 5},
        {"user_id": 1, date(2024, 2, 29): 2, HtmlText("b"): 3, timedelta(1): 4, float("nan"): 5},
    ],
    "tuple": [(), (1,), ("a", ("b", ["c"])), tuple(range(15))],
    "set": [set(), {3, 1, 2}, {"b", "aa", "a", -1, 200, 70_000, None, (1,), b"x", 1.5}],
    "frozenset": [frozenset(), frozenset({"z", "y", frozenset({0})})],
    "uuid": [UUID("01890a5d-ac96-774b-bcce-b302099a8057")],
    "decimal": [
        Decimal(text)
        for text in ("0", "-0", "19.90", "0E+2", "1E-7", "0.000001", "1.23E+25", "-1E+999999")
    ],
    "decimal-special": [Decimal(text) for text in ("Infinity", "-Infinity", "NaN", "-sNaN12")],
    "date": [date(2024, 2, 29), date.min, date.max],
    "time": [time(23, 59, 58, 999_999), time(2, 30, fold=1), time.min],
    "timedelta": [timedelta(1, 2, 3), timedelta(microseconds=-1), timedelta.min, timedelta.max],
    "datetime-naive": [MOMENT, MOMENT.replace(fold=1), datetime.min, datetime.max],
    "datetime-utc": [moment.replace(tzinfo=timezone.utc) for moment in (MOMENT, datetime.min)],
    "datetime-offset": [MOMENT.replace(tzinfo=zone, fold=1) for zone in (ZONE, FAR_ZONE)],
    "html": [HtmlText("<b>&amp;</b>"), HtmlText("")],
}  # fmt: skip
LEAST, DECIMAL_LEAST = 5e-324, Decimal("1E-1999999999999999997")
NANS = float("nan"), float("nan"), Decimal("NaN"), Decimal("NaN")  # four objects
RIGHT_VALUES: dict[str, tuple[Any, str]] = {
    "keys-nan": (dict(zip(NANS[:2], "ab", strict=True)), "Float NaN twice: it equals nothing."),
    "keys-nan-decimal": (dict(zip(NANS[2:], "ab", strict=True)), "Decimal NaN twice."),
    "keys-nan-in-tuple": ({NANS[:1]: 1, NANS[1:2]: 2}, "Tuples of NaN are not equal either."),
    "set-nan": ({NANS[0], QUIET_NAN}, "Two NaN of other bytes in a set."),
    "keys-subnormal": ({LEAST: 1, Decimal("5E-324"): 2}, "The float is not exactly 5E-324."),
    "keys-2-53": ({2.0**53: 1, 2**53 + 1: 2}, "The int is not the nearest float."),
    "keys-midnight": (
        {
            date(2024, 2, 29): 1,
            datetime(2024, 2, 29): 2,
            datetime(2024, 2, 29, tzinfo=timezone.utc): 3,
        },
        "A date, a naive datetime and one in UTC are never equal.",
    ),
    "decimal-greatest": (Decimal("1.5E+999999999999999999"), "The greatest adjusted exponent."),
    "decimal-least": (DECIMAL_LEAST, "The least exponent."),
    "decimal-zero-limits": (
        [Decimal("0E+999999999999999999"), Decimal("0E-1999999999999999997")],
        "Zeros of the greatest exponent and of the least.",
    ),
    "str-bom": ("\ufeffa", "U+FEFF is a character like others."),
}


def sessions() -> Iterator[Vector]:
    """Yield what is valid, and what it is valid for."""

    def valid(name: str, description: str, session: Session = SESSION, **options: Any) -> Vector:
        return vector(name, description, session.cookie(**options), session)

    yield valid("empty", "No data at all.", Session({}))
    yield valid("smallest", "No data and no padding: 113 characters.", Session({}), pad=0)
    yield valid("small", "One key from the name table.")
    yield valid("typical", "A login and a cart.", Session(TYPICAL, created=NOW - 3600))
    for kind, values in TYPES.items():
        yield valid(f"type-{kind}", f"{kind}: every form.", Session({"v": values}))
    for name, (value, description) in RIGHT_VALUES.items():
        yield valid(f"value-{name}", description, Session({"v": value}))
    everything = {kind: values[-1] for kind, values in TYPES.items()}
    yield valid("type-all", "One value of each type, as top-level values.", Session(everything))
    yield valid(
        "names", "Every name of the table, in the table's order.", Session(dict.fromkeys(NAMES, 0))
    )
    other_names = {"chat_history": 111, "Chat_history": 1, "": 2, "0": 3, "user": {"user": 4}}
    yield valid(
        "names-mixed",
        "Names in the table and not, and a nested name, which is never looked up.",
        Session(other_names),
    )
    yield valid("depth-32", "A list at depth 32.", Session({"v": nested(31)}))
    html = nested(30)
    innermost(html).append(HtmlText("a"))
    yield valid("depth-32-html", "An HTML-safe text, an array itself, at 32.", Session({"v": html}))
    yield valid("pad-0", "No padding.", pad=0)
    yield valid("pad-32", "Padded to 64 bytes, two times 32.", Session({"v": "x" * 20}), pad=26)
    yield valid("pad-31", "31 bytes of padding, to no multiple: readers take it.", pad=31)
    longest = Session({"v": b"\x5a" * 2980})
    yield valid("longest", "4093 characters, what one cookie may have.", longest, pad=0)

    for stem, name, namespace in (
        ("name", "id", ""),
        ("namespace", "session", "shop"),
        ("namespace-not-ascii", "session", "Läden/東京"),
    ):
        yield vector(
            stem,
            "Name and namespace go into every key, as UTF-8 with the lengths in bytes.",
            SESSION.cookie(key=key_for(name, namespace)),
            SESSION,
            name=name,
            namespace=namespace,
        )


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def innermost(value: list[Any]) -> list[Any]:
    while value:
        value = value[0]
    return value


def lifetimes() -> Iterator[Vector]:
    """Yield sessions around their ends, and what they carry about them."""
    idle = Session(issued=NOW - IDLE - 60, created=NOW - IDLE - 60)
    absolute = Session(issued=NOW, created=NOW - ABSOLUTE - 60)
    remembered = Session(issued=NOW - 6, created=NOW - 40 * DAY - 60, remembered=40 * DAY)
    policy = Session(issued=NOW - 6, created=NOW - REMEMBER - 60, remembered=100 * DAY)
    both = Session(issued=NOW - IDLE - 60, created=NOW - ABSOLUTE - 60)
    for name, session, refusal, why in (
        ("idle", idle, "idle_expired", "issued + idle timeout + 60 s"),
        ("absolute", absolute, "expired", "created + absolute timeout + 60 s"),
        ("remembered", remembered, "expired", "created + remembered + 60 s"),
        ("remembered-policy", policy, "expired", "created + remember timeout + 60 s"),
        ("both", both, "expired", "the end by both timeouts at once + 60 s"),
    ):
        yield vector(f"alive-{name}", f"Now is {why}: alive.", session.cookie(), session)
        yield vector(
            f"expired-{name}", f"Now is {why} + 1 s: over.", session.cookie(), refusal, now=NOW + 1
        )
    own = {
        "remembered": Session(remembered=30 * DAY),
        "remembered-idle": Session(
            issued=NOW - 20 * DAY, created=NOW - 20 * DAY, remembered=REMEMBER
        ),
        "remembered-longest": Session(remembered=2**31 - 1),
        "forgotten": Session(forgotten=True),
        "remembered-forgotten": Session(remembered=1, forgotten=True),
    }  # fmt: skip
    for name, session in own.items():
        yield vector(f"own-{name}", f"{name}: its own lifetime.", session.cookie(), session)

    ahead = Session(issued=NOW + 300, created=NOW + 300)
    yield vector("ahead-300", "Issued 300 s ahead of now.", ahead.cookie(), ahead)
    yield vector("ahead-301", "Issued 301 s ahead.", ahead.cookie(), "not_yet_valid", now=NOW - 1)
    yield vector("issued-after", "Issued in that very second.", TEXT, SESSION, issued_after=NOW)
    yield vector(
        "issued-too-early", "Issued a second before.", TEXT, "issued_too_early",
        issued_after=NOW + 1,
    )  # fmt: skip

    for name, moment in (("2-32", 2**32 + NOW), ("2-40", 2**40 - 1)):
        late = Session(issued=moment, created=moment)
        yield vector(
            f"issued-{name}", "Issued takes 40 bits, and its epoch up to 26.", late.cookie(), late,
            now=moment,
        )  # fmt: skip
    ancient = Session(issued=5, created=0)
    yield vector("created-0", "Age is issued, not greater.", ancient.cookie(), ancient, now=5)
    yield vector(
        "now-fraction-end", "Now is rounded down: alive.", idle.cookie(), idle, now=NOW + 0.9
    )
    yield vector(
        "now-fraction-ahead", "Now is rounded down: issued 301 s ahead.", ahead.cookie(),
        "not_yet_valid", now=NOW - 0.1,
    )  # fmt: skip


def with_character(text: str, position: int, character: str) -> str:
    return text[:position] + character + text[position:][1:]


def flipped(text: str, position: int) -> str:
    return with_character(text, position, "A" if text[position] != "A" else "B")


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def unsigned() -> Iterator[Vector]:
    """Yield what is refused up to step 4."""
    too_long = Session({"v": b"\x5a" * 2981})
    yield vector("missing", "No cookie of this name.", [("session", TEXT)], "missing")
    for name, description, text in (
        ("empty", "An empty value.", ""),
        ("too-short", "112 characters, signed.", signed(TEXT[:68])),
        ("too-long", "4095 characters, sealed and signed.", too_long.cookie(pad=0)),
        ("not-ascii", "One character is not ASCII.", with_character(TEXT, 60, "\u00ff")),
        ("signature-cut", "The last character is gone.", TEXT[:-1]),
        ("signature-longer", "A character was appended.", TEXT + "A"),
        ("dot-replaced", "Another character instead of the dot.", with_character(TEXT, -44, "~")),
    ):
        yield vector(f"malformed-{name}", description, text, "malformed")
    for first in "02=":
        yield vector(
            f"first-character-{first.replace('=', 'other')}",
            f"The first character is {first}, and signed.",
            signed(first + TEXT[1:-44]),
            "unknown_format",
        )
    yield vector("kid-flipped", "No key has this kid.", flipped(TEXT, 3), "unknown_key")
    for name, key in (
        ("secret", key_for(secret=OTHER_SECRET)),
        ("name", key_for("other")),
        ("namespace", key_for(namespace="other")),
        ("name-joined", key_for("sessio", "n")),
    ):
        text = SESSION.cookie(key=key)
        yield vector(f"other-{name}", f"Sealed for another {name}.", text, "unknown_key")
        grafted = "1" + TEXT[1:5] + text[5:]
        yield vector(f"other-{name}-our-kid", "The same, with our kid.", grafted, "bad_signature")
    # Characters: 5 to 11 issued, 12 to 26 nonce, then ciphertext, tag, signature.
    for name, position in (
        ("issued", 8), ("nonce", 20), ("ciphertext", 32), ("tag", -50), ("signature", -20),
    ):  # fmt: skip
        yield vector(
            f"flipped-{name}", f"One character of the {name} differs.", flipped(TEXT, position),
            "bad_signature",
        )  # fmt: skip
    last = ALPHABET.index(TEXT[-1])
    for bits in (1, 2, 3):
        yield vector(
            f"signature-spelling-{bits}",
            "The signature's last character, spelled so that it decodes alike.",
            TEXT[:-1] + ALPHABET[last ^ bits],
            "bad_signature",
        )


def payloads() -> Iterator[Vector]:
    """Yield what is signed, but not base64url in its one spelling (step 5)."""
    # This nonce puts "-" and "_" where "+" and "/" can stand for them.
    text = SESSION.cookie(nonce=bytes.fromhex("00fbefbeffffff0000000000"))
    payload = text[:-44]
    tail = payload[:-1] + ALPHABET[ALPHABET.index(payload[-1]) ^ 1]
    four = cookie(b"\x80", pad=1)[:-44]  # a length of 2 modulo 4: four unused bits
    for name, spelling in (
        ("plus", payload.replace("-", "+")),
        ("slash", payload.replace("_", "/")),
        ("padding", payload + "=" * (-(len(payload) - 1) % 4)),
        ("dot", payload[:40] + "." + payload[41:]),
        ("newline", payload[:40] + "\n" + payload[40:]),
        ("newline-last", payload + "\n"),
        ("space", payload[:40] + " " + payload[41:]),
        ("length-1-mod-4", payload + "A" * ((1 - len(payload) + 1) % 4)),
        ("unused-2-bits", tail),
        ("unused-4-bits", four[:-1] + ALPHABET[ALPHABET.index(four[-1]) ^ 8]),
    ):
        assert spelling not in (payload, four), "this nonce does not show it"
        yield vector(
            f"base64-{name}", f"Signed, but not base64url: {name}.", signed(spelling),
            "bad_payload",
        )  # fmt: skip


def ciphertexts() -> Iterator[Vector]:
    """Yield what is signed with our key, yet not sealed with it (step 6)."""
    block = inner(pack(SESSION.data))
    good = raw(block)
    other = key_for(namespace="other")
    prefix = good[:8]

    def bent(position: int) -> bytes:
        changed = bytearray(good)
        changed[position] ^= 1
        return bytes(changed)

    for name, description, sealed in (
        ("issued", "Issued differs from what was sealed.", bent(7)),
        ("nonce", "The nonce differs.", bent(8)),
        ("first-byte", "The first byte of the ciphertext differs.", bent(20)),
        ("last-byte", "The last byte of the ciphertext differs.", bent(-17)),
        ("tag", "The tag's first byte differs.", bent(-16)),
        ("tag-last", "The tag's last byte differs.", bent(-1)),
        ("tag-cut", "The tag lacks its last byte.", good[:-1]),
        ("no-version", "Additional data without the 1.", raw(block, additional=prefix)),
        ("kid-only", "Additional data without issued.", raw(block, additional=b"1" + prefix[:3])),
        ("next-epoch", "Sealed with the next epoch's key.", raw(block, epoch=(NOW >> 14) + 1)),
        ("namespace", "Sealed for another namespace.", prefix + raw(block, key=other)[8:]),
    ):
        yield vector(
            f"gcm-{name}", f"Signed. {description}", signed("1" + base64url(sealed)),
            "bad_ciphertext",
        )  # fmt: skip
    late = 2**32 + NOW
    yield vector(
        "gcm-epoch-32-bits", "Signed. Sealed with the epoch of issued's last 32 bits.",
        signed("1" + base64url(raw(block, issued=late, epoch=NOW >> 14))), "bad_ciphertext",
        now=late,
    )  # fmt: skip


def inner_blocks() -> Iterator[Vector]:
    """Yield what is sealed, but not a well-formed inner block (step 7)."""
    for codec in (1, 2, 3):
        yield refused(f"inner-codec-{codec}", "A reserved codec.", codec=codec)
    yield refused("inner-own-0", "An own lifetime of 0 is not written.", own=0)
    yield refused("inner-pad-nonzero-first", "First byte.", pad=2, padding=b"\1\0")
    yield refused("inner-pad-nonzero-last", "Last byte.", pad=2, padding=b"\0\1")
    yield refused("inner-pad-missing", "The body stands where padding should.", pad=1, padding=b"")
    yield refused(
        "inner-pad-too-long", "31 bytes in a block of 17.", b"\x80", pad=31, padding=bytes(2)
    )
    yield refused("inner-body-empty", "A body has a byte at least.", b"", pad=2)
    yield refused("inner-body-padded-away", "Padding takes all.", b"", pad=3)
    yield refused("inner-own-body-empty", "18 bytes, with own lifetime.", b"", own=1, pad=0)
    # 17 bytes that say they carry an own lifetime: the sid has 8.
    yield refused("inner-truncated", "The sid is cut.", b"", own=1, sid=SID[:-1], pad=0)
    # Over since a second, and defective: whether it is well formed is asked first.
    over = {"age": ABSOLUTE + 61}
    yield refused("inner-codec-before-end", "Reserved codec, and expired.", codec=1, **over)
    yield refused("inner-body-before-end", "Empty body, and expired.", b"", pad=2, **over)
    yield refused("inner-age-before-end", "Age greater than issued, and expired.", age=NOW + 1)
    yield vector(
        "inner-age", "Age greater than issued: created before 1970.",
        cookie(pack(SESSION.data), issued=5, age=6), "bad_payload", now=5,
    )  # fmt: skip
    yield vector(
        "inner-end-before-body", "No canonical body, and expired: the body is not looked at.",
        cookie(b"\xde\x00\x00", **over), "expired",
    )  # fmt: skip


def refused(name: str, description: str, body: bytes = pack(SESSION.data), **bent: Any) -> Vector:
    """Make a vector that is right up to step 7, and refused there or in step 8."""
    return vector(name, description, cookie(body, **bent), "bad_payload")


def packed(value: Any) -> bytes:
    """Pack one value, canonically."""
    return pack({"v": value})[3:]


def value_of(form: bytes) -> bytes:
    """Return the body {"v": form}."""
    return b"\x81\xa1v" + form


def extension(code: int, content: bytes) -> bytes:
    fixed = {1: b"\xd4", 2: b"\xd5", 4: b"\xd6", 8: b"\xd7", 16: b"\xd8"}.get(len(content))
    if fixed:
        return fixed + bytes([code]) + content
    if len(content) < 256:
        return bytes([0xC7, len(content), code]) + content
    return b"\xc8" + struct.pack(">HB", len(content), code) + content


def signed_bytes(number: int, length: int) -> bytes:
    return number.to_bytes(length, "big", signed=True)


LONGER_FORMS = {
    "uint8": "cc05", "uint16": "cd00ff", "uint32": "ce0000ffff", "uint64": "cf00000000ffffffff",
    "int8": "d0ff", "int16": "d1ff80", "int32": "d2ffff8000", "int64": "d3ffffffff80000000",
    "int8-positive": "d005", "int16-positive": "d10100", "int32-positive": "d200010000",
    "int64-positive": "d30000000100000000",
    "float32": "ca3f000000",
    "str8": "d90161", "str16": "da000161", "str32": "db0000000161",
    "bin16": "c5000161", "bin32": "c60000000161",
    "array16": "dc000101", "array32": "dd0000000101",
    "map16": "de0001a16101", "map32": "df00000001a16101",
    "ext8": "c71005" + "00" * 16, "ext16": "c8000306312e35", "ext32": "c90000000306312e35",
    "mark-ext16": "92c800000105",
}  # fmt: skip
MARK_TUPLE, MARK_SET, MARK_FROZENSET, MARK_HTML = (bytes([0xC7, 0, code]) for code in (1, 2, 3, 13))
TIME = struct.Struct(">BBBI")
DATETIME = struct.Struct(">HBBBBBI")
NEW_YEAR = DATETIME.pack(2024, 1, 1, 0, 0, 0, 0)
EQUAL_TO_1 = {"true": True, "float": 1.0, "decimal": Decimal("1.0")}
EQUAL_KEYS = {kind: packed(one) for kind, one in EQUAL_TO_1.items()}
NOON = MOMENT.replace(hour=12, tzinfo=timezone.utc)
EQUAL_PAIRS: dict[str, tuple[Any, Any]] = {
    "zero": (0, -0.0),
    "infinity": (float("inf"), Decimal("Infinity")),
    "subnormal": (LEAST, Decimal(LEAST)),
    "html": ("a", HtmlText("a")),
    "instant": (NOON, NOON.astimezone(ZONE)),
    "fold": (MOMENT, MOMENT.replace(fold=1)),
    "fold-offset": (NOON.astimezone(ZONE), NOON.astimezone(ZONE).replace(fold=1)),
    "fold-time": (time(2, 30), time(2, 30, fold=1)),
    "tuple": ((1, "a"), (True, "a")),
    "frozenset": (frozenset({1, "a"}), frozenset({1.0, "a"})),  # in another order, packed
}
WRONG_VALUES = {
    "never-used": (b"\xc1", "The byte c1."),
    "truncated-str": (b"\xa2a", "A str of two bytes that has one."),
    "truncated-array": (b"\x92\x01", "An array of two that has one."),
    "huge-array": (b"\xdd\xff\xff\xff\xff", "An array of 4294967295 that has none."),
    "utf8-bad": (b"\xa1\xff", "No UTF-8."),
    "utf8-overlong": (b"\xa2\xc0\xaf", "A slash in two bytes."),
    "utf8-surrogate": (b"\xa3\xed\xa0\x80", "A lone surrogate."),
    "utf8-beyond-unicode": (b"\xa4\xf4\x90\x80\x80", "U+110000."),
    "utf8-overlong-3": (b"\xa3\xe0\x80\xaf", "A slash in three bytes."),
    "utf8-overlong-4": (b"\xa4\xf0\x80\x80\xaf", "A slash in four bytes."),
    "utf8-overlong-nul": (b"\xa2\xc0\x80", "U+0000 in two bytes."),
    "utf8-surrogate-pair": (b"\xa6\xed\xa0\xbd\xed\xb2\xa9", "U+1F4A9 as two surrogates."),
    "utf8-continuation": (b"\xa1\x80", "A continuation byte alone."),
    "utf8-cut": (b"\xa2\xe2\x82", "The third byte of U+20AC is missing."),
    "utf8-key": (b"\x81\xa1\xff\x01", "A key that is no UTF-8."),
    "utf8-html": (b"\x92" + MARK_HTML + b"\xa1\xff", "HTML-safe text that is no UTF-8."),
    "unhashable-key": (b"\x81\x90\x01", "A list is a key."),
    "unhashable-key-in-tuple": (b"\x81\x92" + MARK_TUPLE + b"\x90\x01", "A list in a key."),
    "unhashable-member": (b"\x92" + MARK_SET + b"\x90", "A list in a set."),
    "duplicate-key": (b"\x82\xa1a\x01\xa1a\x02", "The key a twice."),
    **{
        f"equal-keys-{kind}": (b"\x82\x01\x01" + form + b"\x02", f"Keys 1 and {kind} are equal.")
        for kind, form in EQUAL_KEYS.items()
    },
    **{
        f"equal-keys-{kind}": (
            b"\x82" + packed(one) + b"\x01" + packed(other) + b"\x02", f"Equal keys: {kind}.",
        )
        for kind, (one, other) in EQUAL_PAIRS.items()
    },
    "key-snan": (b"\x81" + packed(Decimal("sNaN")) + b"\x01", "A signalling NaN is a key."),
    "member-snan": (b"\x92" + MARK_SET + packed(Decimal("sNaN")), "A signalling NaN in a set."),
    "set-unsorted": (b"\x93" + MARK_SET + b"\x02\x01", "2 before 1."),
    "set-duplicate": (b"\x93" + MARK_SET + b"\x01\x01", "1 twice."),
    "set-duplicate-nan": (b"\x93" + MARK_SET + 2 * packed(float("nan")), "NaN twice."),
    "set-equal-members": (b"\x93" + MARK_SET + b"\x01" + packed(1.0), "1 and 1.0 are equal."),
    "frozenset-unsorted": (b"\x93" + MARK_FROZENSET + b"\xa1b\xa1a", "b before a."),
    "frozenset-duplicate": (b"\x93" + MARK_FROZENSET + b"\xa1a\xa1a", "a twice."),
    "mark-alone": (MARK_TUPLE, "A tuple's mark outside of an array."),
    "mark-second": (b"\x92\x01" + MARK_TUPLE, "A tuple's mark that stands second."),
    "mark-with-data": (b"\x92\xd4\x01\x00\x05", "A tuple's mark with a byte of data."),
    "mark-unknown": (b"\x92\xc7\x00\x0e\x05", "A mark of code 14."),
    "html-without-text": (b"\x91" + MARK_HTML, "HTML-safe text without its text."),
    "html-two-texts": (b"\x93" + MARK_HTML + b"\xa1a\xa1b", "HTML-safe text of two."),
    "html-of-int": (b"\x92" + MARK_HTML + b"\x05", "HTML-safe text of an int."),
    "html-of-html": (b"\x92" + MARK_HTML + b"\x92" + MARK_HTML + b"\xa1a", "HTML-safe twice."),
    "extension-0": (extension(0, b"a"), "An extension that is not listed."),
    "extension-14": (extension(14, b"a"), "An extension that is not listed."),
    "extension-127": (extension(127, b"abc"), "An extension that is not listed."),
    "timestamp-32": (extension(0xFF, bytes(4)), "msgpack's own Timestamp."),
    "timestamp-64": (extension(0xFF, b"\0\0\0\4" + bytes(4)), "msgpack's own Timestamp."),
    "timestamp-96": (extension(0xFF, bytes(12)), "msgpack's own Timestamp."),
    "big-int-small": (extension(4, b"\x05"), "5 as a big int."),
    "big-int-2-64-less-1": (extension(4, signed_bytes(2**64 - 1, 9)), "Within msgpack's range."),
    "big-int-minus-2-63": (extension(4, signed_bytes(-(2**63), 8)), "Within msgpack's range."),
    "big-int-longer": (extension(4, signed_bytes(2**64, 10)), "A byte more than needed."),
    "big-int-longer-negative": (extension(4, signed_bytes(-(2**64), 10)), "A byte too many."),
    "big-int-empty": (extension(4, b""), "No bytes."),
    "uuid-15-bytes": (extension(5, bytes(15)), "A UUID has 16."),
    **{
        f"decimal-{kind}": (extension(6, text.encode()), f"A Decimal spelled {text!r}.")
        for kind, text in {
            "small-e": "1e+25", "no-plus": "1E25", "plus": "+1", "leading-zero": "01",
            "point-first": ".5", "point-last": "5.", "zeros": "0.0000000", "shifted": "12E+3",
            "space": " 1", "underscore": "1_0", "inf": "inf", "nan-capital": "NAN", "word": "one",
            "empty": "", "arabic": "\u0661", "nan-0": "NaN0", "nan-012": "NaN012",
            "too-great": "1E+1000000000000000000", "too-small": "1E-1999999999999999998",
            "too-great-zero": "0E+1000000000000000000",
            "too-small-digits": "1.2E-1999999999999999997",
        }.items()
    },
    "date-0": (extension(7, bytes(4)), "The ordinal 0."),
    "date-too-late": (extension(7, struct.pack(">I", 3_652_060)), "10000-01-01."),
    "date-3-bytes": (extension(7, b"\x0b\x48\x00"), "A date has 4 bytes."),
    "time-24": (extension(8, TIME.pack(24, 0, 0, 0)), "24 hours."),
    "time-micros": (extension(8, TIME.pack(0, 0, 0, 1_000_000)), "A million microseconds."),
    "time-short": (extension(8, TIME.pack(0, 0, 0, 0)[:-1]), "A byte is missing."),
    "timedelta-seconds": (extension(9, struct.pack(">iII", 0, DAY, 0)), "86400 s are a day."),
    "timedelta-micros": (extension(9, struct.pack(">iII", 0, 0, 10**6)), "10^6 µs are a second."),
    "timedelta-days": (extension(9, struct.pack(">iII", 10**9, 0, 0)), "10^9 days."),
    "timedelta-days-negative": (extension(9, struct.pack(">iII", -(10**9), 0, 0)), "-10^9 days."),
    "datetime-year-0": (extension(10, DATETIME.pack(0, 1, 1, 0, 0, 0, 0)), "The year 0."),
    "datetime-february-30": (extension(10, DATETIME.pack(2024, 2, 30, 0, 0, 0, 0)), "No such day."),
    "datetime-leap-second": (extension(11, DATETIME.pack(2016, 12, 31, 23, 59, 60, 0)), "60 s."),
    "datetime-long": (extension(10, NEW_YEAR + b"\0"), "A byte too many."),
    "datetime-utc-as-offset": (extension(12, NEW_YEAR + bytes(4)), "UTC with an offset of 0."),
    "datetime-offset-a-day": (extension(12, NEW_YEAR + signed_bytes(DAY, 4)), "24 hours."),
    "datetime-offset-missing": (extension(12, NEW_YEAR), "No offset."),
}  # fmt: skip


def bodies() -> Iterator[Vector]:
    """Yield what is well formed in all but its body (step 8)."""
    for name, form in LONGER_FORMS.items():
        body = value_of(bytes.fromhex(form))
        yield refused(f"longer-{name}", f"{name} where a shorter form would do.", body)
    for name, (form, description) in WRONG_VALUES.items():
        yield refused(f"value-{name}", description, value_of(form))
    for name, body, description in (
        ("map16", b"\xde\x00\x00", "The map itself in a longer form."),
        ("list", b"\x90", "A list instead of a map."),
        ("nil", b"\xc0", "nil instead of a map."),
        ("trailing-byte", b"\x80\x80", "A second value behind the map."),
        ("truncated", b"\x81\xa1v", "A value is missing."),
        ("key-int-int8", b"\x81\xcc\x00\x01", "An index in a longer form."),
        ("key-112", b"\x81\x70\x01", "The first reserved index."),
        ("key-127", b"\x81\x7f\x01", "The last reserved index."),
        ("key-128", b"\x81\xcc\x80\x01", "Beyond the fixints."),
        ("key-minus-1", b"\x81\xff\x01", "A negative index."),
        ("key-spelled-out", b"\x81\xa7user_id\x01", "A name of the table in full."),
        ("key-both", b"\x82\x56\x01\xa7user_id\x01", "A name as its index and in full."),
        ("key-duplicate", b"\x82\xa1v\x01\xa1v\x02", "The key v twice."),
        ("key-duplicate-index", b"\x82\x00\x01\x00\x02", "The index 0 twice."),
        ("key-nil", b"\x81\xc0\x01", "Top-level keys are strings."),
        ("key-bytes", b"\x81\xc4\x01v\x01", "Top-level keys are strings."),
        ("key-true", b"\x81\xc3\x01", "Top-level keys are strings."),
        ("key-utf8", b"\x81\xa1\xff\x01", "Top-level keys are UTF-8."),
        ("key-html", b"\x81\x92" + MARK_HTML + b"\xa1v\x01", "Not even HTML-safe ones."),
    ):
        yield refused(f"body-{name}", description, body)
    deep = b"\x91" * 30
    for name, form in (
        ("list", deep + b"\x91\x90"),
        ("map", deep + b"\x91\x80"),
        ("key", deep + b"\x81\x91" + MARK_TUPLE + b"\x01"),
        ("tuple", deep + b"\x91\x91" + MARK_TUPLE),
        ("set", deep + b"\x91\x91" + MARK_SET),
        ("html", deep + b"\x91\x92" + MARK_HTML + b"\xa1a"),
        ("far-beyond", b"\x91" * 2000 + b"\x90"),
    ):
        yield refused(f"depth-33-{name}", "Nested too deep.", value_of(form))


# Compression. Other builds of zlib write other bytes: of these vectors the cookies may differ.


def deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(level=9, wbits=-15)
    return deflater.compress(data) + deflater.flush()


def stored(data: bytes) -> bytes:
    """Deflate without compressing."""
    return b"\x01" + struct.pack("<HH", len(data), len(data) ^ 0xFFFF) + data


def compressed(value: Any) -> bytes:
    return extension(90, deflate(packed(value)))


def deflated() -> Iterator[Vector]:
    """Yield what has compressed values."""
    prose = "It was the best of times, it was the worst of times. " * 20
    for name, description, data in (
        ("text", "One value is compressed.", {"v": prose}),
        ("two", "Two are, each by itself, and one is not.", {"v": prose, "n": 1, "user": [prose]}),
        ("tiny", "19 bytes that take 18, header and all.", {"v": "abcdefghijabcdefgh"}),
        ("tiny-fixext", "As tiny, but 16 bytes with a header of 2.", {"v": "abcdefghijkabcdefg"}),
        ("one-limit", "Inflates to 65536 bytes, all that is allowed.", {"v": "a" * 65_533}),
        ("two-limit", "Two inflate to 65536 together.", {"v": "a" * 65_000, "n": "b" * 530}),
        ("depth-32", "A list at depth 32, inside.", {"v": [prose, nested(30)]}),
    ):
        body = bytes([0x80 + len(data)]) + b"".join(
            pack({key: 0})[1:-1] + (packed(value) if value == 1 else compressed(value))
            for key, value in data.items()
        )
        yield vector(f"deflate-{name}", description, cookie(body), Session(data))
    good = deflate(packed(prose))
    over = value_of(compressed("a" * 65_000)) + b"\xa1n" + compressed("b" * 531)
    empty_text = packed(prose) + b"\xa0"
    for name, form, description in (
        ("trailing-byte", extension(90, good + b"\0"), "A byte behind the end of the data."),
        ("unfinished", extension(90, good[:-1]), "The last byte of the data is missing."),
        ("empty", b"\xc7\x00\x5a", "No data."),
        ("not-deflate", extension(90, b"\xff" + good[1:]), "A block of the reserved type."),
        ("zlib", extension(90, zlib.compress(packed(prose))), "With a zlib header: not raw."),
        ("bomb", extension(90, deflate(packed("a" * 65_534))), "Inflates to 65537 bytes."),
        ("bomb-huge", extension(90, deflate(packed("a" * 10**6))), "Inflates to a million bytes."),
        ("not-shorter", extension(90, stored(packed("a" * 40))), "Longer than the value itself."),
        # Written by one zlib, as these lengths must be what they are: 18 bytes, and inflated 18.
        ("equal", extension(90, bytes.fromhex("db9898949c929a969e919905650100")),
         "As long as the value itself, with a header of 3."),
        ("equal-fixext", extension(90, bytes.fromhex("db9898949c929a969e9199950d610200")),
         "As long as the value itself, with a header of 2."),
        ("no-value", extension(90, deflate(b"\xc1" * 600)), "Inflates to no msgpack."),
        ("two-values", extension(90, deflate(empty_text)), "Inflates to two values."),
        ("longer-form", extension(90, deflate(b"\xdb\0\0\0\xc8" + b"a" * 200)), "str32 of 200."),
        ("nested", extension(90, deflate(extension(90, stored(b"\xd9\xc8" + b"a" * 200)))),
         "A compressed value inside of one."),
        ("nested-deeper", extension(90, deflate(b"\x91" + extension(90, stored(b"a" * 200)))),
         "A compressed value in a list inside of one."),
        ("in-list", b"\x91" + extension(90, good), "Not the value of a top-level key."),
        ("depth-33-html", extension(
            90, deflate(b"\x91" * 31 + b"\x92" + MARK_HTML + packed(prose))),
         "HTML-safe text is an array: too deep, inside."),
        ("depth-33", extension(
            90, deflate(b"\x92" + packed(prose) + b"\x91" * 30 + b"\x90")), "Too deep, inside."),
    ):  # fmt: skip
        yield refused(f"deflate-{name}", description, value_of(form))
    yield refused("deflate-bomb-of-two", "Two inflate to 65537 together.", b"\x82" + over[1:])


# Several cookies.


def split(text: str, count: int, *, tag: str = "", mark: str = "") -> Cookies:
    """Cut a text into a head and parts of much the same length."""
    tag = tag or text[-43:][:8]
    cuts = [len(text) * number // count for number in range(count + 1)]
    first, *rest = (text[start:end] for start, end in pairwise(cuts))
    parts = [(part_name(number, tag), part) for number, part in enumerate(rest, 1)]
    return [("__Host-session", f"~{mark or count}.{tag}.{first}"), *parts]


def part_name(number: int | str, tag: str = TEXT[-43:][:8]) -> str:
    return f"__Host-session.{tag}.{number}"


def splits() -> Iterator[Vector]:
    """Yield what came in several cookies."""
    big = Session({"v": b"\x5a" * 5_000, "user_id": 7})
    for count in (2, 11, 20):
        yield vector(
            f"split-{count}", f"A session in {count} cookies.", split(big.cookie(), count), big,
            max_cookies=20,
        )  # fmt: skip
    yield vector(
        "split-too-long", "Longer than max_cookies allow.", split(big.cookie(), 2), "malformed"
    )
    yield vector(
        "split-short", "Cut where none was needed, in more than max_cookies.", split(TEXT, 3),
        SESSION,
    )  # fmt: skip
    head, *parts = split(TEXT, 4)
    junk = "junk"
    last, end = parts[-1]
    yield vector("split-reordered", "Parts before the head.", [*parts[::-1], head], SESSION)
    tag = TEXT[-43:][:8]

    def two(head: str, part: str) -> Cookies:
        return [("__Host-session", head), (part_name(1), part)]

    for kind, description, cookies in (
        ("part", "The last part is empty.", two(f"~2.{tag}.{TEXT}", "")),
        ("head", "The head holds no text.", two(f"~2.{tag}.", TEXT)),
    ):
        yield vector(f"split-empty-{kind}", description, cookies, SESSION)
    for kind, start in (
        ("count-21", f"~21.{tag}."), ("count-02", f"~02.{tag}."), ("count-missing", f"~.{tag}."),
        ("tag-7", f"~2.{tag[1:]}."), ("tag-9", f"~2.{tag}A."), ("tag-character", f"~2.{tag[1:]}+."),
        ("no-tag", "~2."), ("space", f"~2 .{tag}."),
    ):  # fmt: skip
        yield vector(
            f"split-no-head-{kind}", "No head, but a text whose first character is ~.",
            two(start + TEXT, ""), "unknown_format",
        )  # fmt: skip
    for name, description, extra in (
        ("other-tag", "A part of another tag.", (part_name(1, "AAAAAAAA"), junk)),
        ("beyond", "A part that the head does not count.", (part_name(4), junk)),
        ("index-0", "No part has the index 0.", (part_name(0), junk)),
        ("index-20", "No part has the index 20.", (part_name(20), junk)),
        ("index-01", "An index has no leading zero.", (part_name("01"), junk)),
    ):
        yield vector(f"split-ignored-{name}", description, [head, extra, *parts], SESSION)
    for number in range(3):
        kept = parts[:number] + parts[number + 1 :]
        yield vector(
            f"split-missing-{number + 1}", "A part did not come.", [head, *kept], "incomplete"
        )
    yield vector("split-missing-head", "Parts without their head.", parts, "missing")
    first, (name_1, text_1), (name_2, text_2), third = split(Session(TYPICAL).cookie(), 4)
    swapped = [first, (name_1, text_2), (name_2, text_1), third]
    for name, description, cookies, reason in (
        ("missing-all", "The head alone.", [head], "incomplete"),
        ("tag-other", "Parts of the head's tag, which is not the signature's.",
         split(TEXT, 4, tag="AAAAAAAA"), "malformed"),
        ("swapped", "Parts under each other's names.", swapped, "bad_signature"),
        ("part-cut", "The last part lacks its last character.",
         [head, *parts[:-1], (last, end[:-1])], "malformed"),
        ("part-changed", "One character of a part differs.",
         [head, (parts[0][0], flipped(parts[0][1], 9)), *parts[1:]], "bad_signature"),
        # What is no head is a text; these have fewer than 113 characters.
        ("count-0", "A head counts 2 to 20.", split(TEXT, 2, mark="0"), "malformed"),
        ("count-1", "A head counts 2 to 20.", split(TEXT, 2, mark="1"), "malformed"),
        ("count-21", "A head counts 2 to 20.", split(TEXT, 20, mark="21"), "malformed"),
        ("count-02", "No leading zero.", split(TEXT, 2, mark="02"), "malformed"),
        ("tag-short", "A tag has 8 characters.",
         split(TEXT, 2, tag=TEXT[-43:][:7]), "malformed"),
        ("no-head-long", "No head, and long enough for a text: its first character is ~.",
         [("__Host-session", f"~1.{TEXT[-43:][:8]}.{TEXT}")], "unknown_format"),
    ):  # fmt: skip
        yield vector(f"split-{name}", description, cookies, reason)


def duplicates() -> Iterator[Vector]:
    """Yield what came several times under one name."""
    newer = Session({"user_id": 8}, issued=NOW + 1, sid=OTHER_SID)
    twin = Session({"user_id": 8}, sid=OTHER_SID)
    junk = flipped(TEXT, -20)
    expired = Session(created=NOW - ABSOLUTE - 61).cookie()
    for name, description, texts, expected in (
        ("newer-last", "The one issued last is taken.", [TEXT, newer.cookie()], newer),
        ("newer-first", "The one issued last is taken.", [newer.cookie(), TEXT], newer),
        ("equal", "Of equals, the first.", [TEXT, twin.cookie()], SESSION),
        ("junk-first", "A refused one does not matter.", [junk, "", TEXT], SESSION),
        ("junk-last", "A refused one does not matter.", [TEXT, junk], SESSION),
        ("fourth", "The fourth is looked at.", ["", "", "", TEXT], SESSION),
        ("fifth", "The fifth is not.", ["", "", "", "", TEXT], "malformed"),
        ("refused", "The first one's reason is told.", [expired, junk], "expired"),
        ("refused-reversed", "The first one's reason is told.", [junk, expired], "bad_signature"),
    ):
        cookies = [("__Host-session", text) for text in texts]
        yield vector(f"duplicate-{name}", description, cookies, expected)

    head, one, two = split(TEXT, 3)
    wrong_one, wrong_two = ((name, flipped(part, 9)) for name, part in (one, two))
    other = split(newer.cookie(), 2)
    plain = ("__Host-session", TEXT)
    for name, description, cookies, expected in (
        ("part-junk-first", "The second assembly takes the second of each name, or its last.",
         [head, wrong_one, one, two], SESSION),
        ("part-two-of-each", "The second assembly takes the second of each name.",
         [head, wrong_one, wrong_two, one, two], SESSION),
        ("part-crossed", "No assembly takes the second of one name and the first of another.",
         [head, wrong_one, one, two, wrong_two], "bad_signature"),
        ("part-fifth", "The fifth of a part's name is not looked at.",
         [head, *[wrong_one] * 4, one, two], "bad_signature"),
        ("head-other-tag", "Two heads, each with parts of its own.",
         [head, *other, one, two], newer),
        ("head-and-plain", "A text, and a head whose parts did not come.", [head, plain], SESSION),
        ("head-incomplete-first", "The first one's reason is told.",
         [head, ("__Host-session", "")], "incomplete"),
    ):  # fmt: skip
        yield vector(f"duplicate-{name}", description, cookies, expected)


def vectors() -> dict[str, dict[str, Any]]:
    """Make all vectors, by name."""
    made: dict[str, dict[str, Any]] = {}
    for section in (
        sessions, lifetimes, unsigned, payloads, ciphertexts, inner_blocks, bodies, deflated,
        splits, duplicates,
    ):  # fmt: skip
        for name, content in section():
            assert name not in made, name
            made[name] = content
    return made


def as_text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    for name, content in vectors().items():
        path = FOLDER / f"{name}.json"
        if not path.exists():
            path.write_text(as_text(content), encoding="utf-8")
