"""Rotation in stages: nobody is logged out who should not be, and whoever should be is."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiesession import ConfigurationError, InvalidCookie, Key, SessionManager
from cookiesession.keyring import DatedKey, KeyringDocument, Schedule, rotation
from cookiesession.keyring.document import CLOCK_SKEW
from tests.conftest import NOW

DAY = 86_400


def states(document):
    return [(key.id, key.state) for key in document.keys]


@pytest.fixture
def ring():
    return rotation.add(KeyringDocument(), NOW)


@pytest.fixture
def rotated(ring):
    """A ring whose second key writes from `NOW + propagation` on."""
    return rotation.rotate(ring, NOW, on_schedule=False)


def test_the_first_key_writes_at_once(ring):
    (key,) = ring.keys
    assert (key.state, key.activates, key.retires) == ("primary", NOW, None)


def test_a_new_key_waits_until_every_server_knows_it(rotated):
    """K4. The propagation window."""
    new, old = rotated.keys
    assert (new.state, new.activates) == ("accepted", NOW + 2 * DAY)
    assert (old.state, old.retires) == ("primary", new.activates + rotated.schedule.overlap)


def test_on_schedule_a_successor_comes_when_it_is_due_and_only_once(ring):
    """K4. Idempotent, as from cron."""
    due = NOW + 90 * DAY - 2 * DAY
    assert rotation.rotate(ring, due - 1) == ring
    after = rotation.rotate(ring, due)
    assert [key.activates for key in after.keys] == [NOW + 90 * DAY, NOW]
    assert rotation.rotate(after, due) == rotation.rotate(after, due + 1) == after


def test_a_schedule_that_was_missed_still_leaves_the_propagation_window(ring):
    late = NOW + 200 * DAY
    assert rotation.rotate(ring, late).keys[0].activates == late + 2 * DAY


def test_what_has_gone_is_forgotten_by_rotation_and_not_before(rotated):
    end = rotated.keys[1].retires
    assert len(rotation.rotate(rotated, end - 1).keys) == 2
    assert states(rotation.settle(rotated, end))[1][1] == "retired"
    assert rotation.settle(rotated, end).keys[1].key is None, "its secret is gone, too"
    assert [key.id for key in rotation.prune(rotated, end).keys] == [rotated.keys[0].id]


def test_a_key_is_not_promoted_before_every_server_knows_it(rotated):
    new = rotated.keys[0]
    with pytest.raises(ConfigurationError, match="--at-once"):
        rotation.promote(rotated, new.id, NOW + 2 * DAY - 1)
    promoted = rotation.promote(rotated, new.id, NOW + DAY, at_once=True)
    assert states(promoted)[0] == (new.id, "primary")
    assert promoted.keys[0].activates == NOW + DAY
    assert rotation.promote(promoted, new.id, NOW + DAY) == promoted


def test_an_older_key_can_be_promoted_again(rotated):
    new, old = rotated.keys
    later = new.activates + DAY
    promoted = rotation.promote(rotated, old.id, later)
    assert states(promoted) == [(old.id, "primary"), (new.id, "accepted")]
    assert promoted.keys[1].retires == later + promoted.schedule.overlap


def test_to_retire_waits_for_the_last_session(rotated):
    new, old = rotated.keys
    with pytest.raises(ConfigurationError, match="promote another one first"):
        rotation.retire(rotated, old.id, NOW)
    never_wrote = rotation.retire(rotated, new.id, NOW)
    assert states(never_wrote)[-1] == (new.id, "retired")
    later = new.activates + 1
    retired = rotation.retire(rotated, old.id, later)
    assert states(retired) == [(new.id, "primary"), (old.id, "accepted")]
    assert retired.keys[1].retires == old.retires


def test_a_key_that_only_reads_stays_until_it_is_retired(ring):
    foreign = Key.generate()
    document = rotation.add(ring, NOW, key=foreign, read_only=True)
    assert document.at(NOW + 1000 * DAY).accepted[-1] == foreign
    retired = rotation.retire(document, foreign.fingerprint, NOW)
    assert retired.keys[-1].retires == NOW + ring.schedule.overlap
    assert rotation.retire(retired, foreign.fingerprint, NOW + 1) == retired


def test_the_first_key_must_write():
    with pytest.raises(ConfigurationError, match="one that writes"):
        rotation.add(KeyringDocument(), NOW, read_only=True)


def test_to_revoke_ends_sessions_at_once(rotated, make_manager):
    """K2, K4. The emergency."""
    new, old = rotated.keys
    cookie = make_manager(rotated).dumps({"a": 1})
    revoked = rotation.revoke(rotated, old.id, NOW)
    with pytest.raises(InvalidCookie, match="unknown_key"):
        make_manager(revoked).loads(cookie)
    assert dict(states(revoked)) == {new.id: "primary", old.id: "retired"}
    with pytest.raises(ConfigurationError, match="is retired"):
        rotation.promote(revoked, old.id, NOW)


def test_to_revoke_the_only_key_makes_another(ring):
    revoked = rotation.revoke(ring, ring.keys[0].id, NOW)
    assert sorted(state for _, state in states(revoked)) == ["primary", "retired"]
    assert revoked.at(NOW).primary != ring.at(NOW).primary


def test_a_key_is_named_by_how_its_id_starts(rotated):
    new = rotated.keys[0]
    assert rotation.find(rotated, new.id.upper()) == new
    for nobody in ("", "zz"):
        with pytest.raises(ConfigurationError, match="no key's id starts"):
            rotation.find(rotated, nobody)
    twins = KeyringDocument(tuple(DatedKey(f"ab{n}", None, 0, "retired") for n in range(2)))
    with pytest.raises(ConfigurationError, match="several keys' ids start"):
        rotation.find(twins, "ab")


@pytest.mark.parametrize(
    ("after", "texts"),
    [
        (0, ["will write from 2", "writes until 2"]),
        (3 * DAY, ["writes; a successor is due 2", "reads until 2"]),
        (40 * DAY, ["writes; a successor is due 2", "opens nothing"]),
    ],
)
def test_what_comes_next_is_said(after, texts, rotated):
    settled = rotation.settle(rotated, NOW + after)
    for key, text in zip(settled.keys, texts, strict=True):
        assert rotation.what_next(settled, key, NOW + after).startswith(text)
    foreign = rotation.add(rotated, NOW, read_only=True)
    assert rotation.what_next(foreign, foreign.keys[-1], NOW) == "only reads"


# The promise, over any history: servers with clocks up to five minutes apart and copies of the ring
# that are older, by up to the propagation window, never refuse a session that is to live.

SCHEDULE = Schedule(propagation=2 * DAY, lifetime=10 * DAY, session_lifetime=3 * DAY)
SKEWS = st.integers(-CLOCK_SKEW // 2, CLOCK_SKEW // 2)
LONGEST_DELAY = SCHEDULE.propagation - CLOCK_SKEW


@given(
    ticks=st.lists(st.integers(1, 4 * DAY), min_size=1, max_size=25),
    forced=st.sets(st.integers(0, 24)),
    writer=st.tuples(SKEWS, st.integers(0, LONGEST_DELAY)),
    reader=st.tuples(SKEWS, st.integers(0, LONGEST_DELAY)),
    gap=st.integers(0, SCHEDULE.session_lifetime),
)
def test_no_rotation_logs_anyone_out(ticks, forced, writer, reader, gap):
    """K2, K4, L7."""
    document = replace(rotation.add(KeyringDocument(), NOW), schedule=SCHEDULE)
    history = [(NOW - 10 * DAY, document)]  # when each document was published
    now = NOW
    for number, tick in enumerate(ticks):
        now += tick
        document = rotation.rotate(document, now, on_schedule=number not in forced)
        history.append((now, document))

    def manager_at(moment, server):
        skew, delay = server
        copy = [document for when, document in history if when <= moment - delay][-1]
        return SessionManager(
            copy,
            clock=lambda: moment + skew,
            idle_timeout=SCHEDULE.session_lifetime,
            absolute_timeout=SCHEDULE.session_lifetime,
        )

    for moment in range(NOW, now, max(1, (now - NOW) // 7)):
        cookie = manager_at(moment, writer).dumps({"a": 1})
        later = moment + max(0, gap - CLOCK_SKEW)
        assert dict(manager_at(later, reader).loads(cookie)) == {"a": 1}
