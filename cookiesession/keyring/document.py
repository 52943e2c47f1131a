"""The key-ring document: keys with dates, and the ring that they make at a moment.

    parse: JSON -> KeyringDocument          text: the reverse          at: moment -> Keyring

A key is accepted from the moment it stands in the document, writes from the moment it `activates`,
and opens nothing any more from the moment it `retires`. So of two servers with the same document,
one whose clock is behind still reads what the other writes.

The rules: dates are UTC, to the second; `docs/keyring.md` and `docs/keyring.schema.json` say the
rest. Whatever is not a whole, unchanged document that follows them is a `ConfigurationError`.
Nothing here reads a clock or a file.
"""

import hashlib
import hmac
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone
from typing import Any, Final, Literal, Self, cast, get_args

from cookiesession import ConfigurationError, Key, Keyring

VERSION: Final = 1
CLOCK_SKEW: Final = 300  # seconds by which the servers' clocks may differ
DAY: Final = 86_400

State = Literal["primary", "accepted", "retired"]

_END_LEEWAY: Final = 60  # seconds that a session lives on after its end
_RESTORE: Final = "restore it from where you keep a copy"
_MOST_CHARACTERS_OF_A_NOTE: Final = 200


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long each stage of a rotation takes, in seconds.

    `propagation`: a key is known everywhere before it writes. `lifetime`: it writes so long.
    `session_lifetime`: it is accepted so long after it last wrote, as a session lives no longer.

    >>> Schedule().lifetime // 86_400
    90
    """

    propagation: int = 2 * DAY
    lifetime: int = 90 * DAY
    session_lifetime: int = 30 * DAY

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if type(value) is not int or not 1 <= value < 2**31:
                raise ConfigurationError(f"the schedule's {each.name} must be seconds, 1 or more")
        if self.propagation >= self.lifetime:
            raise ConfigurationError(
                "the schedule's propagation must be shorter than its lifetime: "
                "a key would have a successor before it writes"
            )

    @property
    def overlap(self) -> int:
        """How long a key is accepted after its successor's activation.

        A server whose clock is behind writes with it for a while yet, and may write into a session
        that another server has just begun.
        """
        return self.session_lifetime + CLOCK_SKEW + _END_LEEWAY


@dataclass(frozen=True, slots=True)
class DatedKey:
    """A key of the document; moments are Unix seconds. What is retired has no secret any more.

    >>> DatedKey.of(Key.generate(), created=0).state
    'accepted'
    """

    id: str
    key: Key | None
    created: int
    state: State = "accepted"
    activates: int | None = None  # None: it only reads
    retires: int | None = None  # None: not known yet
    note: str = ""

    @classmethod
    def of(cls, key: Key, created: int, **more: Any) -> Self:
        """Date a key; its id is its fingerprint."""
        return cls(key.fingerprint, key, created, **more)

    def is_accepted(self, now: int) -> bool:
        """Tell whether the key opens cookies at this moment."""
        return self.key is not None and (self.retires is None or now < self.retires)

    def has_activated(self, now: int) -> bool:
        """Tell whether the key may have written by this moment."""
        return self.activates is not None and self.activates <= now


@dataclass(frozen=True, slots=True)
class KeyringDocument:
    """The keys of an application with their dates, newest first.

    >>> document = KeyringDocument((DatedKey.of(Key.generate(), 0, state="primary", activates=0),))
    >>> KeyringDocument.parse(document.text()) == document
    True
    """

    keys: tuple[DatedKey, ...] = ()
    schedule: Schedule = Schedule()
    _turns: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _rings: dict[int, Keyring] = field(
        init=False, repr=False, compare=False, default_factory=dict[int, Keyring]
    )

    def __post_init__(self) -> None:
        _check_keys(self.keys)
        ordered = sorted(self.keys, key=_newness, reverse=True)
        object.__setattr__(self, "keys", tuple(ordered))
        moments = {moment for key in ordered for moment in (key.activates, key.retires)}
        turns = sorted(moment for moment in moments if moment is not None)
        object.__setattr__(self, "_turns", tuple(turns))

    @property
    def keeps(self) -> float:
        """How many seconds a key is accepted after it last wrote."""
        return self.schedule.session_lifetime

    def primary(self, now: int) -> DatedKey | None:
        """Return the key that writes at this moment.

        The one that activated last, or the first that will: a clock may be behind.
        """
        dated = [key for key in self.keys if key.is_accepted(now) and key.activates is not None]
        return next((key for key in dated if key.has_activated(now)), dated[-1] if dated else None)

    def at(self, now: int) -> Keyring:
        """Return the ring of this moment: the same object until a date passes."""
        turn = bisect_right(self._turns, now)
        ring = self._rings.get(turn)
        if ring is None:
            ring = self._rings[turn] = self._ring(now)
        return ring

    def missed(self) -> None:
        """Do nothing: a document changes with its dates alone. See `cookiesession.KeySource`."""

    def _ring(self, now: int) -> Keyring:
        primary = self.primary(now)
        if primary is None:
            raise ConfigurationError(
                "the key ring has no key that may write: add one with cookiesession keys add"
            )
        accepted = [key.key for key in self.keys if key.key and key.is_accepted(now)]
        return Keyring(accepted, primary=primary.key)

    # As text.

    def text(self) -> str:
        """Return the document as JSON; it holds the secrets."""
        content = self._content()
        return json.dumps({**content, "checksum": _checksum(content)}, indent=2) + "\n"

    def _content(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "schedule": {each.name: getattr(self.schedule, each.name) for each in fields(Schedule)},
            "keys": [_as_json(key) for key in self.keys],
        }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a document; raise `ConfigurationError` for anything that `text` would not write."""
        content = _checked_content(text)
        try:
            schedule = Schedule(**content["schedule"])
            document = cls(tuple(map(_from_json, content["keys"])), schedule)
            if not hmac.compare_digest(_checksum(document._content()), _checksum(content)):
                raise ValueError
        except ConfigurationError:
            raise
        except Exception:  # noqa: BLE001  whatever its class: the document is not ours
            raise ConfigurationError(
                "the key ring lacks a field or has one too many, though its checksum holds: "
                "was it written by another version of cookiesession?"
            ) from None
        newest = next((key for key in document.keys if key.activates is not None and key.key), None)
        if newest and newest.retires is not None:
            raise ConfigurationError(
                "the key of the key ring that writes last has a date to retire, and no successor: "
                "run cookiesession keys rotate where it was written"
            )
        return document

    def __reduce_ex__(self, _protocol: Any) -> Any:
        raise TypeError("a KeyringDocument cannot be pickled: it would write down its keys")


