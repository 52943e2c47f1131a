"""The session that an application holds.

A real dict, because frameworks and applications treat it as one, that fills itself at the first
look. It holds plain dicts and lists. What changed is found by comparing packed bytes, so
`session["cart"].append(x)` is seen, and setting the same value again is not a change. Which methods
were called does not matter: C code goes past them, and a list may be held from long before.

The rules: it knows no request and no header; where its content comes from is a function that it
calls once. Whether and how it is written is decided in `_exchange`.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import wraps
from threading import Lock
from typing import Any, Final, NoReturn

from cookiesession import _base64
from cookiesession._codec import Codec
from cookiesession._lifetimes import Stamp, whole_seconds
from cookiesession._pack import SCALARS, pack, pack_value, unpack
from cookiesession._seal import new_sid
from cookiesession.errors import SessionClosedError, Status

EMPTY: Final = pack({})
_FILLING: Final = Lock()  # held for a few assignments


@dataclass(slots=True)
class Arrival:
    """What a request brought: a status, the clock, and the content where the cookie was valid."""

    status: Status
    now: int
    data: dict[str, Any] = field(repr=False)
    body: bytes = field(default=EMPTY, repr=False)
    stamp: Stamp | None = None


class Session(dict[str, Any]):
    """One visitor's data, kept in a cookie: a dict with a few words more.

    >>> from cookiesession import Key, SessionManager
    >>> manager = SessionManager(Key.generate())
    >>> session = manager.loads(manager.dumps({"cart": ["tea"]}))
    >>> session["cart"].append("milk")
    >>> session.modified, session.status.value
    (True, 'valid')
    """

    __slots__ = (
        "_arrival",
        "_baseline",
        "_closed",
        "_codec",
        "_destroyed",
        "_forced",
        "_handled",
        "_read",
        "_restamped",
        "_source",
        "_stamp",
        "_touched",
    )

    _arrival: Arrival
    _baseline: bytes  # what the browser has: as it came, and as it left once the headers have
    _stamp: Stamp  # as it will be written, but for `issued`; its sid stays b"" until asked for

    def __init__(self, codec: Codec, read: Callable[[Any], Arrival], source: Any) -> None:
        self._codec = codec
        self._read: Callable[[Any], Arrival] | None = read  # None once filled
        self._source = source
        self._closed = False  # the headers have left
        # Something, until filled: json's C code asks the dict's memory whether it is empty before
        # it calls `items`.
        super().__setitem__("", None)

    def mark_accessed(self) -> None:
        """Fill the session with what the request brought; does nothing the second time.

        Every look does this. It is for frameworks whose C code would look past a dict's methods.
        """
        source, read = self._source, self._read  # in this order: another thread may end both
        if read is None:
            return
        arrival = read(source)
        with _FILLING:
            if self._read is None:  # another thread of this request was faster
                return
            self._arrival = arrival
            self._baseline = arrival.body
            self._stamp = arrival.stamp or Stamp(arrival.now, arrival.now, b"")
            self._handled = False  # a method changed it, or gave a list or dict away
            self._forced = self._touched = False  # `modified` was set; `touch` was called
            self._restamped = self._destroyed = False  # id or lifetime are the cookie's no more
            super().clear()
            super().update(arrival.data)
            self._read = self._source = None

    def _close(self, body: bytes) -> None:
        """Note what leaves with the headers: what it differs in from now on is lost."""
        self._baseline = body
        self._forced = self._touched = self._restamped = self._destroyed = False

    # What is known about the session.

    @property
    def id(self) -> str:
        """The session's name, 12 characters; not a secret. `regenerate` changes it.

        A new session keeps its id from the response that first saves it.
        """
        return _base64.encode(self._own_stamp().sid).decode()

    @property
    def new(self) -> bool:
        """Whether no valid cookie came, so that the session begins here."""
        return self.status is not Status.VALID

    @property
    def status(self) -> Status:
        """What became of the request's cookie: why the session came empty, or that it is valid."""
        self.mark_accessed()
        return self._arrival.status

    @property
    def created(self) -> datetime:
        """When the session was created, in UTC; the absolute timeout runs from here."""
        return _moment(self._own_stamp().created)

    @property
    def touched(self) -> datetime:
        """When the session was last written, in UTC; the idle timeout runs from here."""
        return _moment(self._own_stamp().issued)

    @property
    def expires(self) -> datetime:
        """When the session ends, in UTC, if it is not touched before."""
        return _moment(self._codec.lifetimes.end(self._own_stamp()))

    @property
    def size(self) -> int:
        """How many characters the cookie's value takes with what the session now holds.

        Raises `UnsavableSession` when it holds something that no cookie can carry.
        """
        stamp = self._own_stamp()
        return len(self._codec.dumps(self._body(), stamp, self._arrival.now))

    @property
    def accessed(self) -> bool:
        """Whether anybody looked. Setting it is a look; one cannot be taken back."""
        return self._read is None

    @accessed.setter
    def accessed(self, value: bool) -> None:
        if value:
            self.mark_accessed()

    @property
    def modified(self) -> bool:
        """Whether the session differs from its cookie. Setting True has it written regardless.

        So an emptied session that is set `modified` stays, empty; else its cookie is deleted.
        """
        self.mark_accessed()
        return self._forced or self._restamped or self._body() != self._baseline

    @modified.setter
    def modified(self, value: bool) -> None:
        self.mark_accessed()
        self._forced = value
        self._refuse_late_change()

    def _body(self) -> bytes:
        """Return the canonical bytes of what the session holds."""
        self.mark_accessed()
        return pack(dict(super().items()), None if self._handled else self._baseline)

    # What one can do to it.

    def touch(self) -> None:
        """Have the session written, so that its idle timeout starts anew."""
        self.mark_accessed()
        self._touched = True
        self._refuse_late_change()

    def regenerate(self, keep: Iterable[str] | None = None) -> None:
        """Give the session a new id and creation time; call it when someone logs in.

        Keeps only the keys that are named, or everything when none are; `remember` and
        `forget_on_close` are cleared. This is what OWASP asks against session fixation.
        """
        self.mark_accessed()
        if keep is not None:
            kept = {keep} if isinstance(keep, str) else set(keep)
            for name in self.keys() - kept:
                super().__delitem__(name)
        self._begin_anew()

    def destroy(self) -> None:
        """Empty the session and have the browser drop its cookies; call it when someone logs out.

        What it cannot do: a copy of the cookie, made before, stays good until it expires.
        """
        self.mark_accessed()
        super().clear()
        self._destroyed = True
        self._begin_anew()

    def remember(self, for_: timedelta | float | None = None) -> None:
        """Keep the session that long from its creation, idle or not: "remember me".

        Without a duration, and at most, for the manager's `remember_timeout`.
        A session that is older than that already is regenerated first.
        Raises `ValueError` for a duration that is not positive.
        """
        self.mark_accessed()
        limit = self._codec.lifetimes.remember
        seconds = limit if for_ is None else whole_seconds(for_)
        if seconds < 1:
            raise ValueError("remember takes a duration of a second or more")
        lasting = min(seconds, limit)
        if self._stamp.created + lasting <= self._arrival.now:
            self._begin_anew()
        self._restamp(self._stamp._replace(remembered=lasting, forgotten=False))

    def forget_on_close(self) -> None:
        """Leave Max-Age away, so that the browser drops the cookie when it closes."""
        self.mark_accessed()
        self._restamp(self._stamp._replace(remembered=0, forgotten=True))

    def _begin_anew(self) -> None:
        now = self._arrival.now
        self._restamp(Stamp(max(now, self._stamp.issued), now, new_sid()))

    def _restamp(self, stamp: Stamp) -> None:
        self._restamped = self._restamped or stamp != self._stamp
        self._stamp = stamp
        self._refuse_late_change()

    def _own_stamp(self) -> Stamp:
        """Return the stamp, with an id even where the session is new."""
        self.mark_accessed()
        if not self._stamp.sid:
            self._stamp = self._stamp._replace(sid=new_sid())
        return self._stamp

    def _refuse_late_change(self) -> None:
        if self._closed and (self._touched or self.modified):
            raise SessionClosedError(
                "the session was changed when no header could carry its cookie any more, so the "
                f"change is lost{self._named_changes()}. Change it before the response starts"
            )

    def _named_changes(self) -> str:
        before = unpack(self._baseline)
        names = [name for name in {**before, **self} if not _same(before, self, name)]
        return f" (keys: {', '.join(names)})" if names else ""

    # What a dict has that this one does otherwise.

    def copy(self) -> dict[str, Any]:
        """Return a plain dict of the same values."""
        return dict(self)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return deepcopy(dict(self), memo)

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError("a session cannot be pickled: pickle dict(session)")

    def __repr__(self) -> str:
        if self._read is not None:
            return "<Session, not looked at>"
        return f"<Session {self._arrival.status}, {len(self)} keys; dict(session) shows them>"


