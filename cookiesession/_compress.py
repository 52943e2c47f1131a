"""Large values made smaller, one by one (raw deflate, RFC 1951).

    compress: data -> data with `Deflated` values          decompress: the reverse

The rule: a compressor sees one top-level value and no other. Whole-body deflate would let text that
an attacker chose share a compressor with a secret in another value, and the length of the cookie
would tell how alike they are (CRIME, BREACH). Value by value, it tells nothing of the kind.
"""

import zlib
from typing import Any, Final

from cookiesession._pack import Deflated, pack_value, unpack_value

WORTH_IT: Final = 512  # bytes; below, deflate saves a few characters and costs as much as sealing
MAX_INFLATED: Final = 65_536  # bytes over the whole cookie; against decompression bombs
_WINDOW: Final = 12  # 4 KiB: a cookie is not longer, and a larger window costs time to set up
_CONTAINERS: Final = frozenset({list, dict, tuple, set, frozenset})


def compress(data: dict[str, Any]) -> dict[str, Any]:
    """Replace each large top-level value by its compressed form, where that is shorter.

    Returns the very same dict where there is none.
    """
    left = MAX_INFLATED
    compressed: dict[str, Any] = {}
    for name, value in data.items():
        packed = pack_value(value) if _may_be_large(value) else b""
        if WORTH_IT <= len(packed) <= left:
            deflated = _deflate(packed)
            if _is_shorter(deflated, packed):
                compressed[name] = deflated
                left -= len(packed)
    return {**data, **compressed} if compressed else data


def decompress(data: dict[str, Any]) -> dict[str, Any]:
    """Undo `compress`; raise `ValueError` or `zlib.error` for what it would not have made."""
    left = MAX_INFLATED
    for name, value in data.items():
        if type(value) is Deflated:
            packed = _inflate(value, left)
            left -= len(packed)
            data[name] = unpack_value(packed)
    return data


def _may_be_large(value: object) -> bool:
    """Tell, without packing it, whether a value may be worth compressing."""
    if isinstance(value, (str, bytes)):
        return len(value) * 4 >= WORTH_IT  # the most bytes of a character, in UTF-8
    return type(value) in _CONTAINERS


def _deflate(packed: bytes) -> Deflated:
    deflater = zlib.compressobj(level=6, wbits=-_WINDOW)
    return Deflated(deflater.compress(packed) + deflater.flush())


def _inflate(deflated: Deflated, limit: int) -> bytes:
    inflater = zlib.decompressobj(wbits=-15)
    # One byte more than allowed shows an excess; a limit of 0 would mean no limit at all.
    packed = inflater.decompress(deflated, limit + 1)
    if len(packed) > limit or not inflater.eof or inflater.unused_data:
        raise ValueError("inflates to too much, or not to its end")
    if not _is_shorter(deflated, packed):
        raise ValueError("compressed for nothing")
    return packed


def _is_shorter(deflated: Deflated, packed: bytes) -> bool:
    return len(pack_value(deflated)) < len(packed)
