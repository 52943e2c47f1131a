"""Session data of every supported type, and how to tell whether it came back exactly."""

import struct
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from cookiesession._names import NAMES
from cookiesession._pack import _html_type

html = _html_type()
"""The type of HTML-safe text: `markupsafe.Markup`, where that is installed."""

SAMPLE: dict[str, Any] = {
    "none": None,
    "bools": [True, False],
    "ints": [0, -1, 127, 128, -32, -33, 2**63, -(2**63), 2**64 - 1, 2**64, -(2**63) - 1, 3**200],
    "floats": [0.0, -0.0, 1.5, 5e-324, float("inf"), float("-inf"), float("nan")],
    "text": ["", "Grüße", "\0", "😀", "x" * 300],
    "bytes": [b"", b"\xff\x00", b"x" * 300],
    "html": html("<b>&amp;</b>"),
    "tuples": [(), (1,), ((1, 2), [3])],
    "sets": [set(), {1, "1", 1.5, b"1"}, frozenset({(1,), None, frozenset({2})})],
    "maps": {"": {}, 1: "int", b"b": "bytes", None: "none", (1, "x"): "tuple", 1.5: "float"},
    "uuid": UUID(int=2**128 - 1),
    "decimals": [Decimal("1E+5"), Decimal("-0.00"), Decimal("NaN"), Decimal("sNaN7"), Decimal(12)],
    "dates": [date.min, date.max],
    "times": [time.min, time.max, time(1, 2, 3, 4, fold=1)],
    "durations": [timedelta.min, timedelta.max, timedelta(0), timedelta(microseconds=-1)],
    "datetimes": [
        datetime.min,
        datetime(2027, 1, 15, 8, fold=1),
        datetime(2027, 1, 15, 8, tzinfo=UTC),
        datetime(2027, 1, 15, 8, tzinfo=timezone(timedelta(hours=5, minutes=45))),
        datetime(2027, 1, 15, 8, tzinfo=timezone(-timedelta(hours=23, minutes=59, seconds=59))),
    ],
    "user_id": "a name of the table",
}
"""One session with a value of every type, and with the edges of most."""


def exact(value: Any) -> Any:
    """Return what is equal for two values only if they are the same in value and in exact type.

    Knows -0.0 from 0.0, 1 from True, one NaN from another, a fold, and the order of a dict's keys.
    """
    kind = type(value)
    if kind is dict:
        return kind, tuple((exact(key), exact(item)) for key, item in value.items())
    if kind in (list, tuple):
        return kind, tuple(map(exact, value))
    if kind in (set, frozenset):
        return kind, frozenset(map(exact, value)), len(value)
    if kind is float:
        return kind, struct.pack(">d", value)
    if kind in (datetime, time):
        return kind, value.isoformat(), value.fold, type(value.tzinfo)
    return kind, str(value) if kind is Decimal else value


text = st.text(max_size=20)
integers = st.integers() | st.integers(-(2**80), 2**80) | st.sampled_from(SAMPLE["ints"])
offsets = st.integers(-86399, 86399).map(lambda seconds: timezone(timedelta(seconds=seconds)))
durations = st.timedeltas()
folds = st.sampled_from([0, 1])
times = st.builds(lambda moment, fold: moment.replace(fold=fold), st.times(), folds)
moments = st.builds(
    lambda moment, zone, fold: moment.replace(tzinfo=zone, fold=fold),
    st.datetimes(),
    st.none() | st.just(UTC) | offsets,
    folds,
)
decimals = st.decimals() | st.decimals(allow_nan=False, places=2)

hashables = st.one_of(
    st.none(),
    st.booleans(),
    integers,
    st.floats(allow_nan=False),  # a set may hold a NaN twice, and a dict as two keys
    text,
    st.binary(max_size=20),
    text.map(html),
    st.uuids(),
    st.decimals(allow_nan=False),
    st.dates(),
    times,
    durations,
    moments,
)
scalars = hashables | st.floats() | decimals

# Sets stay shallow: the order of a nested set's members costs a packing a level.
keys = hashables | st.tuples(hashables, hashables) | st.frozensets(hashables, max_size=3)
sets = st.sets(keys, max_size=4) | st.frozensets(keys, max_size=4)

values = st.recursive(
    scalars | sets,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=4)
    ),
    max_leaves=12,
)
names = text | st.sampled_from(NAMES)
sessions = st.dictionaries(names, values, max_size=6)
"""Any session data that can be saved."""
