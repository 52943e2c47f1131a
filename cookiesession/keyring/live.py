"""A key ring that is read anew while it is in use.

    ring = LiveKeyring.from_path("/run/secrets/session-keys/keyring.json")
    manager = SessionManager(ring)

The rules: the first read happens here, and its errors are the developer's. From then on a thread
reads, and nothing else does: a request takes the ring that is there, and never waits. A read that
fails leaves the last good ring in use, and says so in an event. The thread does not outlive a fork;
each process has its own.
"""

import hashlib
import os
import secrets
import threading
import time
import weakref
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from queue import Empty, SimpleQueue
from typing import Any, Final, NoReturn, Self

from cookiesession import ConfigurationError, Keyring
from cookiesession.events import Event, KeyringChanged, KeyringNotRefreshed, log
from cookiesession.keyring.document import KeyringDocument
from cookiesession.keyring.files import read_private

Load = Callable[[], str | bytes | None]

_JITTER: Final = 0.1  # of the interval, so that a fleet's servers do not read at one moment
_EARLY_AGAIN: Final = 60  # seconds between two early reads, however many strange cookies come
_MOST_SECONDS_BEFORE_A_FORK: Final = 1  # that a fork waits for a read that is under way


def parse_ring(text: str) -> Keyring | KeyringDocument:
    """Read a key-ring document, or keys as `Keyring.parse` does.

    >>> from cookiesession import Key
    >>> parse_ring(Key.generate().reveal()).keeps
    inf
    """
    return (KeyringDocument if text.lstrip().startswith("{") else Keyring).parse(text)


class _Call(Enum):
    """What the reading thread is woken for."""

    READ = "read"
    END = "end"


