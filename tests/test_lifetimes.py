from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiesession import InvalidCookie, Status
from cookiesession._lifetimes import END_LEEWAY, Lifetimes, Stamp, whole_seconds
from tests.conftest import NOW

SID = bytes(9)
LIFETIMES = Lifetimes(idle=1_000, absolute=5_000, remember=20_000)

# What ends a session: its stamp, when that is, and how the refusal is called.
ENDS = {
    "idle": (Stamp(NOW, NOW, SID), NOW + 1_000, Status.IDLE_EXPIRED),
    "idle, touched late": (Stamp(NOW, NOW - 3_999, SID), NOW + 1_000, Status.IDLE_EXPIRED),
    "idle and absolute at once": (Stamp(NOW, NOW - 4_000, SID), NOW + 1_000, Status.EXPIRED),
    "absolute": (Stamp(NOW, NOW - 4_001, SID), NOW + 999, Status.EXPIRED),
    "remembered": (Stamp(NOW, NOW, SID, remembered=9_000), NOW + 9_000, Status.EXPIRED),
    "remembered, touched": (Stamp(NOW, NOW - 800, SID, remembered=900), NOW + 100, Status.EXPIRED),
    "remembered too long": (Stamp(NOW, NOW, SID, remembered=2**30), NOW + 20_000, Status.EXPIRED),
    "forgotten": (Stamp(NOW, NOW, SID, forgotten=True), NOW + 1_000, Status.IDLE_EXPIRED),
}  # fmt: skip
ends = pytest.mark.parametrize(("stamp", "end", "reason"), ENDS.values(), ids=ENDS)


@ends
def test_a_session_ends_when_its_lifetimes_say(stamp, end, reason):
    assert LIFETIMES.end(stamp) == end


@ends
def test_a_session_lives_at_its_end_and_a_minute_on(stamp, end, reason):
    """L1. Idle, absolute and remembered ends, a second before, at, and after end and leeway."""
    for now in (end - 1, end, end + 1, end + 59, end + 60):
        assert LIFETIMES.refusal(stamp, now) is None
    assert LIFETIMES.refusal(stamp, end + 61) is reason
    assert LIFETIMES.refusal(stamp, end + 10**9) is reason


@pytest.mark.parametrize(
    ("settings", "end", "reason"),
    [
        ({"idle_timeout": 600, "absolute_timeout": 1_000}, 600, Status.IDLE_EXPIRED),
        ({"idle_timeout": 600, "absolute_timeout": 600}, 600, Status.EXPIRED),
        ({"idle_timeout": timedelta(minutes=10)}, 600, Status.IDLE_EXPIRED),
    ],
)
def test_the_end_is_enforced_when_a_cookie_is_read(make_manager, clock, settings, end, reason):
    """L1. Whatever the browser does: the cookie itself is refused."""
    manager = make_manager(**settings)
    text = manager.dumps({"user_id": 7})
    for seconds in (59, 60, 60.999):
        clock.now = NOW + end + seconds
        assert manager.loads(text) == {"user_id": 7}
    clock.now = NOW + end + 61
    with pytest.raises(InvalidCookie) as refused:
        manager.loads(text)
    assert refused.value.reason is reason


@pytest.mark.parametrize(("ahead", "reason"), [(300, None), (301, Status.NOT_YET_VALID)])
def test_a_cookie_may_come_from_a_clock_five_minutes_ahead(make_manager, clock, ahead, reason):
    """L7. Servers' clocks differ by a little; what lies further ahead was not issued by them."""
    manager = make_manager()
    clock.now = NOW + ahead
    text = manager.dumps({"user_id": 7})
    clock.now = NOW + 0.999
    if reason is None:
        assert manager.loads(text) == {"user_id": 7}
    else:
        with pytest.raises(InvalidCookie) as refused:
            manager.loads(text)
        assert refused.value.reason is reason


def test_a_shorter_policy_takes_effect_on_cookies_that_are_out(make_manager, clock):
    text = make_manager(idle_timeout=9_000).dumps({"user_id": 7})
    clock.advance(1_000)
    with pytest.raises(InvalidCookie) as refused:
        make_manager(idle_timeout=900).loads(text)
    assert refused.value.reason is Status.IDLE_EXPIRED


seconds = st.integers(1, 2**31 - 1)


@given(seconds, seconds, seconds, st.integers(0, 10**8), st.integers(0, 2**31 - 1))
def test_a_refused_session_stays_refused_and_a_live_one_was_never_refused(
    idle, absolute, remember, age, remembered
):
    lifetimes = Lifetimes(idle, absolute, remember)
    stamp = Stamp(NOW, NOW - age, SID, remembered)
    last = lifetimes.end(stamp) + END_LEEWAY
    assert lifetimes.refusal(stamp, last) is None
    assert lifetimes.refusal(stamp, last + 1) in (Status.EXPIRED, Status.IDLE_EXPIRED)
    longest = min(remembered, remember) if remembered else absolute
    assert lifetimes.end(stamp) <= stamp.created + longest, "touching never moves this end"


@pytest.mark.parametrize(
    ("duration", "whole"),
    [(timedelta(days=14), 1_209_600), (timedelta(seconds=1.9), 1), (90, 90), (90.9, 90)],
)
def test_durations_are_whole_seconds(duration, whole):
    assert whole_seconds(duration) == whole
