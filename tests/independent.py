"""An opener for cookies of format version 1 that shares no code with the library.

    expectation   a vector (`tests/vectors/README.md`) -> what becomes of its cookies

It was written from `docs/format.md`, and the numbered steps are that page's. All but SHA-256, HMAC
and inflate is done here, AES and GCM included: slowly, and not in constant time. Where the library
packs again what it unpacked and compares, this one checks each form as it reads it.
"""

import base64
import hmac
import json
import math
import re
import struct
import zlib
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from uuid import UUID


class Refused(Exception):
    """The cookie is refused, for the reason that the page gives in brackets."""


def require(condition, reason="bad_payload"):
    if not condition:
        raise Refused(reason)


# Several cookies: the texts to try, and the one that counts.


def expectation(vector):
    """Say what becomes of a vector's cookies, in the form of its `expect`."""
    outcomes = []
    for text in texts(vector):
        try:
            require(text is not None, "incomplete")
            outcomes.append(read(text, vector))
        except Refused as refusal:
            outcomes.append({"status": str(refusal)})
    valid = [outcome for outcome in outcomes if outcome["status"] == "valid"]
    if valid:
        return max(valid, key=lambda outcome: outcome["issued"])  # of equals, the first
    return outcomes[0] if outcomes else {"status": "missing"}


def texts(vector):
    """Return the assemblies, at most four; None where a part is missing."""
    name = "__Host-" + vector["name"]
    came = {}
    for cookie_name, value in vector["cookies"]:
        if cookie_name == name or cookie_name.startswith(name + "."):
            came.setdefault(cookie_name, []).append(value)
    if name not in came:
        return []
    most = max(map(len, came.values()))
    return [assembly(came, name, k) for k in range(min(most, 4))]


HEAD = r"~([2-9]|1[0-9]|20)\.([A-Za-z0-9_-]{8})\.(.*)"


def assembly(came, name, k):
    def occurrence(cookie_name):
        return came[cookie_name][: k + 1][-1]

    head = re.fullmatch(HEAD, occurrence(name), re.DOTALL)
    if not head:
        return occurrence(name)
    count, tag, text = head.groups()
    for number in range(1, int(count)):
        part = f"{name}.{tag}.{number}"
        if part not in came:
            return None
        text += occurrence(part)
    return text if text[-43:].startswith(tag) else ""  # which step 1 calls malformed


# One cookie: the steps of "Reading".


def read(text, vector):
    # 1. Length, ASCII.
    require(113 <= len(text) <= 4093 * vector["max_cookies"] and text.isascii(), "malformed")
    # 2. Format.
    require(text[0] == "1", "unknown_format")
    # 3. Shape and key.
    require(text[-44] == ".", "malformed")
    keys = Keys(vector)
    require(text[1:5] == base64url(keys.kid), "unknown_key")
    # 4. Signature, compared as text.
    signed, signature = text[:-44], text[-43:]
    mac = hmac.digest(keys.sign_key, signed.encode(), "sha256")
    require(hmac.compare_digest(signature, base64url(mac)), "bad_signature")
    try:
        return opened(signed[1:], keys, vector)
    except Refused:
        raise
    except Exception:  # noqa: BLE001  the page: any exception in steps 5 to 8
        raise Refused("bad_payload") from None


def opened(payload, keys, vector):
    now = math.floor(vector["now"])
    # 5. Base64url in its one spelling, and the time of issue.
    raw = base64.b64decode(payload + "=" * (-len(payload) % 4), b"-_")
    require(base64url(raw) == payload)
    issued = int.from_bytes(raw[3:8], "big")
    require(issued <= now + 300, "not_yet_valid")
    require(issued >= vector["issued_after"], "issued_too_early")
    # 6. Decryption.
    inner = gcm_open(keys.epoch_key(issued >> 14), raw[8:20], raw[20:], b"1" + raw[:8])
    # 7. The inner block, and the end.
    flags, age = struct.unpack_from(">BI", inner)
    pad, codec, has_own = flags & 31, flags >> 5 & 3, flags >> 7
    own = int.from_bytes(inner[5:9], "big") if has_own else 0
    sid_at = 9 if has_own else 5
    body = inner[sid_at + 9 : len(inner) - pad]
    require(codec == 0 and bool(own) == bool(has_own))
    require(len(inner) > sid_at + 9 + pad and inner.endswith(bytes(pad)))
    require(age <= issued)
    remembered, forgotten, created = own & 0x7FFF_FFFF, bool(own >> 31), issued - age
    idle_end = issued + vector["idle_timeout"]
    absolute_end = created + vector["absolute_timeout"]
    if remembered:
        end = created + min(remembered, vector["remember_timeout"])
    else:
        end = min(idle_end, absolute_end)
    idle_alone = not remembered and idle_end < absolute_end
    require(now <= end + 60, "idle_expired" if idle_alone else "expired")
    # 8. The data.
    data, uncompressed = session(body)
    return {
        "status": "valid",
        "sid": inner[sid_at : sid_at + 9].hex(),
        "issued": issued,
        "created": created,
        "remembered": remembered,
        "forgotten": forgotten,
        "body": uncompressed.hex(),
        "data": tagged(data),
    }


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Keys:
    """The keys of a name and namespace. Each is at most 32 bytes: one block of HKDF-Expand."""

    def __init__(self, vector):
        prk = hmac.digest(b"cookiesession/1", bytes.fromhex(vector["secret"]), "sha256")
        context = b""
        for text in (vector["name"], vector["namespace"]):
            context += struct.pack(">H", len(text.encode())) + text.encode()
        self.kid = self._expand(prk, b"kid\0" + context)[:3]
        self.sign_key = self._expand(prk, b"sign\0" + context)
        self._enc_root = self._expand(prk, b"enc\0" + context)

    def epoch_key(self, epoch):
        return self._expand(self._enc_root, b"epoch\0" + struct.pack(">I", epoch))

    @staticmethod
    def _expand(prk, info):
        return hmac.digest(prk, b"cookiesession/1 " + info + b"\1", "sha256")


