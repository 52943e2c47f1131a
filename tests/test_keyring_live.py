"""A ring that changes while a manager serves with it."""

import gc
import math
import os
import threading
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
    with pytest.raises(ConfigurationError, match=r" 30d, .* 1d after .*session lifetime"):
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


# Its thread. What a test waits for, it waits for with a bound that no good run comes near.

PATIENCE = 30


class Signalling(Place):
    """A place that says when it was read, and in which thread."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.threads = []
        self.read = threading.Event()

    def __call__(self) -> str:
        self.threads.append(threading.current_thread().name)
        if len(self.threads) > 1:
            self.read.set()
        return super().__call__()


@pytest.fixture
def signalling(place):
    return Signalling(place.text)


def test_a_thread_reads_again_and_again(signalling):
    """K4."""
    changed = threading.Event()
    ring = LiveKeyring(signalling, refresh_every=0.01, on_event=lambda _: changed.set())
    key = Key.generate()
    signalling.text = key.reveal()
    assert changed.wait(PATIENCE)
    assert ring.at(NOW).primary == key
    ring.close()
    assert signalling.threads[0] == threading.current_thread().name
    assert set(signalling.threads[1:]) == {"cookiesession-keyring"}


def test_an_unknown_key_has_it_read_at_once(signalling, make_manager):
    """K5."""
    ring = LiveKeyring(signalling, refresh_every=timedelta(days=1))
    with pytest.raises(InvalidCookie):
        make_manager(ring).loads(SessionManager(Key.generate()).dumps({}))
    assert signalling.read.wait(PATIENCE)
    ring.close()


def test_a_ring_that_nobody_holds_is_read_no_more(signalling):
    ring = LiveKeyring(signalling, refresh_every=0.01)
    thread = ring._thread
    assert signalling.read.wait(PATIENCE)
    del ring
    gc.collect()
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")
def test_both_sides_of_a_fork_go_on_reading(tmp_path, place):
    """K4. As with gunicorn's preload; the thread is not there at the fork itself."""
    path = tmp_path / "keys"
    path.touch(0o600)
    path.write_text(place.text)
    changed = threading.Event()
    ring = LiveKeyring.from_path(path, refresh_every=0.01, on_event=lambda _: changed.set())
    key = Key.generate()
    child = os.fork()
    if not child:  # no test of the child's may end up in this test's report
        seen = changed.wait(PATIENCE) and ring.at(NOW).primary == key
        os._exit(0 if seen else 1)
    path.write_text(key.reveal())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert changed.wait(PATIENCE)
    ring.close()


def test_an_environment_variable_is_a_source(monkeypatch, place):
    monkeypatch.setenv("SESSION_RING", place.text)
    ring = LiveKeyring.from_env("SESSION_RING", refresh_every=None)
    assert ring.current.text() == place.text
    assert ring.refresh_every is None


def test_bytes_are_a_ring_too(place):
    ring = LiveKeyring(place.text.encode, refresh_every=None)
    assert ring.keeps == 30 * 86_400


def test_a_hook_that_raises_does_not_end_the_reading(place, caplog):
    def hook(event):
        raise RuntimeError

    ring = LiveKeyring(place, refresh_every=None, on_event=hook)
    place.text = ""
    assert not ring.refresh()
    assert "could not be read anew" in caplog.text


@pytest.mark.parametrize("every", [0, -1, "5"])
def test_an_interval_that_cannot_be_is_refused(every, place):
    with pytest.raises(ConfigurationError, match="refresh_every"):
        LiveKeyring(place, refresh_every=every)


def test_no_live_ring_shows_or_pickles_its_keys(ring, place):
    """K3."""
    (key,) = ring.at(NOW).accepted
    assert key.reveal() not in f"{ring!r} {ring}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        ring.__reduce_ex__(4)
