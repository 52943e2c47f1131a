"""Session data and its canonical bytes (`docs/format.md`, "Body").

    pack: dict -> msgpack map           unpack: msgpack map -> dict

The rules: a closed list of types, each with one spelling, and nothing is imported or called by what
is decoded. `unpack` accepts exactly what `pack` writes: it packs what it read and compares. That
refuses duplicate keys, trailing bytes, longer forms and unlisted extensions, all in one line.

Values are packed by C, which would let a few types through that do not come back as they were. So
`pack` first walks the containers by exact type; only when that walk or C refuses something does a
slow one look for the place.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from importlib import import_module
from struct import Struct
from typing import Any, Final, TypeGuard, cast
from uuid import UUID

from msgpack import ExtType, Packer, Unpacker, unpackb

from cookiesession._names import INDEX, NAMES
from cookiesession.errors import UnsavableSession

MAX_DEPTH: Final = 32  # the body map is 1; a bound on every recursion, ours and C's
COMPRESSED: Final = 90

_TUPLE, _SET, _FROZENSET, _BIG_INT, _UUID, _DECIMAL = 1, 2, 3, 4, 5, 6
_DATE, _TIME, _TIMEDELTA, _NAIVE, _UTC, _OFFSET, _HTML = 7, 8, 9, 10, 11, 12, 13

_STR: Final = frozenset({str})
_NAMED: Final = dict(enumerate(NAMES))
SCALARS: Final = frozenset(
    {type(None), bool, int, float, str, bytes, UUID, Decimal, date, time, timedelta, datetime}
)
_CONTAINERS: Final = frozenset({dict, list, tuple, set, frozenset})


class Deflated(bytes):
    """A compressed top-level value, as `_compress` puts it in place of the value."""

    __slots__ = ()


def pack(data: dict[str, Any], known: bytes | None = None) -> bytes:
    """Pack session data; raise `UnsavableSession` with the path to what cannot be packed.

    Data that packs to `known`, a body, is not walked through: that is not for data which may be
    nested more deeply, as C goes down 511 levels, and needs half a MiB of stack for that.
    """
    try:
        if not _STR.issuperset(map(type, data)):
            raise TypeError("top-level keys must be str")
        indexed = {INDEX.get(name, name): value for name, value in data.items()}
        if known is not None and pack_value(indexed) == known:
            return known
        _walk(data.values(), 1)
        return pack_value(indexed)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise _explained(data) from None


def unpack(body: bytes) -> dict[str, Any]:
    """Unpack session data, in which `Deflated` may stand at the top; any exception is a refusal."""
    packed = _unpack(body)
    _walk(packed.values(), 1)
    if pack_value(packed) != body or not INDEX.keys().isdisjoint(packed):
        raise ValueError("not canonical")
    data = {_NAMED[key] if type(key) is int else key: value for key, value in packed.items()}
    if not _STR.issuperset(map(type, data)):
        raise ValueError("top-level keys must be str")
    return data


def unpack_value(packed: bytes) -> Any:
    """Unpack one top-level value that came compressed; any exception is a refusal."""
    value = _unpack(packed)
    _walk((value,), 1)
    if type(value) is Deflated or pack_value(value) != packed:
        raise ValueError("not canonical")
    return value


def values_of(body: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each top-level value of what `pack` wrote starts and ends."""
    unpacker = Unpacker(max_buffer_size=len(body))
    unpacker.feed(body)
    for _ in range(unpacker.read_map_header()):
        unpacker.skip()
        start = unpacker.tell()
        unpacker.skip()
        yield start, unpacker.tell()


def pack_value(value: Any) -> bytes:
    """Pack one value of data that `pack` accepts."""
    # A packer each time: one that threads shared would mix their bytes. Its default buffer of
    # 256 KiB costs more than the packing. `strict_types` hands subclasses to `_extend`, too.
    packer = Packer(default=_extend, strict_types=True, buf_size=4096)  # type: ignore[call-arg]  # the stubs are older
    packed: bytes = packer.pack(value)
    return packed


def _unpack(packed: bytes) -> Any:
    return unpackb(packed, strict_map_key=False, ext_hook=_from_extension, list_hook=_from_array)