class LiveKeyring:
    """The keys that a function finds, and finds again every so often, for a `SessionManager`.

    `load` returns the text of a key-ring document, or keys as `Keyring.parse` reads them, from
    wherever they are kept; it may take its time and may raise. `refresh_every` is a `timedelta` or
    seconds, give or take a tenth; `None` leaves it to calls of `refresh`. A cookie whose key is not
    in the ring asks for one early read, at most one a minute. `on_event` is told of
    `KeyringChanged` and `KeyringNotRefreshed`, in that thread.

    Raises `ConfigurationError` where the first read finds no ring.

    >>> from cookiesession import Key, SessionManager
    >>> keys = [Key.generate().reveal()]
    >>> ring = LiveKeyring(lambda: " ".join(keys), refresh_every=None)
    >>> manager = SessionManager(ring)
    >>> keys.insert(0, Key.generate().reveal())
    >>> before = manager.key_id
    >>> ring.refresh()
    True
    >>> manager.key_id == before
    False
    """

    def __init__(
        self,
        load: Load,
        *,
        refresh_every: timedelta | float | None = timedelta(minutes=5),
        on_event: Callable[[Event], None] = log,
    ) -> None:
        self._load = load
        self._every = _seconds(refresh_every)
        self._on_event = on_event
        self._seen = b""
        self._current = self._read()
        self._may_ask = 0.0  # when the next early read may be asked for, on the monotonic clock
        self._wake: SimpleQueue[_Call] = SimpleQueue()
        self._thread: threading.Thread | None = None
        _LIVE.add(self)
        self._start()

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], **settings: Any) -> Self:
        """Read a file, or a folder of files as Docker and Kubernetes mount secrets.

        A folder's files are read the last by name first. What others can read is refused.
        """
        return cls(lambda: read_private(path), **settings)

    @classmethod
    def from_env(cls, variable: str, **settings: Any) -> Self:
        """Read an environment variable; what is live then are the dates of a document in it."""
        return cls(lambda: os.environ.get(variable), **settings)

    @property
    def current(self) -> Keyring | KeyringDocument:
        """What was read last, to look at."""
        return self._current

    @property
    def refresh_every(self) -> float | None:
        """The seconds between two reads."""
        return self._every

    # For the manager; see `cookiesession.KeySource`.

    @property
    def keeps(self) -> float:
        """How many seconds a key is accepted after it last wrote."""
        return self._current.keeps

    def at(self, now: int) -> Keyring:
        """Return the ring of this moment."""
        return self._current.at(now)

    def missed(self) -> None:
        """Ask for an early read, unless one was asked for in the last minute."""
        now = time.monotonic()
        if self._every is not None and now >= self._may_ask:
            self._may_ask = now + min(self._every, _EARLY_AGAIN)
            self._wake.put(_Call.READ)

    # Reading.

    def refresh(self) -> bool:
        """Read now, in this thread; tell whether the ring changed. Never raises."""
        try:
            before, self._current = self._current, self._read()
        except Exception as error:  # noqa: BLE001  whatever its class: the ring stays
            why = str(error) if isinstance(error, ConfigurationError) else type(error).__name__
            self._tell(KeyringNotRefreshed("", "", why))
            return False
        if self._current is before:
            return False
        self._tell(KeyringChanged("", ""))
        return True

    def close(self) -> None:
        """Stop reading; the ring stays as it is."""
        _LIVE.discard(self)
        self._stop()

    def _read(self) -> Keyring | KeyringDocument:
        text = self._load()
        if isinstance(text, bytes):
            text = text.decode()
        if not isinstance(text, str) or not text.strip():
            raise ConfigurationError(
                "no key ring was found where it should be: make one with cookiesession keys add, "
                "and put it there"
            )
        seen = hashlib.sha256(text.encode()).digest()
        if seen == self._seen:  # the same object, so that no manager derives its keys again
            return self._current
        ring = parse_ring(text)
        ring.at(0)  # a document without a key that writes is no ring
        self._seen = seen
        return ring

    def _tell(self, event: Event) -> None:
        try:
            self._on_event(event)
        except Exception:  # noqa: BLE001  a hook's fault is not the ring's
            log(event)

    # The thread.

    def _start(self) -> None:
        if self._every is not None:
            self._wake = SimpleQueue()
            arguments = (weakref.ref(self), self._wake, self._every)
            self._thread = threading.Thread(
                target=_keep_fresh, args=arguments, name="cookiesession-keyring", daemon=True
            )
            self._thread.start()

    def _stop(self) -> None:
        self._wake.put(_Call.END)
        if self._thread is not None:
            self._thread.join(_MOST_SECONDS_BEFORE_A_FORK)
            self._thread = None

    def __repr__(self) -> str:
        return f"<LiveKeyring {self._current!r}>"

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("a LiveKeyring cannot be pickled: it would write down its keys")


def _keep_fresh(
    reference: "weakref.ref[LiveKeyring]", wake: "SimpleQueue[_Call]", every: float
) -> None:
    """Read until told to end, or until nobody holds the ring any more."""
    spread = secrets.SystemRandom().uniform
    while True:
        try:
            call = wake.get(timeout=every * spread(1 - _JITTER, 1 + _JITTER))
        except Empty:
            call = _Call.READ
        ring = reference()
        if ring is None or call is _Call.END:
            return
        ring.refresh()
        del ring  # while waiting, hold nothing


def _seconds(every: timedelta | float | None) -> float | None:
    seconds = every.total_seconds() if isinstance(every, timedelta) else every
    if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
        raise ConfigurationError("refresh_every must be a timedelta, seconds, or None")
    return seconds


# Threads do not survive a fork, and a fork beside running threads may catch them with a lock in
# hand. So they end before each fork, and start again on both sides of it.

_LIVE: "weakref.WeakSet[LiveKeyring]" = weakref.WeakSet()


def _stop_all() -> None:
    for ring in list(_LIVE):
        ring._stop()


def _start_all() -> None:
    for ring in list(_LIVE):
        ring._start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_stop_all, after_in_parent=_start_all, after_in_child=_start_all)
