"""The statistics in their short form, and that each of them would see what it looks for."""

import os
from random import Random

from cookiesession import Key
from tests import independent, statistics
from tests.conftest import NOW
from tests.statistics import FAR, UNLIKE, chi_square, monobit, repeated, successive, welch

RANDOM = Random(1).randbytes(120_000)
COUNTER = b"".join(number.to_bytes(12, "big") for number in range(10_000))


def test_no_nonce_of_several_processes_comes_twice_and_all_look_random():
    """C3."""
    assert [row for row in statistics.nonces(40_000) if not row.ok] == []


def test_keys_change_at_the_borders_of_epochs_and_are_those_of_the_format():
    """C4."""
    assert [row for row in statistics.epochs(20) if not row.ok] == []


def test_times_are_reported_and_never_required():
    rows = statistics.timing(200)
    assert len(rows) == len(statistics.PAIRS)
    assert all(row.ok for row in rows)


def test_what_comes_twice_is_counted():
    assert repeated([b"a", b"b", b"a", b"a"]) == 2
    assert repeated([b"a", b"b"]) == 0


def test_what_is_random_looks_random():
    for raw in (RANDOM, os.urandom(120_000)):
        assert max(monobit(raw), chi_square(raw), successive(raw)) < FAR


def test_what_is_not_random_does_not():
    assert monobit(COUNTER) > FAR
    assert chi_square(bytes(byte & 0xFE | byte >> 7 for byte in RANDOM)) > FAR
    assert successive(RANDOM[:12] * 100) > FAR
    assert successive(COUNTER) > FAR


def test_a_key_of_another_epoch_opens_nothing():
    key = Key.generate()
    raw = statistics.sealed_at(key, NOW)
    keys = independent.Keys({"secret": key._secret.hex(), "name": "session", "namespace": ""})
    epoch = NOW // 2**14
    opened = [statistics.opens(keys.epoch_key(it), raw) for it in (epoch - 1, epoch, epoch + 1)]
    assert opened == [False, True, False]


def test_welch_tells_times_apart_that_differ_and_no_others():
    random = Random(1)
    one, same, slower = (
        [round(random.gauss(mean, 100)) for _ in range(5_000)] for mean in (1_000, 1_000, 1_030)
    )
    assert abs(welch(one, same).t) < UNLIKE
    assert welch(one, slower).t < -UNLIKE