def _walk(values: Collection[object], depth: int) -> None:
    """Refuse what C would pack and not give back, and nesting beyond the limit."""
    for value in values:
        kind = type(value)
        if kind in SCALARS or (kind is Deflated and depth == 1):
            continue
        if depth >= MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH}")
        if kind in _CONTAINERS:
            members = cast("Collection[Any]", value)
            if not SCALARS.issuperset(map(type, members)):  # as most do, and need no call
                _walk(members, depth + 1)
            if kind is dict:
                _walk(cast("dict[Any, Any]", value).values(), depth + 1)
        elif not _is_html(value):  # which is an array, too, once it is packed
            raise TypeError(f"{kind.__name__} is not a type that a session can hold")


# The extensions. Those of 1 to 3 and 13 hold no data: they mark the array that they stand first in.


def _extend(value: object) -> Any:
    """Say in msgpack's own types what is not one of them; `Packer` calls this."""
    kind = type(value)
    extend = _EXTENDERS.get(kind)
    if extend is not None:
        return extend(value)
    if _is_html(value):
        return [_MARKS[_HTML], str.__str__(value)]
    raise TypeError(f"{kind.__name__} is not a type that a session can hold")


def _extend_int(value: int) -> ExtType:
    # Only an int beyond 64 bits arrives here. The bit that fills the last byte up is the sign's.
    length = max(value, ~value).bit_length() // 8 + 1
    return ExtType(_BIG_INT, value.to_bytes(length, "big", signed=True))


def _extend_decimal(value: Decimal) -> ExtType:
    # The thread's decimal context may ask for a small "e".
    return ExtType(_DECIMAL, str(value).replace("e", "E").encode("ascii"))


_TIME_LAYOUT: Final = Struct(">BBBI")
_TIMEDELTA_LAYOUT: Final = Struct(">iII")
_DATETIME_LAYOUT: Final = Struct(">HBBBBBI")
_FOLD: Final = 1 << 31


def _extend_time(value: time) -> ExtType:
    if value.tzinfo is not None:
        raise TypeError("a time with a time zone is not a type that a session can hold")
    micros = value.microsecond | value.fold << 31
    return ExtType(_TIME, _TIME_LAYOUT.pack(value.hour, value.minute, value.second, micros))


def _extend_datetime(value: datetime) -> ExtType:
    packed = _DATETIME_LAYOUT.pack(
        value.year,
        value.month,
        value.day,
        value.hour,
        value.minute,
        value.second,
        value.microsecond | value.fold << 31,
    )
    zone = value.tzinfo
    if zone is None:
        return ExtType(_NAIVE, packed)
    offset = zone.utcoffset(None) if type(zone) is timezone else None
    if offset is None or offset.microseconds or zone.tzname(None) != timezone(offset).tzname(None):
        raise TypeError("a datetime in a named time zone: save it in UTC or with a fixed offset")
    if not offset:
        return ExtType(_UTC, packed)
    return ExtType(_OFFSET, packed + int(offset.total_seconds()).to_bytes(4, "big", signed=True))


def _without_sets(member: Any) -> Any:
    # Packed as it is, a set inside a set would be put in order once for its place and once more for
    # its bytes: doubled with each level.
    if type(member) is frozenset:
        return _EXTENDERS[frozenset](member)
    if type(member) is tuple:
        return [_MARKS[_TUPLE], *map(_without_sets, cast("Collection[Any]", member))]
    return member


def _in_packed_order(members: Collection[Any]) -> list[Any]:
    packed = {pack_value(plain): plain for plain in map(_without_sets, members)}
    if len(packed) < len(members):
        raise ValueError("a set holds NaN twice, which no other set would equal")
    return [packed[text] for text in sorted(packed)]


_MARKS: Final = {code: ExtType(code, b"") for code in (_TUPLE, _SET, _FROZENSET, _HTML)}
_EXTENDERS: Final[dict[type, Callable[[Any], Any]]] = {
    tuple: lambda value: [_MARKS[_TUPLE], *value],
    set: lambda value: [_MARKS[_SET], *_in_packed_order(value)],
    frozenset: lambda value: [_MARKS[_FROZENSET], *_in_packed_order(value)],
    int: _extend_int,
    UUID: lambda value: ExtType(_UUID, value.bytes),
    Decimal: _extend_decimal,
    date: lambda value: ExtType(_DATE, value.toordinal().to_bytes(4, "big")),
    time: _extend_time,
    timedelta: lambda value: ExtType(
        _TIMEDELTA, _TIMEDELTA_LAYOUT.pack(value.days, value.seconds, value.microseconds)
    ),
    datetime: _extend_datetime,
    Deflated: lambda value: ExtType(COMPRESSED, bytes(value)),
}


