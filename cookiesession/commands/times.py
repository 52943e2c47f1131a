"""Durations and moments, as the commands read and print them."""

import re
from argparse import ArgumentTypeError
from datetime import datetime, timezone
from typing import Final

_DURATION: Final = re.compile(r"([0-9]{1,9})([dhms])")
_UNITS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_NAMES: Final = {"day": 86_400, "hour": 3600, "minute": 60, "second": 1}
_LAST: Final = 253_402_300_799  # the end of the year 9999, where datetimes end


def duration(text: str) -> int:
    """Read a duration; the type of an option.

    >>> duration("90d")
    7776000
    """
    match = _DURATION.fullmatch(text)
    if not match:
        raise ArgumentTypeError("a duration is a number and d, h, m or s: 90d, 12h")
    return int(match[1]) * _UNITS[match[2]]


def spelled(seconds: int) -> str:
    """Return a duration as `duration` reads it, in the largest unit that fits.

    >>> spelled(43_200), spelled(90)
    ('12h', '90s')
    """
    unit = next(unit for unit, size in _UNITS.items() if seconds % size == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def minute(moment: int | None) -> str:
    """Return a moment in UTC, to the minute."""
    if moment is None:
        return "never"
    moment = min(max(moment, 0), _LAST)
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d %H:%M}"


def distance(moment: int, now: int) -> str:
    """Say about how long ago a moment was, or in how long it will be.

    >>> distance(0, 200_000), distance(100, 0)
    ('2 days ago', 'in 2 minutes')
    """
    seconds = abs(now - moment)
    name, size = next(
        ((name, size) for name, size in _NAMES.items() if seconds >= size), ("second", 1)
    )
    count = round(seconds / size)
    text = f"{count} {name}" if count == 1 else f"{count} {name}s"
    return f"in {text}" if moment > now else f"{text} ago"
