"""One request: the session is opened at the first look, and settled when the response starts.

    Incoming   what the library wants to know of a request
    Exchange   the request's session, and once the response starts, its headers
    Policy     what a manager's configuration comes to

The rules: nothing here does input or output, or keeps a request's state beyond the request. A
request in which nobody looks at the session costs two small objects and decodes nothing. What a
client sends never raises. What the application did is never lost without an error or an event.
"""

import logging
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NamedTuple, Self

from cookiesession import events
from cookiesession._codec import Codec, Content, RingKey, kid_of
from cookiesession._cookie import MAX_CLEANED, Jar, Writer, find
from cookiesession._lifetimes import END_LEEWAY, Stamp
from cookiesession._session import EMPTY, Arrival, Session
from cookiesession.errors import SessionTooLarge, Status, UnsavableSession

_CLEAN_AFTER: Final = 60  # seconds: before, a stale part may belong to a response under way
_TOUCHING: Final = frozenset({"", "document", "empty"})  # Sec-Fetch-Dest; not images and the like
_NAMED_IN_ERRORS: Final = 3
_SWITCHING_PROTOCOLS: Final = 101  # a WebSocket; no cache keeps it
_LOOPBACK: Final = re.compile(r"((.+\.)?localhost\.?|127(\.\d{1,3}){3})(:\d*)?|\[::1\](:\d*)?")
_QUOTED: Final = re.compile(r'"(\\.|[^"\\])*"?')  # RFC 9110, 5.6.4
_PRIVATE: Final = frozenset({"private", "no-cache", "no-store"})

_logger = logging.getLogger("cookiesession")


@dataclass(slots=True)
class Incoming:
    """What the library wants to know of a request. Text is as the server hands it over.

    `cookies` holds the values of the Cookie headers; `fetch_dest` and `fetch_site` are those of
    `Sec-Fetch-Dest` and `Sec-Fetch-Site`. Forwarded headers are never asked for.

    >>> Incoming(cookies=[b"a=1; b=2"], host="example.com").method
    'GET'
    """

    cookies: Iterable[bytes] = field(default=(), repr=False)
    method: str = "GET"
    path: str = "/"
    scheme: str = ""
    host: str = ""
    fetch_dest: str = ""
    fetch_site: str = ""


class Edits(NamedTuple):
    """What to do to a response's headers: `set` replaces, `add` appends.

    >>> edits = Edits({"Vary": "Cookie"}, [("Set-Cookie", "session=...")])
    >>> edits.set
    {'Vary': 'Cookie'}
    """

    set: dict[str, str]
    add: list[tuple[str, str]]


class Policy(NamedTuple):
    """What a manager's configuration comes to; shared by all its requests."""

    codec: Codec
    writer: Writer
    touch_after: int
    persistent: bool
    save_on_5xx: bool
    secure: bool
    development: bool
    clock: Callable[[], float]
    on_event: Callable[[events.Event], None]
    warned: set[type[events.Event]]

    def now(self) -> int:
        """Read the clock, in whole seconds."""
        return math.floor(self.clock())

    def read(self, source: Incoming | Callable[[], Incoming]) -> "_Visit":
        """Open what a request brought: the newest of the valid cookies, or nothing and why."""
        incoming = source if isinstance(source, Incoming) else source()
        if self.development and not is_loopback(incoming.host):
            self.refused(Status.HOST_REFUSED)
            return _Visit(Status.HOST_REFUSED, self.now(), {}, incoming=incoming, jar=Jar())
        jar = find(incoming.cookies, self.writer.name.encode())
        visit = _Visit(Status.MISSING, self.now(), {}, incoming=incoming, jar=jar)
        if jar.heads:
            self._open(visit, jar.texts())
        return visit

    def _open(self, visit: "_Visit", texts: list[bytes | None]) -> None:
        newest: Content | None = None
        are_several = False
        for text in texts:
            opened = Status.INCOMPLETE if text is None else self.codec.loads(text, visit.now)
            if isinstance(opened, Status):
                if visit.status is Status.MISSING:
                    visit.status = opened  # the first one's reason, if none is valid
            elif newest is None:
                newest = opened
            else:
                are_several = True
                newest = max(newest, opened, key=lambda content: content.stamp.issued)
        if newest is None:
            self.refused(visit.status, texts[0])
            return
        visit.status = Status.VALID
        visit.data, visit.body, visit.stamp, visit.key = newest
        if are_several:
            self.tell(events.Duplicate, newest.key, newest.stamp)
        self.tell(events.Opened, newest.key, newest.stamp)

    def text(self, body: bytes, stamp: Stamp, now: int) -> str:
        """Write a session; raise `SessionTooLarge` where its cookies cannot take it."""
        text = self.codec.dumps(body, stamp, now).decode()
        if len(text) > self.writer.capacity:
            largest = self.codec.sizes(body)[:_NAMED_IN_ERRORS]
            raise SessionTooLarge(len(text), self.writer.capacity, largest)
        return text

    def max_age(self, stamp: Stamp, now: int) -> int | None:
        """Return what Max-Age says, or None where the browser shall forget when it closes."""
        if stamp.forgotten or not (self.persistent or stamp.remembered):
            return None
        left = self.codec.lifetimes.end(stamp) - now
        return left if left > 0 else left + END_LEEWAY  # in which the server still takes it

    def tell(self, kind: type[events.Event], key: RingKey, stamp: Stamp) -> None:
        """Tell the hook of an event; what the hook raises is logged and goes no further."""
        if self.on_event is not events.log or events.is_logged(kind):
            self._call(kind(key.session_hash(stamp.sid), key.kid_text.decode()))

    def refused(self, reason: Status, text: bytes | None = None) -> None:
        """Tell the hook of a refusal."""
        self._call(events.Refused("", kid_of(text or b""), reason))

    def warn_once(self, kind: type[events.Event], key: RingKey, stamp: Stamp) -> None:
        """Tell the hook of something that every response would tell again."""
        if kind not in self.warned:
            self.warned.add(kind)
            self.tell(kind, key, stamp)

    def _call(self, event: events.Event) -> None:
        try:
            self.on_event(event)
        except Exception:
            _logger.exception("on_event raised")


