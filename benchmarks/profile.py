"""Where the time of one seal, one open and one request goes.

    python -m benchmarks.profile [--quick]

The stages are those of `cookiesession/_codec.py`, each measured alone, on what it gets there. Lines
that begin with "of it" are inside the stage above them. What stands between the stages is the rest
of the whole. Requests are served in process, on raw ASGI. (A profiler would add its own time to
each of fifty calls in ten microseconds.)
"""

import hmac
import os
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgpack import Packer, unpackb

from benchmarks.apps import BARE, OURS, act, manager, raw_asgi
from benchmarks.measure import CONTROL, SESSIONS, Effort, Figures, effort, measure, print_table
from cookiesession import Incoming, Session, _base64
from cookiesession._compress import compress, decompress
from cookiesession._cookie import find
from cookiesession._lifetimes import Stamp
from cookiesession._pack import Deflated, pack, pack_value, unpack
from cookiesession._seal import new_sid, seal, unseal

FULL = Effort(rounds=40, seconds=0.002)
SIZES = ("login", "typical", "large")
WHOLE, BETWEEN, INSIDE = "the whole", "between the stages", "of it, "
HEADINGS = ("stage", "µs", "minimum", "share")

Calls = dict[str, Callable[[], object]]


class Cookie:
    """One session, at every stage on its way to a cookie."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.policy = manager()._policy
        self.now = self.policy.now()
        self.key = self.policy.codec.ready(self.now).primary
        self.stamp = Stamp(self.now, self.now, new_sid())
        self.plain = pack(data)
        self.body = compress(self.plain)
        self.raw = seal(self.key.cookie_key, self.stamp, self.body, 16)
        self.payload = _base64.encode(self.raw)
        self.signed = b"1" + self.payload
        self.text = self.key.signer.sign(self.signed).decode()
        self.signature = self.text[-43:].encode()

    def sealing(self) -> Calls:
        cipher, inner, aad = AESGCM(os.urandom(32)), self.raw[20:-16], self.raw[:9]
        return {
            WHOLE: partial(manager().dumps, self.data),
            "pack": partial(pack, self.data),
            f"{INSIDE}msgpack": partial(_packed, _unpacked(self.plain)),
            "compress": partial(compress, self.plain),
            **self._deflating(),
            "encrypt": partial(seal, self.key.cookie_key, self.stamp, self.body, 16),
            f"{INSIDE}AES-256-GCM and its nonce": lambda: cipher.encrypt(
                os.urandom(12), inner, aad
            ),
            "base64": partial(_base64.encode, self.raw),
            "sign": partial(self.key.signer.sign, self.signed),
            f"{INSIDE}HMAC-SHA-256 in one call": lambda: hmac.digest(aad, self.signed, "sha256"),
        }

    def opening(self) -> Calls:
        cipher, nonce, aad = AESGCM(os.urandom(32)), self.raw[8:20], self.raw[:9]
        encrypted = cipher.encrypt(nonce, self.raw[20:-16], aad)
        inside = unpack(self.body)
        calls: Calls = {
            WHOLE: partial(manager().loads, self.text),
            "verify": partial(self.key.signer.verify, self.signed, self.signature),
            f"{INSIDE}HMAC-SHA-256 in one call": lambda: hmac.digest(aad, self.signed, "sha256"),
            "base64": partial(_base64.decode, self.payload),
            "decrypt": partial(unseal, self.key.cookie_key, self.raw),
            f"{INSIDE}AES-256-GCM": partial(cipher.decrypt, nonce, encrypted, aad),
            "unpack": partial(unpack, self.body),
            f"{INSIDE}msgpack, there and back": lambda: _packed(_unpacked(self.body)),
        }
        if self.body != self.plain:
            calls["inflate"] = lambda: decompress(dict(inside))
            calls["pack what was inflated"] = partial(pack, self.data)
        return calls

    def request(self, path: str) -> Calls:
        """Return the stages of a request to one of the paths of `apps.py`."""
        name, cookies = manager().cookie_name, [f"theme=dark; {manager().cookie_name}={self.text}"]
        incoming = Incoming(cookies=[cookie.encode() for cookie in cookies])

        def exchange() -> None:
            with manager().open(incoming) as exchange:
                act(path, lambda: exchange.session, Session.touch)
                exchange.headers(200)

        calls: Calls = {
            WHOLE: raw_asgi(OURS)(path, cookies[0]),
            "the application, its server": raw_asgi(BARE)(path, cookies[0]),
            "the exchange": exchange,
        }
        if path != "/other":
            calls[f"{INSIDE}find the cookie"] = partial(find, incoming.cookies, name.encode())
            calls[f"{INSIDE}open it"] = partial(
                self.policy.codec.loads, self.text.encode(), self.now
            )
        if path == "/write":
            calls[f"{INSIDE}pack for comparison"] = partial(pack, self.data)
            calls[f"{INSIDE}seal"] = partial(
                self.policy.codec.dumps, self.plain, self.stamp, self.now
            )
        return calls

    def _deflating(self) -> Calls:
        large = [self.data[name] for name, v in unpack(self.body).items() if type(v) is Deflated]
        packed = [pack_value(value) for value in large]

        def deflate() -> None:
            for value in packed:
                deflater = zlib.compressobj(level=6, wbits=-12)
                deflater.compress(value)
                deflater.flush()

        return {f"{INSIDE}zlib": deflate} if large else {}


def _packed(value: Any) -> bytes:
    return Packer(strict_types=True, buf_size=4096).pack(value)


def _unpacked(body: bytes) -> Any:
    return unpackb(body, strict_map_key=False)


def rows(figures: Figures) -> Iterator[tuple[object, ...]]:
    """Return the table's rows; the last one is what no stage accounts for."""
    whole = figures.median(WHOLE)
    stages = [name for name in figures.rounds if name not in (WHOLE, CONTROL)]
    outer = [name for name in stages if not name.startswith(INSIDE)]
    for name in (WHOLE, *stages):
        median = figures.median(name)
        yield name, median, figures.minimum(name), f"{median / whole:.0%}"
    left = whole - sum(map(figures.median, outer))
    least = figures.minimum(WHOLE) - sum(map(figures.minimum, outer))
    yield BETWEEN, left, least, f"{left / whole:.0%}"
    yield "control", figures.median(CONTROL), figures.minimum(CONTROL), ""


def main() -> None:
    how = effort(__doc__, FULL)
    for size in SIZES:
        cookie = Cookie(SESSIONS[size])
        print_table(f"Seal: {size}", HEADINGS, rows(measure(cookie.sealing(), how)))
        print_table(f"Open: {size}", HEADINGS, rows(measure(cookie.opening(), how)))
        for path, what in (("/other", "untouched"), ("/read", "read"), ("/write", "write")):
            title = f"Request: {size}, {what}"
            print_table(title, HEADINGS, rows(measure(cookie.request(path), how)))


if __name__ == "__main__":
    main()
