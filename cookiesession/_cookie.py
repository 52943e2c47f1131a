"""Cookies as bytes: what browsers send, what they are sent, and the cutting in between.

    find      raw Cookie headers -> Jar           what came under one name, parts included
    Jar.texts Jar -> finished texts, to be tried in turn
    Writer    finished text -> Set-Cookie lines   and deletions

The rules for reading are RFC 6265bis, section 5.8.3, turned around, on the bytes that the server
hands over: split on ";", the name ends at the first "=". Quotes, backslashes and "$" mean nothing.
White space other than the space itself, printable or not, makes a name not ours: software that
strips more than a browser does would let `__Host-` names be forged. Every step is linear, and
bounded.

The rules for writing: every attribute is validated when the application starts, each cookie is at
most 4093 bytes from the first byte of its name to the last of its attributes, and a deletion
carries the attributes of what it deletes.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from cookiesession.errors import ConfigurationError

MAX_COOKIE_BYTES: Final = 4093  # browsers drop what is over 4096; some front ends count 3 more
MAX_PARTS: Final = 20
MAX_AGE: Final = 400 * 86_400  # seconds; browsers cut what is longer (RFC 6265bis, 5.5)
MAX_CLEANED: Final = 20  # deletions of stale parts in one response

_MAX_PAIRS: Final = 512  # of all headers together; browsers keep 180 cookies a site
_MAX_CANDIDATES: Final = 4  # cookies of one name that are looked at
_MAX_HEADER_BYTES: Final = 128 * 1024  # above what 20 parts can be

_PART: Final = rb"\.([A-Za-z0-9_-]{8})\.([1-9]|1[0-9])"
_HEAD: Final = re.compile(rb"~([2-9]|1[0-9]|20)\.([A-Za-z0-9_-]{8})\.")
_TAG_CHARACTERS: Final = 8
_SIGNATURE_CHARACTERS: Final = 43
_EXPIRED: Final = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"

# Reading.


class Jar:
    """The cookies of one name that came with a request, in the order in which they came."""

    __slots__ = ("heads", "parts")

    def __init__(self) -> None:
        self.heads: list[bytes] = []
        self.parts: dict[tuple[bytes, int], list[bytes]] = {}

    def texts(self) -> list[bytes | None]:
        """Return the finished texts to try, at most 4; None for one that lacks a part.

        Where a name came several times, assembly k takes the k-th of each name, or its last.
        """
        if len(self.heads) == 1 and not self.heads[0].startswith(b"~"):
            return [*self.heads]
        if not self.heads:
            return []
        return list(dict.fromkeys(self._assembly(k) for k in range(_MAX_CANDIDATES)))

    def _assembly(self, k: int) -> bytes | None:
        head = _nth(self.heads, k)
        cut = _HEAD.match(head)
        if cut is None:
            return head
        tag = cut[2]
        keys = [(tag, number) for number in range(1, int(cut[1]))]
        if not all(key in self.parts for key in keys):
            return None
        text = head[cut.end() :] + b"".join(_nth(self.parts[key], k) for key in keys)
        signature = text[-_SIGNATURE_CHARACTERS:]
        return text if signature.startswith(tag) else b""  # too short to be a cookie: malformed

    def all_parts(self) -> list[tuple[bytes, int]]:
        """Return every part, those that a head names first."""
        stale = dict.fromkeys(self.stale_parts())
        return [part for part in self.parts if part not in stale] + [*stale]

    def stale_parts(self) -> list[tuple[bytes, int]]:
        """Return the parts that no head names: what other tabs or older sessions left."""
        if not self.parts:
            return []
        tags = {cut[2] for cut in map(_HEAD.match, self.heads) if cut}
        return [part for part in self.parts if part[0] not in tags]


def find(headers: Iterable[bytes], name: bytes) -> Jar:
    """Find the cookies of one name, and the parts that belong to it."""
    jar = Jar()
    pairs_left, bytes_left = _MAX_PAIRS, _MAX_HEADER_BYTES
    for header in headers:
        bytes_left -= len(header)
        if bytes_left < 0 or pairs_left <= 0:
            break
        pairs = header.count(b";") + 1
        if pairs > pairs_left:
            header = b";".join(header.split(b";", pairs_left)[:pairs_left])  # noqa: PLW2901
        pairs_left -= pairs
        for match in _pair_of(name).finditer(header):
            start = match.start()
            if header[header.rfind(b";", 0, start) + 1 : start].strip(b" "):
                continue  # it is only the end of another name, or stands in a value
            tag, number, value = match.groups()
            values = jar.parts.setdefault((tag, int(number)), []) if tag else jar.heads
            if len(values) < _MAX_CANDIDATES:
                values.append(value.strip(b" \t"))
    return jar


@lru_cache
def _pair_of(name: bytes) -> "re.Pattern[bytes]":
    """Return the pattern of a pair that has this name, or the name of one of its parts.

    It starts with the name, and not with what may stand before, as C then searches for it fast.
    """
    return re.compile(rb"%b(?:%b)? *=([^;]*)" % (re.escape(name), _PART))


def _nth(values: list[bytes], k: int) -> bytes:
    return values[min(k, len(values) - 1)]


# Writing.

# A host name of two labels or more (RFC 1123): browsers drop or ignore a Domain of one label, and
# take a last label that is a number for an IP address.
_LABEL: Final = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}$)({_LABEL}\.)+(?!([0-9]+|0x[0-9a-f]*)$){_LABEL}")
# The characters of a URL's path (RFC 3986, 3.3) but ";", and no dot segments: browsers resolve
# these and encode others, so that no request's path would match.
_PATH: Final = re.compile(r"(?!.*/(\.|%2[Ee]){1,2}(/|$))/[A-Za-z0-9/._~!$&'()*+,=:@%-]{0,1023}")
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")  # an RFC 9110 token


@dataclass(frozen=True, slots=True)
class CookieAttributes:
    """The attributes of the session's cookies, as RFC 6265bis names them; always HttpOnly.

    Raises `ConfigurationError` for what browsers would drop or change without a word.

    >>> CookieAttributes(samesite="none", secure=False)
    Traceback (most recent call last):
    cookiesession.errors.ConfigurationError: browsers drop samesite="none" and partitioned cookies \