def _checked_content(text: str) -> dict[str, Any]:
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigurationError(f"the key ring is not whole JSON: {_RESTORE}") from None
    content = cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}
    if content.get("version") != VERSION:
        raise ConfigurationError(
            f"this is no key ring of version {VERSION}: make one with cookiesession keys add"
        )
    given = str(content.pop("checksum", ""))
    if not hmac.compare_digest(given.encode("utf-8", "replace"), _checksum(content).encode()):
        raise ConfigurationError(
            "the key ring's checksum does not hold: it was cut short or edited by hand; "
            f"{_RESTORE}, and change it with cookiesession keys"
        )
    return content


def _newness(key: DatedKey) -> tuple[bool, int, int, str]:
    activates = -1 if key.activates is None else key.activates
    return (key.state != "retired", activates, key.created, key.id)


def _check_keys(keys: tuple[DatedKey, ...]) -> None:
    if len({key.id for key in keys}) < len(keys):
        raise ConfigurationError("a key stands twice in the key ring: prune one of the two")
    if sum(key.state == "primary" for key in keys) > 1:
        raise ConfigurationError(
            "two keys of the key ring are primary: two people changed it at once; "
            f"{_RESTORE}, or promote one with cookiesession keys promote"
        )
    activations = [key.activates for key in keys if key.key and key.activates is not None]
    if len(set(activations)) < len(activations):
        raise ConfigurationError("two keys of the key ring activate at the same moment")


# One key as JSON, and back. The order of fields is the document's.


def moment_text(moment: int) -> str:
    """Return a moment as RFC 3339 has it, in UTC: `2026-11-25T08:00:00Z`."""
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _as_json(key: DatedKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "state": key.state,
        "created": moment_text(key.created),
        "activates": None if key.activates is None else moment_text(key.activates),
        "retires": None if key.retires is None else moment_text(key.retires),
        "note": key.note,
        "secret": key.key.reveal() if key.key else None,
    }


def _from_json(given: dict[str, Any]) -> DatedKey:
    secret = given["secret"]
    dated = DatedKey(
        id=given["id"],
        key=None if secret is None else Key.parse(secret),
        created=_moment(given["created"]),
        state=given["state"],
        activates=None if given["activates"] is None else _moment(given["activates"]),
        retires=None if given["retires"] is None else _moment(given["retires"]),
        note=checked_note(given["note"]),
    )
    if dated.key and dated.id != dated.key.fingerprint:
        raise ConfigurationError("a key of the key ring stands under the id of another one")
    if dated.state not in get_args(State) or (dated.state == "retired") != (dated.key is None):
        raise ConfigurationError("a key of the key ring has a state that it cannot have")
    return dated


def checked_note(note: object) -> str:
    """Return a note that prints in one line; raise `ConfigurationError` for any other."""
    if (
        not isinstance(note, str)
        or len(note) > _MOST_CHARACTERS_OF_A_NOTE
        or not (note.isprintable())
    ):
        raise ConfigurationError(
            f"a note is a line of at most {_MOST_CHARACTERS_OF_A_NOTE} printable characters"
        )
    return note


def _moment(text: str) -> int:
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp())


def _checksum(content: Mapping[str, Any]) -> str:
    """Guard against accidents: whoever may write the document holds the keys anyway."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
