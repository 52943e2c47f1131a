"""Counts and times cookies by the hundred thousand, and prints what it finds as a Markdown table.

python -m tests.statistics [--short]        a minute; with --short, some seconds

nonces      a million cookies of several processes: none comes twice, and all look random
epochs      where the encryption key changes, and whether others derive the same one
timing      refusals of inputs of one shape, compared in pairs (Welch's t-test, as in dudect);
            reported and never required, as other programs on the machine disturb it
"""

import argparse
import gc
import math
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from hashlib import blake2b
from itertools import pairwise
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cookiesession import InvalidCookie, Key, SessionManager
from tests import forge, independent
from tests.conftest import NOW
from tests.evidence import Row

FAR = 8.0
"""Standard deviations that chance does not reach: once in 10^15."""
UNLIKE = 4.5
"""The t beyond which dudect calls two times unlike."""
NIST_MESSAGES = 2**32
EPOCH = 2**14  # seconds, as `docs/format.md` says

# A million cookies.

PROCESSES, MANAGERS = 4, 2


def cookies_of_a_process(key_text: str, count: int) -> tuple[bytes, bytes]:
    """Make cookies with several managers of one key; return their nonces, and their hashes."""
    managers = [SessionManager(key_text, clock=lambda: NOW) for _ in range(MANAGERS)]
    nonces, hashes = bytearray(), bytearray()
    for number in range(count):
        text = managers[number % MANAGERS].dumps({"user_id": 7}).encode()
        nonces += forge.raw_of(text)[8:20]
        hashes += blake2b(text, digest_size=16).digest()
    return bytes(nonces), bytes(hashes)


def pieces(raw: bytes, size: int) -> Iterable[bytes]:
    return (raw[start : start + size] for start in range(0, len(raw), size))


def repeated(values: Iterable[bytes]) -> int:
    """Return how many values had been there before."""
    return sum(count - 1 for count in Counter(values).values())


def monobit(raw: bytes) -> float:
    """Return by how many standard deviations the number of ones differs from half of the bits."""
    bits = 8 * len(raw)
    ones = int.from_bytes(raw, "big").bit_count()
    return abs(2 * ones - bits) / math.sqrt(bits)


def chi_square(raw: bytes) -> float:
    """Return how far the counts of the 256 byte values are from equal, in standard deviations.

    Chi-square, by the cube root that Wilson and Hilferty take to a normal distribution.
    """
    expected, freedom = len(raw) / 256, 255
    counts = Counter(raw)
    statistic = sum((counts[byte] - expected) ** 2 for byte in range(256)) / expected
    spread = 2 / (9 * freedom)
    return abs((statistic / freedom) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)


def successive(raw: bytes) -> float:
    """Return `monobit` of the differences from each nonce to the next: a counter would show."""
    return monobit(b"".join(difference(*pair) for pair in pairwise(pieces(raw, 12))))