class _Mark(int):
    """The extension that stands first in an array and says what the array is."""

    __slots__ = ()


def _from_extension(code: int, data: bytes) -> Any:
    """Undo `_extend`; `unpackb` calls this."""
    if code in _MARKS:
        return _Mark(code)
    return _FROM_EXTENSION[code](data)


def _from_array(array: list[Any]) -> Any:
    """Undo `_extend` for arrays that start with a mark; `unpackb` calls this."""
    if not array or type(array[0]) is not _Mark:
        return array
    return _FROM_ARRAY[array[0]](array[1:])


def _html(members: list[Any]) -> str:
    (text,) = members
    return _html_type()(text)


def _datetime(data: bytes, zone: timezone | None = None) -> datetime:
    year, month, day, hour, minute, second, micros = _DATETIME_LAYOUT.unpack(data)
    moment = (year, month, day, hour, minute, second, micros & ~_FOLD, zone)
    return datetime(*moment, fold=micros >> 31)  # noqa: DTZ001  the zone is the eighth


def _time(data: bytes) -> time:
    hour, minute, second, micros = _TIME_LAYOUT.unpack(data)
    return time(hour, minute, second, micros & ~_FOLD, fold=micros >> 31)


def _timedelta(data: bytes) -> timedelta:
    return timedelta(*_TIMEDELTA_LAYOUT.unpack(data))


def _offset(data: bytes) -> timezone:
    return timezone(timedelta(seconds=int.from_bytes(data, "big", signed=True)))


_FROM_ARRAY: Final[dict[int, Callable[[list[Any]], Any]]] = {
    _TUPLE: tuple,
    _SET: set,
    _FROZENSET: frozenset,
    _HTML: _html,
}
_FROM_EXTENSION: Final[dict[int, Callable[[bytes], Any]]] = {
    _BIG_INT: lambda data: int.from_bytes(data, "big", signed=True),
    _UUID: lambda data: UUID(bytes=data),
    _DECIMAL: lambda data: Decimal(data.decode("ascii")),
    _DATE: lambda data: date.fromordinal(int.from_bytes(data, "big")),
    _TIME: _time,
    _TIMEDELTA: _timedelta,
    _NAIVE: _datetime,
    _UTC: lambda data: _datetime(data, timezone.utc),
    _OFFSET: lambda data: _datetime(data[:-4], _offset(data[-4:])),
    COMPRESSED: Deflated,
}


def _is_html(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and hasattr(value, "__html__")


class _SafeText(str):
    """HTML-safe text where markupsafe is not installed: it packs as what it was."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def _html_type() -> type[str]:
    try:
        markupsafe = import_module("markupsafe")  # where a framework brought it along
    except ImportError:
        return _SafeText
    html_type: type[str] = markupsafe.Markup
    return html_type


# What was refused, and where.


def _explained(data: dict[Any, Any]) -> UnsavableSession:
    for name in data:
        if type(name) is not str:
            return UnsavableSession("", f"top-level keys must be str, not {type(name).__name__}")
    path, why = _locate(data, "", 0) or ("", "it is larger than msgpack allows")
    return UnsavableSession(path, why)


def _locate(value: Any, path: str, depth: int) -> tuple[str, str] | None:
    """Find the innermost value that cannot be packed, and say why."""
    for step, child in _children(value):
        if why := _refusal(child, depth + 1):
            place = f"{path}{step}" if path else step.removeprefix(".")
            nested = _locate(child, place, depth + 1) if depth < MAX_DEPTH - 1 else None
            return nested or (place, why)
    return None


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        items = cast("dict[object, Any]", value).items()
        for number, (key, _) in enumerate(items):
            yield f".{{key {number}}}", key
        for key, child in items:
            yield f".{key}" if isinstance(key, str) else "[...]", child
    elif type(value) in _CONTAINERS:
        yield from ((f"[{number}]", member) for number, member in enumerate(value))


def _refusal(value: Any, depth: int) -> str:
    try:
        _walk((value,), depth)
        pack_value(value)
    except UnicodeEncodeError:
        return "it holds a lone surrogate, which is not Unicode text"
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return str(error)
    return ""
