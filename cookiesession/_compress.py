"""Large values made smaller, one by one (raw deflate, RFC 1951).

    compress: body -> body with `Deflated` values          decompress: data -> data without

The rule: a compressor sees one top-level value and no other. Whole-body deflate would let text that
an attacker chose share a compressor with a secret in another value, and the length of the cookie
would tell how alike they are (CRIME, BREACH). Value by value, it tells nothing of the kind.
"""

import zlib
from typing import Any, Final

from cookiesession._pack import Deflated, pack_value, unpack_value, values_of

# Bytes. To inflate a value takes some 8 us, whatever its size; a cookie travels with every request.
# Of a cookie with one value of 256 bytes, deflate saves a quarter; of one with 128, a tenth.
WORTH_IT: Final = 256
MAX_INFLATED: Final = 65_536  # bytes over the whole cookie; against decompression bombs
_WINDOW: Final = 12  # 4 KiB: a cookie is not longer, and a larger window costs time to set up


def compress(body: bytes) -> bytes:
    """Replace each large top-level value by its compressed form, where that is shorter."""
    left = MAX_INFLATED
    pieces: list[bytes] = []
    copied = 0
    for start, end in values_of(body) if len(body) > WORTH_IT else ():
        if WORTH_IT <= end - start <= left:
            deflated = pack_value(_deflate(body[start:end]))
            if len(deflated) < end - start:
                pieces += body[copied:start], deflated
                copied = end
                left -= end - start
    return b"".join([*pieces, body[copied:]])


def decompress(data: dict[str, Any]) -> dict[str, Any]:
    """Undo `compress`; raise `ValueError` or `zlib.error` for what it would not have made."""
    left = MAX_INFLATED
    for name, value in data.items():
        if type(value) is Deflated:
            packed = _inflate(value, left)
            left -= len(packed)
            data[name] = unpack_value(packed)
    return data


def _deflate(packed: bytes) -> Deflated:
    deflater = zlib.compressobj(wbits=-_WINDOW)
    return Deflated(deflater.compress(packed) + deflater.flush())


def _inflate(deflated: Deflated, limit: int) -> bytes:
    inflater = zlib.decompressobj(wbits=-15)
    # One byte more than allowed shows an excess; a limit of 0 would mean no limit at all.
    packed = inflater.decompress(deflated, limit + 1)
    if len(packed) > limit or not inflater.eof or inflater.unused_data:
        raise ValueError("inflates to too much, or not to its end")
    if len(packed) <= len(pack_value(deflated)):
        raise ValueError("compressed for nothing")
    return packed
