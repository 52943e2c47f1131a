"""A cookie as people have it at hand -> what stands in it, with no key.

    read      pasted text -> Pasted: the cookie's value, or the parts of a split one
    header    Pasted -> Header: what every cookie says openly (`docs/format.md`)

It takes a value, `name=value`, lines with a Cookie or Set-Cookie header (so what `curl -i` prints),
and the parts of a split cookie, named or in their order. Text is taken as Latin-1, so that every
byte is one character. Nothing here is trusted, and nothing raises.
"""

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cookiesession import Incoming

_HEADER_LINE: Final = re.compile(r"[<>]?\s*(set-cookie|cookie)\s*:(.*)", re.IGNORECASE)
_PART_NAME: Final = re.compile(r"(.+)\.([A-Za-z0-9_-]{8})\.([1-9]|1[0-9])")
_HEAD_MARK: Final = re.compile(r"~([2-9]|1[0-9]|20)\.([A-Za-z0-9_-]{8})\.")
_OURS: Final = re.compile(r"~[0-9]{1,2}\.|1[A-Za-z0-9_-]{60,}")
_OPEN_PART: Final = re.compile(r"(.)([A-Za-z0-9_-]{4})([A-Za-z0-9_-]{8})")
_PREFIX: Final = "__Host-"


class Header(NamedTuple):
    """What stands openly in a cookie; whether it is true, only the key can tell."""

    version: str
    key_id: str
    issued: int  # Unix seconds


@dataclass(frozen=True)
class Pasted:
    """A cookie as it was pasted."""

    name: str  # with its prefix; "" where a value came without one
    heads: list[str] = field(default_factory=list[str], repr=False)
    parts: dict[int, str] = field(
        default_factory=dict[int, str], repr=False
    )  # the head's, by number
    count: int = 1  # how many parts there must be

    @property
    def missing(self) -> list[int]:
        """The numbers of the parts that were not pasted; the head is number 0."""
        return [number for number in range(1, self.count) if number not in self.parts]

    @property
    def size(self) -> int:
        """How many characters were pasted, of all parts."""
        return sum(map(len, [*self.heads[:1], *self.parts.values()]))

    @property
    def base(self) -> str:
        """The name as it is given to a `SessionManager`."""
        return self.name.removeprefix(_PREFIX)

    def incoming(self, cookie_name: str) -> Incoming:
        """Return the request that would have brought the cookie under this name."""
        mark = _HEAD_MARK.match(self.heads[0])
        tag = mark[2] if mark else ""
        pairs = [f"{cookie_name}={head}" for head in self.heads]
        pairs += [f"{cookie_name}.{tag}.{number}={part}" for number, part in self.parts.items()]
        return Incoming(cookies=[pair.encode("latin-1") for pair in pairs], host="localhost")


def read(text: str, wanted: str = "") -> Pasted | None:
    """Find the cookie of that name, or the one that looks most like a session."""
    pairs = _pairs(text)
    name = _chosen(pairs, wanted.removeprefix(_PREFIX))
    if name is None:
        return None
    heads = [value for key, value in pairs if key == name]
    if not name and len(heads) > 1 and _HEAD_MARK.match(heads[0]):
        return _assembled(name, heads[:1], dict(enumerate(heads[1:], 1)))
    mark = _HEAD_MARK.match(heads[0])
    parts = {
        int(cut[3]): value
        for cut, value in _part_pairs(pairs)
        if mark and cut[2] == mark[2] and name in ("", cut[1])
    }
    return _assembled(name, heads, parts)


def header(pasted: Pasted) -> Header | None:
    """Return what the cookie says openly; None where it is no cookie of any version of ours."""
    text = pasted.heads[0]
    mark = _HEAD_MARK.match(text)
    match = _OPEN_PART.match(text, mark.end() if mark else 0)
    if not match:
        return None
    raw = urlsafe_b64decode(match[2] + match[3])  # 3 bytes of the key's id, 5 of the time, 1 more
    return Header(match[1], match[2], int.from_bytes(raw[3:8], "big"))


def _assembled(name: str, heads: list[str], parts: dict[int, str]) -> Pasted:
    mark = _HEAD_MARK.match(heads[0])
    count = int(mark[1]) if mark else 1
    return Pasted(name, heads, parts, count)


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return names and values in the order in which they came; "" is the name of a bare value."""
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    headers = [match for match in map(_HEADER_LINE.match, lines) if match]
    if headers:
        found = [_segments(match[2], only_first=len(match[1]) > len("cookie")) for match in headers]
    else:
        found = [_segments(line.strip("'\""), only_first=False) for line in lines]
    return [pair for pairs in found for pair in pairs]


def _segments(line: str, *, only_first: bool) -> list[tuple[str, str]]:
    first, *rest = [segment.strip() for segment in line.split(";")]
    pairs = [("", first)] if first and "=" not in first else []
    segments = [first] if only_first else [first, *rest]
    for segment in segments:
        name, equals, value = segment.partition("=")
        if equals and name.strip() and value.strip():  # an empty one is a deletion
            pairs.append((name.strip(), value.strip()))
    return pairs


def _part_pairs(pairs: list[tuple[str, str]]) -> list[tuple[re.Match[str], str]]:
    named = [(_PART_NAME.fullmatch(name), value) for name, value in pairs]
    return [(match, value) for match, value in named if match]


def _chosen(pairs: list[tuple[str, str]], wanted: str) -> str | None:
    heads = {name: value for name, value in reversed(pairs) if not _PART_NAME.fullmatch(name)}
    if wanted:
        names = [name for name in heads if name.removeprefix(_PREFIX) == wanted or not name]
    else:
        names = sorted(
            heads, key=lambda name: (not _OURS.match(heads[name]), "session" not in name)
        )
    return names[0] if names else None