def difference(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(12, "big")


def nonces(count: int) -> list[Row]:
    """Count what came twice among so many cookies of several processes with one key."""
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else None
    context = multiprocessing.get_context(method)
    jobs = [(Key.generate().reveal(), count // PROCESSES)] * PROCESSES
    with ProcessPoolExecutor(PROCESSES, context) as pool:
        made = list(pool.map(cookies_of_a_process, *zip(*jobs, strict=True)))
    raw, hashes = (b"".join(parts) for parts in zip(*made, strict=True))
    cookies = f"{len(raw) // 12:_} cookies of {PROCESSES} processes".replace("_", " ")
    twice, same = repeated(pieces(raw, 12)), repeated(pieces(hashes, 16))
    return [
        Row(f"C3: nonces that came twice, in {cookies}", "0", str(twice), twice == 0),
        Row("C3: cookies that came twice, in the same", "0", str(same), same == 0),
        *(
            Row(f"C3: {what}", f"at most {FAR:.0f} sigma from chance", f"{far:.2f}", far <= FAR)
            for what, far in {
                "ones among the nonces' bits": monobit(raw),
                "byte values of the nonces": chi_square(raw),
                "bits that change from one nonce to the next": successive(raw),
            }.items()
        ),
    ]


# Epochs.


def epochs(count: int) -> list[Row]:
    """See at which second the key changes, around so many borders, and which key it is."""
    key = Key.generate()
    keys = independent.Keys({"secret": key._secret.hex(), "name": "session", "namespace": ""})
    first = NOW // EPOCH
    borders = [EPOCH * (first + number) for number in range(1, count + 1)]
    sealed = {moment: sealed_at(key, moment) for it in borders for moment in (it - 1, it)}
    agreed = sum(opens(keys.epoch_key(moment // EPOCH), raw) for moment, raw in sealed.items())
    crossed = sum(
        opens(keys.epoch_key(border // EPOCH), sealed[border - 1])
        or opens(keys.epoch_key(border // EPOCH - 1), sealed[border])
        for border in borders
    )
    rate = NIST_MESSAGES // EPOCH
    return [
        Row(
            "C4: cookies that open with keys derived by other code",
            f"{len(sealed)} of {len(sealed)}",
            f"{agreed} of {len(sealed)}",
            agreed == len(sealed),
        ),
        Row(f"C4: keys in use beyond one of {count} borders", "0", str(crossed), crossed == 0),
        Row(
            "C4: cookies a second before a key meets NIST's 2^32 messages",
            "262144, as the format says",
            str(rate),
            rate == 262_144 and crossed == 0,
        ),
    ]


def sealed_at(key: Key, moment: int) -> bytes:
    return forge.raw_of(SessionManager(key, clock=lambda: moment).dumps({"user_id": 7}).encode())


def opens(epoch_key: bytes, raw: bytes) -> bool:
    try:
        return bool(AESGCM(epoch_key).decrypt(raw[8:20], raw[20:], b"1" + raw[:8]))
    except InvalidTag:
        return False


# Timing.

TEXTS = 64  # of each kind, so that no one text's place in memory decides
SLOWEST = 0.1  # that much is left out: interrupts, not us
Kind = Callable[[Key, str], str]


def changed(text: str, *places: int) -> str:
    characters = list(text)
    for place in places:
        characters[place] = "A" if text[place] != "A" else "Q"
    return "".join(characters)


def signed_again(key: Key, text: str, place: int) -> str:
    raw = bytearray(forge.raw_of(text.encode()))
    raw[place] ^= 1
    return forge.sign(key, forge.encode(bytes(raw))).decode()


KINDS: dict[str, Kind] = {
    "valid": lambda key, text: text,
    "signature, first character wrong": lambda key, text: changed(text, -43),
    "signature, last but one wrong": lambda key, text: changed(text, -2),
    "signature, all wrong": lambda key, text: changed(text, *range(-43, 0)),
    "payload, one character wrong": lambda key, text: changed(text, 40),
    "key id, first character wrong": lambda key, text: changed(text, 1),
    "key id, last character wrong": lambda key, text: changed(text, 4),
    "tag, first byte wrong, though signed": lambda key, text: signed_again(key, text, -16),
    "tag, last byte wrong, though signed": lambda key, text: signed_again(key, text, -1),
}
ALIKE = "alike"
PAIRS = [  # what is compared, and what is expected of it
    ("signature, all wrong", "signature, all wrong", "alike: it is the same"),
    ("signature, first character wrong", "signature, last but one wrong", ALIKE),
    ("signature, first character wrong", "signature, all wrong", ALIKE),
    ("signature, all wrong", "payload, one character wrong", ALIKE),
    ("key id, first character wrong", "key id, last character wrong", ALIKE),
    (
        "tag, first byte wrong, though signed",
        "tag, last byte wrong, though signed",
        "alike; only a key holder gets there",
    ),
    (
        "key id, first character wrong",
        "signature, all wrong",
        "unlike; who sends a key's id knows whether it is ours",
    ),
    ("valid", "signature, all wrong", "unlike; who sends a valid cookie has one"),
]


class Timed(NamedTuple):
    """What came of comparing two kinds of input."""

    t: float
    nanoseconds: tuple[float, float]


def welch(one: list[int], other: list[int]) -> Timed:
    """Compare two samples, without the slowest of both (Welch's t)."""
    limit = sorted(one + other)[int((len(one) + len(other)) * (1 - SLOWEST))]
    moments = [_moments([it for it in sample if it <= limit]) for sample in (one, other)]
    (mean, variance, size), (mean_2, variance_2, size_2) = moments
    spread = math.sqrt(variance / size + variance_2 / size_2)
    return Timed((mean - mean_2) / spread if spread else 0.0, (mean, mean_2))


def _moments(sample: list[int]) -> tuple[float, float, int]:
    mean = sum(sample) / len(sample)
    return mean, sum((it - mean) ** 2 for it in sample) / (len(sample) - 1), len(sample)


def measured(manager: SessionManager, kinds: list[list[str]], count: int) -> list[list[int]]:
    """Load texts of several kinds in a random order; return the nanoseconds of each kind."""
    order = [number % len(kinds) for number in range(count * len(kinds))]
    random.shuffle(order)
    texts = [random.choice(kinds[kind]) for kind in order]
    taken: list[list[int]] = [[] for _ in kinds]
    gc.collect()
    gc.disable()
    try:
        for kind, text in zip(order, texts, strict=True):
            start = time.perf_counter_ns()
            with suppress(InvalidCookie):
                manager.loads(text)
            taken[kind].append(time.perf_counter_ns() - start)
    finally:
        gc.enable()
    return taken


def timing(count: int) -> list[Row]:
    """Compare kinds of refusals, two at a time, so many of each."""
    key = Key.generate()
    manager = SessionManager(key, clock=lambda: NOW)
    made = [manager.dumps({"user_id": 7}) for _ in range(TEXTS)]
    texts = {kind: [make(key, text) for text in made] for kind, make in KINDS.items()}
    rows = []
    for one, other, expected in PAIRS:
        measured(manager, [texts[one], texts[other]], count // 10)  # warm
        t, (mean, mean_2) = welch(*measured(manager, [texts[one], texts[other]], count))
        seen = "unlike" if abs(t) > UNLIKE else ALIKE
        times = f"{mean / 1000:.2f} and {mean_2 / 1000:.2f} µs"
        rows.append(
            Row(f"time: {one} / {other}", f"({expected})", f"{seen}: t = {t:.1f}, {times}", ok=True)
        )
    return rows


def evidence(quick: bool) -> list[Row]:
    """Return all figures; in the short form, of a fraction of the cookies."""
    if quick:
        return [*nonces(40_000), *epochs(20), *timing(2_000)]
    return [*nonces(1_000_000), *epochs(500), *timing(100_000)]


def main() -> int:
    """Print the figures, and fail where one falls short."""
    parser = argparse.ArgumentParser(prog="python -m tests.statistics")
    parser.add_argument("--short", action="store_true", help="the version that runs in the tests")
    rows = evidence(parser.parse_args().short)
    sys.stdout.write("| what | required | measured | |\n|---|---|---|---|\n")
    for what, required, seen, ok in rows:
        sys.stdout.write(f"| {what} | {required} | {seen} | {'ok' if ok else 'FAILS'} |\n")
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
