"""What sealing and opening a session cost, against the same work with no layers (the floor).

    python benchmarks/codec.py

The floor does in two straight-line functions what any library with these properties must do:
msgpack, a walk by exact type, randomness, AES-256-GCM, HMAC-SHA-256, base64, and on the way back
the canonical check. All variants run interleaved, in rounds, within one process; figures are
medians over the rounds, and the line "floor again" is the floor measured a second time: its
distance from 1.00 is the noise.
"""

import hmac
import os
import statistics
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import msgpack
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cookiesession import Key, SessionManager

ROUNDS = 60
SECONDS_A_ROUND = 0.004

SESSIONS: dict[str, dict[str, Any]] = {
    "login": {"user_id": 48_151, "csrf_token": "Zk3vQm1pT9sXb7Lr", "logged_in": True},
    "300 bytes": {
        "user_id": 48_151,
        "csrf_token": "Zk3vQm1pT9sXb7LrWc5nYd2hJf8gKa4e",
        "roles": ["editor", "reviewer"],
        "locale": "en-GB",
        "cart": [
            {"sku": "AB-1234", "qty": 2, "price": 19.9},
            {"sku": "CD-9", "qty": 1, "price": 5.5},
        ],
        "flashes": [["info", "Welcome back, your last visit was on Tuesday."]],
        "theme": "dark",
        "next": "/account/orders?page=2",
        "referrer": "https://example.com/some/long/page/that/led/here",
    },
    "1 KB": {f"field_{number}": os.urandom(40).hex() for number in range(11)},
}  # fmt: skip

_SCALARS = {type(None), bool, int, float, str, bytes}
_ENC_KEY, _MAC_KEY = os.urandom(32), os.urandom(32)
_CIPHER = AESGCM(_ENC_KEY)


def _walk(value: Any) -> None:
    kind = type(value)
    if kind is dict:
        for key, member in value.items():
            _walk(key)
            _walk(member)
    elif kind is list:
        for member in value:
            _walk(member)
    elif kind not in _SCALARS:
        raise TypeError


def floor_seal(data: dict[str, Any]) -> bytes:
    _walk(data)
    body = msgpack.packb(data, strict_types=True)
    nonce = os.urandom(12)
    raw = nonce + _CIPHER.encrypt(nonce, body, b"context")
    text = urlsafe_b64encode(raw).rstrip(b"=")
    mac = hmac.digest(_MAC_KEY, text, "sha256")
    return text + b"." + urlsafe_b64encode(mac).rstrip(b"=")


def floor_open(text: bytes) -> dict[str, Any]:
    payload, _, signature = text.rpartition(b".")
    mac = hmac.digest(_MAC_KEY, payload, "sha256")
    if not hmac.compare_digest(urlsafe_b64encode(mac).rstrip(b"="), signature):
        raise ValueError
    raw = urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
    body = _CIPHER.decrypt(raw[:12], raw[12:], b"context")
    data = msgpack.unpackb(body, strict_map_key=False)
    _walk(data)
    if msgpack.packb(data, strict_types=True) != body:
        raise ValueError
    return data  # type: ignore[no-any-return]


def measure(variants: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median microseconds of each variant, all interleaved."""
    repeats: dict[str, int] = {}
    for name, call in variants.items():
        start = time.perf_counter()
        for _ in range(50):
            call()
        repeats[name] = max(1, int(SECONDS_A_ROUND * 50 / (time.perf_counter() - start)))
    figures: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, call in variants.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            figures[name].append((time.perf_counter() - start) / repeats[name] * 1e6)
    return {name: statistics.median(values) for name, values in figures.items()}


def main() -> None:
    manager = SessionManager(Key.generate())
    print("| session | characters | step | floor | cookiesession | ratio | floor again |")
    print("|---|---|---|---|---|---|---|")
    for name, data in SESSIONS.items():
        text, floor_text = manager.dumps(data), floor_seal(data)
        variants: dict[str, dict[str, Callable[[], object]]] = {
            "seal": {
                "floor": lambda data=data: floor_seal(data),
                "ours": lambda data=data: manager.dumps(data),
                "again": lambda data=data: floor_seal(data),
            },
            "open": {
                "floor": lambda text=floor_text: floor_open(text),
                "ours": lambda text=text: manager.loads(text),
                "again": lambda text=floor_text: floor_open(text),
            },
        }
        for step, calls in variants.items():
            figures = measure(calls)
            floor, ours, again = (figures[which] for which in ("floor", "ours", "again"))
            print(
                f"| {name} | {len(text)} | {step} | {floor:.1f} µs | {ours:.1f} µs "
                f"| {ours / floor:.2f} | {again / floor:.2f} |"
            )


if __name__ == "__main__":
    main()