@dataclass(slots=True)
class _Visit(Arrival):
    """An arrival, with what it takes to answer it."""

    incoming: Incoming = field(kw_only=True, repr=False)
    jar: Jar = field(kw_only=True, repr=False)
    key: RingKey | None = None


class Exchange:
    """One request's session, from `SessionManager.open` to the end of the response's body."""

    __slots__ = ("_changed", "_lines", "_policy", "_unsavable", "_without_vary", "session")

    session: Session

    def __init__(self, policy: Policy, source: Incoming | Callable[[], Incoming]) -> None:
        self._policy = policy
        self.session = Session(policy.codec, policy.read, source)
        self._lines: list[str] | None = None  # the Set-Cookie lines, once they are settled
        self._without_vary = False  # the headers left before anybody had looked
        self._changed = False  # what `_lines` say is more than a touch
        self._unsavable = False  # and that was said already

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()

    def close(self) -> None:
        """End the exchange: no header can be sent any more.

        Leaving the block does this. An adapter calls it where a protocol has no headers, as when a
        WebSocket is refused without a response. Raises `SessionClosedError` where a change is lost.
        """
        session = self.session
        if self._lines is None:
            self._lines = []
            session._closed = True
        if session.accessed:
            if not self._unsavable:
                session._refuse_late_change()
            if self._without_vary:
                self._tell(events.CacheConflict)

    def headers(self, status: int = 200, *, vary: str = "", cache_control: str = "") -> Edits:
        """Settle the session and return what to do to the response's headers.

        Called when the response starts, with its status and its own `Vary` and `Cache-Control`.
        A session that was changed afterwards is an error. Called again, as when an error page
        replaces a response that never left, it returns the same cookies, if that status may carry
        them. Raises `UnsavableSession` or `SessionTooLarge`, once: the next call, for the error
        page, returns no cookie.
        """
        session = self.session
        if not session.accessed:
            session._closed = True
            self._lines = []
            self._without_vary = status != _SWITCHING_PROTOCOLS
            return Edits({}, [])
        if self._lines is None:
            self._lines = []  # whatever happens now happens once
            try:
                self._lines = self._settle(status)
            except UnsavableSession as error:
                raise error.with_traceback(None) from None  # its frames hold the session's data
        self._without_vary = False
        lines = self._lines if self._may_write(status) else []
        if self._changed and self._lines and not lines:
            self._tell(events.NotSaved)
        edits = Edits({}, [("Set-Cookie", line) for line in lines])
        if not vary:
            edits.set["Vary"] = "Cookie"
        elif not _names(vary) & {"cookie", "*"}:
            edits.set["Vary"] = f"{vary}, Cookie"
        if lines and not _is_private(cache_control):
            edits.set["Cache-Control"] = "no-store"
            if cache_control:
                self._tell(events.CacheConflict)
        return edits

    def _may_write(self, status: int) -> bool:
        return status < 500 or self._policy.save_on_5xx

    def _settle(self, status: int) -> list[str]:
        session = self.session
        visit = self._visit
        may_write = self._may_write(status) and visit.status is not Status.HOST_REFUSED
        session._closed = True  # first: what another thread does from now on is an error there
        try:
            body = session._body()
        except UnsavableSession:
            self._unsavable = True
            if may_write:
                raise
            self._tell(events.NotSaved)
            return []
        forced, destroyed = session._forced, session._destroyed
        touched = session._touched or self.due
        self._changed = changed = forced or session._restamped or body != session._baseline
        session._close(body)
        if not may_write:
            if changed:
                self._tell(events.NotSaved)
            return []
        if body == EMPTY and (destroyed or (changed and visit.stamp and not forced)):
            return self._delete(visit)
        if body == EMPTY and not visit.stamp:  # no cookie is needed; a refused one stays (K5)
            return []
        if changed or touched:
            return self._write(visit, body, events.Saved if changed else events.Touched)
        return self._clean(visit)

    @property
    def due(self) -> bool:
        """Whether the session, if it stays unchanged, is to be written anew (touched)."""
        self.session.mark_accessed()
        visit = self._visit
        if visit.stamp is None or visit.incoming.fetch_dest not in _TOUCHING:
            return False
        if visit.now - visit.stamp.issued >= self._policy.touch_after:
            return True
        # Under an older key; not a newer one, or a server whose clock is behind would undo what the
        # others write.
        assert visit.key is not None
        return visit.key.age > self._policy.codec.ready(visit.now).primary.age

    def _write(self, visit: "_Visit", body: bytes, kind: type[events.Event]) -> list[str]:
        policy = self._policy
        stamp = self.session._own_stamp().at(visit.now)
        text = policy.text(body, stamp, visit.now)
        lines = policy.writer.set(text, policy.max_age(stamp, visit.now))
        key = policy.codec.ready(visit.now).primary
        policy.tell(kind, key, stamp)
        if len(lines) > 1:
            policy.tell(events.Split, key, stamp)
        if policy.secure and visit.incoming.scheme == "http" and _is_dropped(visit.incoming):
            policy.warn_once(events.InsecureTransport, key, stamp)
        return lines + self._deletions(visit.jar.all_parts())

    def _delete(self, visit: "_Visit") -> list[str]:
        writer = self._policy.writer
        head = [writer.delete(writer.name)] if visit.jar.heads else []
        lines = head + self._deletions(visit.jar.all_parts())
        if lines:
            self._tell(events.Deleted, visit.stamp)
        return lines

    def _clean(self, visit: "_Visit") -> list[str]:
        """Delete the parts that other tabs left, before they fill the browser's Cookie header."""
        if visit.stamp is None or visit.now - visit.stamp.issued < _CLEAN_AFTER:
            return []
        return self._deletions(visit.jar.stale_parts())

    def _deletions(self, parts: list[tuple[bytes, int]]) -> list[str]:
        writer = self._policy.writer
        names = [writer.part_name(tag.decode(), number) for tag, number in parts[:MAX_CLEANED]]
        return [writer.delete(name) for name in names]

    def _tell(self, kind: type[events.Event], stamp: Stamp | None = None) -> None:
        visit = self._visit
        key = visit.key or self._policy.codec.ready(visit.now).primary
        self._policy.tell(kind, key, stamp or self.session._own_stamp())

    @property
    def _visit(self) -> "_Visit":
        visit = self.session._arrival
        assert isinstance(visit, _Visit)
        return visit


def is_loopback(host: str) -> bool:
    """Tell whether a Host header names this machine itself."""
    return bool(_LOOPBACK.fullmatch(host.lower()))


def _is_dropped(incoming: Incoming) -> bool:
    # Over https, behind a proxy too, browsers send Sec-Fetch-Site; over plain http they do not.
    return not incoming.fetch_site and not is_loopback(incoming.host)


def _names(header: str) -> set[str]:
    """Return the members of a comma-separated header, in small letters."""
    return {member.strip().lower() for member in header.split(",")}


def _is_private(cache_control: str) -> bool:
    if not cache_control:
        return False
    names = _names(_QUOTED.sub("", cache_control))
    return "public" not in names and not names.isdisjoint(_PRIVATE)