without secure: set secure=True
    """

    path: str = "/"
    domain: str | None = None
    secure: bool = True
    samesite: Literal["lax", "strict", "none"] = "lax"
    partitioned: bool = False
    priority: Literal["low", "medium", "high"] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not _PATH.fullmatch(self.path):
            raise ConfigurationError(
                "the cookie's path must be one as URLs have it: a slash first, other characters "
                'percent-encoded, and neither ";" nor dot segments'
            )
        if self.domain is not None and not _is_domain(self.domain):
            raise ConfigurationError(
                "the cookie's domain must be a host name of two labels or more in small letters, "
                "with no dot before it (example.com; an international one in its xn-- form), or "
                "None for this host alone"
            )
        if type(self.secure) is not bool or type(self.partitioned) is not bool:
            raise ConfigurationError("secure and partitioned must be True or False")
        if self.samesite not in ("lax", "strict", "none"):
            raise ConfigurationError('samesite must be "lax", "strict" or "none"')
        if self.priority not in (None, "low", "medium", "high"):
            raise ConfigurationError('priority must be None, "low", "medium" or "high"')
        if not self.secure and (self.samesite == "none" or self.partitioned):
            raise ConfigurationError(
                'browsers drop samesite="none" and partitioned cookies without secure: '
                "set secure=True"
            )

    @property
    def host_only(self) -> bool:
        """Whether browsers accept these attributes under a `__Host-` name."""
        return self.secure and self.path == "/" and self.domain is None

    def __str__(self) -> str:
        parts = [
            f"Path={self.path}",
            f"Domain={self.domain}" if self.domain else "",
            "Secure" if self.secure else "",
            "HttpOnly",
            f"SameSite={self.samesite.capitalize()}",
            "Partitioned" if self.partitioned else "",
            f"Priority={self.priority.capitalize()}" if self.priority else "",
        ]
        return "".join(f"; {part}" for part in parts if part)


def check_name(name: str) -> None:
    """Raise `ConfigurationError` unless a cookie can have this name."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigurationError(
            "the cookie's name must be 1 to 128 letters, digits or !#$%&'*+-.^_`|~"
        )
    if name.startswith("__"):
        raise ConfigurationError(
            'the cookie\'s name must not start with "__": '
            "the prefix __Host- is added wherever the attributes allow it"
        )


class Writer:
    """Writes the Set-Cookie lines of one cookie."""

    __slots__ = ("_attributes", "_budget", "capacity", "name")

    name: str  # with its prefix
    capacity: int  # the characters that fit in all the cookies that are allowed

    def __init__(self, name: str, attributes: CookieAttributes, max_cookies: int) -> None:
        self.name = f"__Host-{name}" if attributes.host_only else name
        self._attributes = str(attributes)
        # What is left for a name and a value, with the longest Max-Age. The longest attributes and
        # the longest name that are accepted leave 2 500 bytes.
        longest = len(f"; Max-Age={MAX_AGE}") + len(self._attributes)
        self._budget = MAX_COOKIE_BYTES - longest - 1
        self.capacity = self._room(self.name)
        if max_cookies > 1:
            tag = "x" * _TAG_CHARACTERS
            parts = (self.part_name(tag, number) for number in range(1, max_cookies))
            self.capacity = self._head_room(tag) + sum(map(self._room, parts))

    def part_name(self, tag: str, number: int) -> str:
        """Return the name of a part."""
        return f"{self.name}.{tag}.{number}"

    def set(self, text: str, max_age: int | None) -> list[str]:
        """Return the lines that store a text of at most `capacity` characters, the head last."""
        age = "" if max_age is None else f"; Max-Age={min(max_age, MAX_AGE)}"
        ending = age + self._attributes
        if len(text) <= self._room(self.name):
            return [f"{self.name}={text}{ending}"]
        return [f"{name}={value}{ending}" for name, value in self._cut(text)]

    def delete(self, name: str) -> str:
        """Return the line that deletes a cookie."""
        return f"{name}={_EXPIRED}{self._attributes}"

    def _room(self, name: str) -> int:
        return self._budget - len(name)

    def _head_room(self, tag: str) -> int:
        # With room for the longest mark: how many parts follow is known only after the cut.
        return self._room(self.name) - len(_head_mark(MAX_PARTS, tag))

    def _cut(self, text: str) -> list[tuple[str, str]]:
        tag = text[-_SIGNATURE_CHARACTERS:][:_TAG_CHARACTERS]
        start = self._head_room(tag)
        parts: list[tuple[str, str]] = []
        position = start
        while position < len(text):
            name = self.part_name(tag, len(parts) + 1)
            parts.append((name, text[position : position + self._room(name)]))
            position += self._room(name)
        return [*parts, (self.name, _head_mark(len(parts) + 1, tag) + text[:start])]


def _head_mark(count: int, tag: str) -> str:
    return f"~{count}.{tag}."


def _is_domain(domain: object) -> bool:
    return isinstance(domain, str) and bool(_DOMAIN.fullmatch(domain))
