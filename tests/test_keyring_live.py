"""A ring that changes while a manager serves with it."""

import math
from datetime import timedelta

import pytest

from cookiesession import ConfigurationError, InvalidCookie, Key, SessionManager
from cookiesession.events import KeyringChanged, KeyringNotRefreshed
from cookiesession.keyring import DatedKey, KeyringDocument, LiveKeyring, Schedule, rotation
from tests.conftest import NOW


class Place:
    """Where a key ring is kept: its text can be changed, and it can be out of reach."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.reads = 0

    def __call__(self) -> str:
        self.reads += 1
        if not self.text:
            raise OSError("out of reach")
        return self.text


@pytest.fixture
def place():
    return Place(rotation.add(KeyringDocument(), NOW).text())


@pytest.fixture
def told():
    return []


@pytest.fixture
def ring(place, told):
    return LiveKeyring(place, refresh_every=None, on_event=told.append)


def test_a_manager_writes_with_what_was_read_last(place, told, ring, make_manager):
    """K4. Reload while serving, without a restart."""
    manager = make_manager(ring)
    cookie = manager.dumps({"a": 1})
    place.text = Key.generate().reveal()
    assert ring.refresh()
    assert manager.dumps({})[1:5] != cookie[1:5]
    with pytest.raises(InvalidCookie, match="unknown_key"):
        manager.loads(cookie)
    assert told == [KeyringChanged("", "")]


def test_no_request_reads_the_ring(place, ring, make_manager):
    """K4. Nor does it read where its key is unknown."""
    manager = make_manager(ring)
    manager.loads(manager.dumps({"a": 1}))
    with pytest.raises(InvalidCookie, match="unknown_key"):
        manager.loads(SessionManager(Key.generate()).dumps({}))
    assert place.reads == 1


@pytest.mark.parametrize("text", ["", "{", "changeme", " "])
def test_the_last_good_ring_stays_in_use(text, place, told, ring, make_manager):
    """K4. An event says so, and what is there again is read again."""
    manager = make_manager(ring)
    cookie = manager.dumps({"a": 1})
    good, place.text = place.text, text
    assert not ring.refresh()
    assert dict(manager.loads(cookie)) == {"a": 1}
    assert [type(event) for event in told] == [KeyringNotRefreshed]
    place.text = good
    assert not ring.refresh(), "it is the same ring"


def test_a_first_read_that_fails_is_the_developers_error():
    with pytest.raises(ConfigurationError, match="no key ring was found"):
        LiveKeyring(lambda: None)


def test_a_key_writes_from_its_activation_on(clock, make_manager):
    """K4. By the manager's own clock, without a read."""
    document = rotation.add(KeyringDocument(), NOW)
    document = rotation.rotate(document, NOW, on_schedule=False)
    place = Place(document.text())
    manager = make_manager(LiveKeyring(place, refresh_every=None), clock=clock)
    new, old = (key.key for key in document.keys)
    clock.advance(document.schedule.propagation - 1)
    assert manager.keyring.primary == old
    clock.advance(1)
    assert manager.keyring.primary == new
    assert manager.keyring.accepted == (new, old)
    clock.advance(document.schedule.overlap - 1)
    assert old in manager.keyring.accepted
    clock.advance(1)
    assert manager.keyring.accepted == (new,)
    assert place.reads == 1


def test_a_ring_that_drops_keys_before_their_sessions_end_is_refused():
    """K2. Sessions would end early, and nobody would know why."""
    key = DatedKey.of(Key.generate(), 0, state="primary", activates=0)
    document = KeyringDocument((key,), Schedule(session_lifetime=86_400))
    with pytest.raises(ConfigurationError, match="session lifetime"):
        SessionManager(document)
    SessionManager(document, idle_timeout=3600, absolute_timeout=timedelta(days=1))
    assert SessionManager(Key.generate()).keyring.keeps == math.inf


@pytest.mark.parametrize(
    ("text", "asks"),
    [("1AAAA" + "A" * 200 + "." + "A" * 43, True), ("1!!!!" + "A" * 200 + "." + "A" * 43, False)],
    ids=["of a cookie's shape", "of no key's shape"],
)
def test_an_unknown_key_asks_for_an_early_read_once_a_minute(text, asks, place, make_manager):
    """K5. A replica that lacks the newest key learns of it soon, and strangers cannot hurry it."""
    ring = LiveKeyring(place, refresh_every=timedelta(days=1))
    calls = ring._wake
    ring._stop()  # so that what is asked for stays to be seen
    while not calls.empty():
        calls.get()
    manager = make_manager(ring)
    for _ in range(3):
        with pytest.raises(InvalidCookie):
            manager.loads(text)
    assert calls.qsize() == asks