def _same(before: dict[str, Any], after: dict[str, Any], name: str) -> bool:
    if name not in before or name not in after:
        return False
    return pack_value(before[name]) == pack_value(after[name])


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


# The dict's own methods, each behind a first look. `dict(session)` and `{**session}` come through
# `keys`; what reads the dict's memory, as json's C code does, needs `mark_accessed` before.

_READS: Final = (
    "__contains__ __eq__ __getitem__ __iter__ __len__ __ne__ __or__ __reversed__ __ror__ "
    "get items keys values"
)
_CHANGES: Final = "__delitem__ __ior__ __setitem__ clear pop popitem setdefault update"


def _reading(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def read(self: Session, *args: Any, **kwargs: Any) -> Any:
        if self._read is not None:
            self.mark_accessed()
        value = method(self, *args, **kwargs)
        if type(value) not in SCALARS:  # a list, say, or a view of them all
            self._handled = True
        return value

    return read


def _changing(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def change(self: Session, *args: Any, **kwargs: Any) -> Any:
        if self._read is not None:
            self.mark_accessed()
        self._handled = True
        result = method(self, *args, **kwargs)
        if self._closed:
            self._refuse_late_change()
        return result

    return change


for _name in _READS.split():
    setattr(Session, _name, _reading(getattr(dict, _name)))
for _name in _CHANGES.split():
    setattr(Session, _name, _changing(getattr(dict, _name)))
