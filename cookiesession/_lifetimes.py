"""How long a session lives, decided here and not by the browser (OWASP Session Management).

    Stamp      what the cookie says: when it was issued, when the session was created
    Lifetimes  what the configuration says, and from both of them the end

*Expires* is not stored, so a shorter policy takes effect at once on cookies that are already out.
All times are whole Unix seconds.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, NamedTuple

from cookiesession.errors import Status

CLOCK_AHEAD: Final = 300  # seconds that `issued` may lie ahead: servers' clocks differ
END_LEEWAY: Final = 60  # seconds that a session lives on after its end, for the same reason


def whole_seconds(duration: timedelta | float) -> int:
    """Return a duration, given as `timedelta` or in seconds, as whole seconds."""
    return int(duration.total_seconds() if isinstance(duration, timedelta) else duration)


class Stamp(NamedTuple):
    """What a cookie tells about its session besides the data."""

    issued: int
    created: int
    sid: bytes  # identifies the session; not a secret
    remembered: int = 0  # seconds from created; 0: not remembered
    forgotten: bool = False  # no Max-Age: the browser forgets when it closes

    def at(self, now: int) -> "Stamp":
        """Return the stamp of the same session written now; `issued` never runs backwards."""
        return self if now <= self.issued else Stamp(now, *self[1:])


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """The configured limits, in seconds."""

    idle: int
    absolute: int
    remember: int

    def end(self, stamp: Stamp) -> int:
        """Return when the session ends, if it is not touched before."""
        if stamp.remembered:
            return stamp.created + min(stamp.remembered, self.remember)
        return min(stamp.issued + self.idle, stamp.created + self.absolute)

    @property
    def longest(self) -> int:
        """The longest that any session lives, from its creation."""
        return max(self.absolute, self.remember)

    def refusal(self, stamp: Stamp, now: int) -> Status | None:
        """Return why the session is over, or None while it lives; at its end it still lives."""
        if now <= self.end(stamp) + END_LEEWAY:
            return None
        idle_first = stamp.issued + self.idle < stamp.created + self.absolute
        return Status.IDLE_EXPIRED if idle_first and not stamp.remembered else Status.EXPIRED