# AES-256 (FIPS 197) in GCM (NIST SP 800-38D).


def gcm_open(key, nonce, sealed, additional):
    encrypt = aes256(key)
    ciphertext, tag = sealed[:-16], sealed[-16:]
    blocks = [nonce + struct.pack(">I", number) for number in range(1, 2 + -(-len(sealed) // 16))]
    first, *stream = map(encrypt, blocks)
    lengths = struct.pack(">QQ", 8 * len(additional), 8 * len(ciphertext))
    hashed = ghash(encrypt(bytes(16)), filled(additional) + filled(ciphertext) + lengths)
    require(hmac.compare_digest(xor(hashed, first), tag), "bad_ciphertext")
    return xor(ciphertext, b"".join(stream))


def ghash(key, text):
    factor, total = int.from_bytes(key, "big"), 0
    for start in range(0, len(text), 16):
        left, power, total = total ^ int.from_bytes(text[start : start + 16], "big"), factor, 0
        for bit in range(127, -1, -1):  # the most significant bit is the coefficient of x^0
            total ^= power if left >> bit & 1 else 0
            power = power >> 1 ^ (0xE1 << 120 if power & 1 else 0)
    return total.to_bytes(16, "big")


def filled(text):
    return text + bytes(-len(text) % 16)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b, strict=False))


def doubled(byte):
    return byte << 1 ^ (0x11B if byte & 0x80 else 0)


def _substitutions():
    powers = [1]  # of 3, which generates the field's multiplicative group
    while len(powers) < 255:
        powers.append(powers[-1] ^ doubled(powers[-1]))
    table = [0x63] * 256
    for exponent, byte in enumerate(powers):
        inverse = powers[-exponent % 255]
        spread = inverse ^ inverse << 1 ^ inverse << 2 ^ inverse << 3 ^ inverse << 4
        table[byte] = (spread ^ spread >> 8) & 0xFF ^ 0x63
    return bytes(table)


SUBSTITUTIONS = _substitutions()


def aes256(key):
    words = [key[start : start + 4] for start in range(0, 32, 4)]
    for number in range(8, 60):
        word = words[-1]
        if number % 8 == 0:
            word = (word[1:] + word[:1]).translate(SUBSTITUTIONS)
            word = xor(word, bytes([1 << number // 8 - 1, 0, 0, 0]))
        elif number % 8 == 4:
            word = word.translate(SUBSTITUTIONS)
        words.append(xor(words[-8], word))
    whitening, *middle, last = (b"".join(words[start : start + 4]) for start in range(0, 60, 4))

    def encrypt(block):
        state = xor(block, whitening)
        for round_key in middle:
            state = xor(mixed(shifted(state)), round_key)
        return xor(shifted(state), last)

    return encrypt


def shifted(state):
    """SubBytes and ShiftRows."""
    return bytes(state[5 * place % 16] for place in range(16)).translate(SUBSTITUTIONS)


def mixed(state):
    """MixColumns."""
    mixed_state = b""
    for start in range(0, 16, 4):
        a, b, c, d = state[start : start + 4]
        total = a ^ b ^ c ^ d
        pairs = ((a, b), (b, c), (c, d), (d, a))
        mixed_state += bytes(x ^ total ^ doubled(x ^ y) for x, y in pairs)
    return mixed_state


# The body.

# The name table is the page's own.
NAMES = [
    name
    for names in re.findall(
        r"^\| \d+(?:-\d+)? \| (`.+?`) \|",
        Path(__file__).parent.parent.joinpath("docs", "format.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    for name in re.findall(r"`(.+?)`", names)
]
TUPLE, SET, FROZENSET, HTML, COMPRESSED = 1, 2, 3, 13, 90

# The first bytes that hold their number or length themselves: the kind, and which.
SHORT = {
    **{byte: ("int", byte) for byte in range(0x80)},
    **{byte: ("map", byte & 15) for byte in range(0x80, 0x90)},
    **{byte: ("array", byte & 15) for byte in range(0x90, 0xA0)},
    **{byte: ("str", byte & 31) for byte in range(0xA0, 0xC0)},
    0xC0: ("constant", None),
    0xC2: ("constant", False),
    0xC3: ("constant", True),
    0xCB: ("float", 8),
    **{byte: ("ext", 1 << byte - 0xD4) for byte in range(0xD4, 0xD9)},
    **{byte: ("int", byte - 0x100) for byte in range(0xE0, 0x100)},
}
# All others: the kind, how many bytes follow, and the least number that needs so many.
LONG = {
    0xC4: ("bin", 1, 0), 0xC5: ("bin", 2, 1 << 8), 0xC6: ("bin", 4, 1 << 16),
    0xC7: ("ext", 1, 0), 0xC8: ("ext", 2, 1 << 8), 0xC9: ("ext", 4, 1 << 16),
    0xCC: ("int", 1, 1 << 7), 0xCD: ("int", 2, 1 << 8),
    0xCE: ("int", 4, 1 << 16), 0xCF: ("int", 8, 1 << 32),
    0xD9: ("str", 1, 32), 0xDA: ("str", 2, 1 << 8), 0xDB: ("str", 4, 1 << 16),
    0xDC: ("array", 2, 16), 0xDD: ("array", 4, 1 << 16),
    0xDE: ("map", 2, 16), 0xDF: ("map", 4, 1 << 16),
}  # fmt: skip
NEGATIVE = {0xD0: (1, -32), 0xD1: (2, -1 << 7), 0xD2: (4, -1 << 15), 0xD3: (8, -1 << 31)}


class HtmlText(str):
    __slots__ = ()

    def __html__(self):
        return str(self)


class Reader:
    """A strict reader of msgpack: what is not canonical is refused where it stands."""

    def __init__(self, packed):
        self.packed, self.at = packed, 0

    def at_end(self):
        return self.at == len(self.packed)

    def take(self, length):
        piece = self.packed[self.at : self.at + length]
        require(len(piece) == length)
        self.at += length
        return piece

    def header(self):
        """Read the start of a value: its kind, and its number or length in the shortest form."""
        first = self.take(1)[0]
        if first in SHORT:
            return SHORT[first]
        if first in NEGATIVE:
            size, bound = NEGATIVE[first]
            number = int.from_bytes(self.take(size), "big", signed=True)
            require(number < bound)
            return "int", number
        kind, size, least = LONG[first]
        number = int.from_bytes(self.take(size), "big")
        require(number >= least)
        require(first != 0xC7 or number not in (1, 2, 4, 8, 16))
        return kind, number

    def value(self, depth):
        """Read a value that stands in a container of that depth."""
        kind, number = self.header()
        match kind:
            case "int" | "constant":
                return number
            case "float":
                return struct.unpack(">d", self.take(8))[0]
            case "bin":
                return self.take(number)
            case "str":
                return self.take(number).decode()
            case "array" | "map":
                require(depth < 32)
                return (self.array if kind == "array" else self.map)(number, depth + 1)
        code, content = self.take(1)[0], self.take(number)
        return EXTENSIONS[code](content)

    def array(self, count, depth):
        mark = None
        if count and self.packed[self.at : self.at + 2] == b"\xc7\0":
            mark, count = self.take(3)[2], count - 1
        items, forms = [], []
        for _ in range(count):
            start = self.at
            items.append(self.value(depth))
            forms.append(self.packed[start : self.at])
        if mark in (SET, FROZENSET):
            require(forms == sorted(set(forms)) and len(set(items)) == count)
        if mark == HTML:
            require(count == 1 and type(items[0]) is str)
        return ARRAYS[mark](items)

    def map(self, count, depth):
        entries = {}
        for _ in range(count):
            key = self.value(depth)
            require(key not in entries)  # nor hold two keys that are equal, such as 1 and 1.0
            entries[key] = self.value(depth)
        return entries


ARRAYS = {
    None: list,
    TUPLE: tuple,
    SET: set,
    FROZENSET: frozenset,
    HTML: lambda items: HtmlText(items[0]),
}


def session(body):
    """Read a body: the data, and the body as it is without compression."""
    reader, data, room = Reader(body), {}, 65_536
    kind, count = reader.header()
    require(kind == "map")
    uncompressed = body[: reader.at]
    for _ in range(count):
        start = reader.at
        name = top_level_name(reader.value(1))
        require(name not in data)
        uncompressed += body[start : reader.at]
        start = reader.at
        packed = compressed(reader)
        if packed is None:
            data[name] = reader.value(1)
            packed = body[start : reader.at]
        else:
            packed = inflated(packed, room, reader.at - start)
            room -= len(packed)
            inner = Reader(packed)
            data[name] = inner.value(1)
            require(inner.at_end())
        uncompressed += packed
    require(reader.at_end())
    return data, uncompressed


def top_level_name(key):
    if type(key) is int:
        require(0 <= key < len(NAMES))
        return NAMES[key]
    require(type(key) is str and key not in NAMES)
    return key


def compressed(reader):
    """Take the content of extension 90, or nothing where something else stands."""
    start = reader.at
    kind, length = reader.header()
    if kind == "ext" and reader.take(1)[0] == COMPRESSED:
        return reader.take(length)
    reader.at = start
    return None


def inflated(deflated, room, length):
    inflater = zlib.decompressobj(wbits=-15)
    packed = inflater.decompress(deflated, room + 1)
    require(inflater.eof and not inflater.unused_data and length < len(packed) <= room)
    return packed


# The extensions: each content has one spelling, and the right length.


def big_int(content):
    number = int.from_bytes(content, "big", signed=True)
    require(not -(2**63) <= number < 2**64)
    require(int.from_bytes(content[1:], "big", signed=True) != number)
    return number


def decimal(content):
    text = content.decode("ascii")
    require(str(Decimal(text)) == text)
    return Decimal(text)


def unpacked(layout, content):
    """Unpack fields of which the last is microseconds with fold; it becomes two."""
    *fields, micros = struct.unpack(layout, content)
    return *fields, micros & 0x7FFF_FFFF, micros >> 31


def naive_time(content):
    *fields, fold = unpacked(">BBBI", content)
    return time(*fields, fold=fold)


def moment(content, zone=None):
    *fields, fold = unpacked(">HBBBBBI", content)
    return datetime(*fields, zone, fold=fold)


def moment_at_offset(content):
    (offset,) = struct.unpack(">i", content[11:])
    require(offset != 0)
    return moment(content[:11], timezone(timedelta(seconds=offset)))


def duration(content):
    days, seconds, micros = struct.unpack(">iII", content)
    require(seconds < 86_400 and micros < 1_000_000)
    return timedelta(days, seconds, micros)


EXTENSIONS = {
    4: big_int,
    5: lambda content: UUID(bytes=content),
    6: decimal,
    7: lambda content: date.fromordinal(*struct.unpack(">I", content)),
    8: naive_time,
    9: duration,
    10: moment,
    11: lambda content: moment(content, timezone.utc),
    12: moment_at_offset,
}


# Tagged JSON, as `tests/vectors/README.md` lays it down.


def tagged(value):
    """Write a value as JSON that keeps its type."""
    kind = type(value)
    if value is None or kind in (bool, str) or (kind is int and abs(value) <= 2**53):
        return value
    if kind is float and math.isfinite(value) and value % 1:
        return value
    if kind is list:
        return [tagged(item) for item in value]
    if kind is dict and all(type(key) is str and key[:1] != "$" for key in value):
        return {key: tagged(item) for key, item in value.items()}
    return TAGS[kind](value) if kind in TAGS else tag("html", str(value.__html__()))


def tag(name, value, **more):
    return {"$type": name, "value": value, **more}


def in_any_order(name):
    return lambda members: tag(name, sorted(map(tagged, members), key=json.dumps))


def tagged_moment(value):
    offset = value.utcoffset()
    return tag(
        "datetime",
        value.replace(tzinfo=None).isoformat(timespec="microseconds"),
        fold=value.fold,
        offset=None if offset is None else int(offset.total_seconds()),
    )


TAGS = {
    int: lambda value: tag("int", str(value)),
    float: lambda value: tag("float", struct.pack(">d", value).hex()),
    bytes: lambda value: tag("bytes", value.hex()),
    dict: lambda value: tag("dict", [[tagged(key), tagged(value[key])] for key in value]),
    tuple: lambda value: tag("tuple", [tagged(item) for item in value]),
    set: in_any_order("set"),
    frozenset: in_any_order("frozenset"),
    UUID: lambda value: tag("uuid", value.hex),
    Decimal: lambda value: tag("decimal", str(value)),
    date: lambda value: tag("date", value.isoformat()),
    time: lambda value: tag("time", value.isoformat(timespec="microseconds"), fold=value.fold),
    timedelta: lambda value: tag("timedelta", [value.days, value.seconds, value.microseconds]),
    datetime: tagged_moment,
}
