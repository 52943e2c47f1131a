"""The configuration: what it takes, what it refuses and how it says so; and the text alone."""

import asyncio
import copy
import pickle
from dataclasses import FrozenInstanceError
from datetime import datetime, timedelta, timezone
from functools import partial
from secrets import token_bytes

import pytest

from cookiesession import (
    ConfigurationError,
    CookieAttributes,
    Incoming,
    InvalidCookie,
    Key,
    Keyring,
    Session,
    SessionManager,
    SessionTooLarge,
    Status,
    UnsavableSession,
)
from tests.clients import Visitor


async def coroutine(_event):
    await asyncio.sleep(0)


class AsynchronousHook:
    async def __call__(self, _event):
        await asyncio.sleep(0)


CONTRADICTIONS = [
    ({"name": "__Host-session"}, "the prefix __Host- is added"),
    ({"name": "a b"}, "letters, digits or"),
    ({"name": ""}, "1 to 128 letters"),
    ({"name": None}, "1 to 128 letters"),
    ({"namespace": None}, "a text of at most 1024"),
    ({"namespace": "x" * 1025}, "a text of at most 1024"),
    ({"namespace": "\ud800"}, "namespace must be"),
    ({"cookie": {"path": "/"}}, "CookieAttributes"),
    ({"cookie": None}, "CookieAttributes"),
    ({"pad": 8}, "one of 0, 16, 32"),
    ({"pad": True}, "one of 0, 16, 32"),
    ({"pad": 16.0}, "one of 0, 16, 32"),
    ({"pad": "16"}, "one of 0, 16, 32"),
    ({"max_cookies": 0}, "one of 1, 2, 3"),
    ({"max_cookies": 21}, "one of 1, 2, 3"),
    ({"max_cookies": True}, "one of 1, 2, 3"),
    ({"max_cookies": 2.0}, "one of 1, 2, 3"),
    *(
        ({name: value}, f"{name} must be a timedelta, or seconds")
        for name in ("idle_timeout", "absolute_timeout", "remember_timeout", "touch_after")
        for value in (-1, True, "60", float("nan"), float("inf"), 2**31, timedelta(days=-1))
    ),
    *(
        ({name: value}, "from 1 to 2147483647 seconds")
        for name in ("idle_timeout", "absolute_timeout", "remember_timeout")
        for value in (0, 0.5, timedelta(0))
    ),
    ({"idle_timeout": 61, "absolute_timeout": 60}, "lower it, or raise absolute_timeout"),
    ({"touch_after": 600, "idle_timeout": 600}, "must be shorter than idle_timeout"),
    ({"issued_after": datetime(2027, 1, 1)}, "datetime.now"),
    ({"issued_after": -1}, "a datetime or a Unix time"),
    ({"issued_after": True}, "a datetime or a Unix time"),
    ({"issued_after": "2027-01-01"}, "a datetime or a Unix time"),
    ({"issued_after": float("nan")}, "a datetime or a Unix time"),
    ({"issued_after": float("inf")}, "a datetime or a Unix time"),
    ({"on_event": "log"}, "an ordinary function"),
    ({"on_event": coroutine}, "hand the event to a queue"),
    ({"on_event": partial(coroutine)}, "hand the event to a queue"),
    ({"on_event": AsynchronousHook()}, "hand the event to a queue"),
    ({"clock": 1_800_000_000}, "clock must be"),
    ({"development": True, "cookie": CookieAttributes(samesite="none")}, "leave these two away"),
    ({"development": True, "cookie": CookieAttributes(partitioned=True)}, "leave these two away"),
]


@pytest.mark.parametrize(("settings", "mend"), CONTRADICTIONS)
def test_a_contradiction_is_refused_at_the_start_with_its_mend(settings, mend, key):
    """O2."""
    with pytest.raises(ConfigurationError, match=mend):
        SessionManager(key, **settings)


def test_a_configuration_error_is_a_value_error():
    assert issubclass(ConfigurationError, ValueError)


@pytest.mark.parametrize("keys", [None, "", "  ", [], [""], 7, [None], "ck1_x", [b"x" * 32]])
def test_no_key_is_ever_made_up(keys):
    """K6."""
    with pytest.raises(ConfigurationError):
        SessionManager(keys)


def test_keys_come_in_any_form():
    new, old = Key.generate(), Key.generate()
    text = SessionManager(old).dumps({"a": 1})
    both = f"{new.reveal()} {old.reveal()}"
    for keys in (old, old.reveal(), [new, old], (new.reveal(), old), Keyring([new, old]), both):
        assert SessionManager(keys).loads(text) == {"a": 1}
    assert SessionManager(iter([new, old])).keyring.primary == new


def test_the_defaults_are_finite_and_secure(key, clock):
    """L2, O2."""
    visitor = Visitor(SessionManager(key, clock=clock))
    (line,) = visitor.store(a=1)
    assert line.split("; ")[1:] == [
        "Max-Age=1209600",
        "Path=/",
        "Secure",
        "HttpOnly",
        "SameSite=Lax",
    ]
    clock.advance(14 * 86_400 + 60)
    assert visitor.status() == "valid"
    clock.advance(1)
    assert visitor.status() == "idle_expired"


def test_destroy_says_what_it_cannot_do():
    """L2."""
    assert "a copy of the cookie, made before, stays good until it expires" in " ".join(
        (Session.destroy.__doc__ or "").split()
    )


@pytest.mark.parametrize(
    ("idle", "touch_after", "least"),
    [
        (14 * 86_400, None, 14 * 8640),
        (3600, None, 360),
        (300, None, 60),
        (100, None, 50),
        (1, None, 0),
        (3600, 0, 0),
        (3600, 3599, 3599),
        (3600, timedelta(minutes=1), 60),
    ],
)
def test_a_session_is_touched_after_a_tenth_of_the_idle_timeout(
    idle, touch_after, least, make_manager, clock
):
    """L3. A minute at least, half the idle timeout at most, unless told otherwise."""
    manager = make_manager(idle_timeout=idle, touch_after=touch_after)
    visitor = Visitor(manager, {manager.cookie_name: manager.dumps({"a": 1})})
    if least:
        clock.advance(least - 1)
        assert not visitor.visit()
        clock.advance(1)
    assert visitor.visit()


@pytest.mark.parametrize("duration", [600, 600.9, timedelta(minutes=10)])
def test_durations_are_timedeltas_or_seconds(duration, make_manager, clock):
    session = Visitor(make_manager(idle_timeout=duration)).open().session
    assert session.expires.timestamp() == clock.now + 600


@pytest.mark.parametrize(
    ("later", "status"),
    [(-1, "valid"), (0, "valid"), (0.5, "issued_too_early"), (1, "issued_too_early")],
)
@pytest.mark.parametrize("form", [float, lambda it: datetime.fromtimestamp(it, timezone.utc)])
def test_issued_after_refuses_what_was_issued_before(later, status, form, make_manager, clock):
    """C2."""
    text = make_manager().dumps({"a": 1})
    manager = make_manager(issued_after=form(clock.now + later))
    assert Visitor(manager, {manager.cookie_name: text}).status() == status


def test_a_clock_may_read_fractions(make_manager, clock):
    manager = make_manager()
    clock.advance(0.99)
    assert manager.loads(manager.dumps({"a": 1})).touched.timestamp() == int(clock.now)


# A manager like another.


def test_a_manager_is_replaced_by_one_with_other_settings(make_manager, clock):
    manager = make_manager(name="shop", idle_timeout=600)
    other = manager.replace(namespace="other", clock=lambda: clock.now + 1)
    assert (other.cookie_name, other.clock()) == ("__Host-shop", clock.now + 1)
    assert (manager.cookie_name, manager.clock) == ("__Host-shop", clock)
    session = other.loads(other.dumps({}))
    assert session.expires - session.touched == timedelta(minutes=10)
    with pytest.raises(InvalidCookie, match="unknown_key"):
        manager.loads(other.dumps({}))


@pytest.mark.parametrize("form", [list, tuple, iter])
def test_a_replaced_manager_has_the_same_keys(form):
    manager = SessionManager(form([Key.generate(), Key.generate()]))
    assert manager.replace().keyring.fingerprint == manager.keyring.fingerprint


def test_a_replaced_manager_is_validated(manager):
    with pytest.raises(ConfigurationError, match="one of 0, 16, 32"):
        manager.replace(pad=1)


# It is immutable, and shows nothing.


@pytest.mark.parametrize("attribute", ["keyring", "cookie_name", "anything"])
def test_a_manager_is_immutable(attribute, manager, key):
    """H4. A ring that is set afterwards would change nothing, without a word."""
    with pytest.raises(AttributeError):
        setattr(manager, attribute, Keyring([Key.generate()]))
    assert manager.keyring.primary == key


def test_attributes_are_immutable():
    with pytest.raises(FrozenInstanceError):
        CookieAttributes().secure = False


@pytest.mark.parametrize("write_down", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_manager_cannot_be_pickled(write_down, manager):
    """K3."""
    with pytest.raises(TypeError, match="would write down its keys"):
        write_down(manager)


def test_a_manager_names_its_cookie_and_its_ring(manager):
    """K3, K6."""
    fingerprint = manager.keyring.fingerprint
    assert repr(manager).startswith(f"<SessionManager __Host-session: <Keyring {fingerprint}:")


# The text alone.


def test_loads_takes_what_dumps_gives(manager, clock):
    session = manager.loads(manager.dumps({"a": [1]}))
    assert (dict(session), session.status, session.new) == ({"a": [1]}, Status.VALID, False)
    assert not session.modified
    assert session.created.timestamp() == clock.now


def test_a_session_that_is_dumped_again_keeps_its_id_and_its_creation(manager, clock):
    session = manager.loads(manager.dumps({"a": 1}))
    clock.advance(50)
    again = manager.loads(manager.dumps(session))
    assert (again.id, again.created) == (session.id, session.created)
    assert again.touched - session.touched == timedelta(seconds=50)
    clock.advance(-100)
    assert manager.loads(manager.dumps(again)).touched == again.touched, "L7"


def test_a_session_of_a_request_can_be_dumped(manager):
    with manager.open(Incoming()) as exchange:
        exchange.session["a"] = 1
        text = manager.dumps(exchange.session)
        (line,) = [line for _, line in exchange.headers().add]
    saved = manager.loads(line.partition("=")[2].partition(";")[0])
    assert manager.loads(text).id == saved.id


def test_a_session_that_nobody_looked_at_can_be_dumped(manager):
    cookie = f"{manager.cookie_name}={manager.dumps({'a': 1})}".encode()
    with manager.open(Incoming(cookies=[cookie])) as exchange:
        assert manager.loads(manager.dumps(exchange.session)) == {"a": 1}
        assert exchange.session.accessed


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "malformed"),
        ("1abc", "malformed"),
        ("\ud800", "malformed"),
        ("ä" * 200, "malformed"),
        ("2" * 200, "unknown_format"),
        ("1AAAA" + "A" * 100 + "." + "A" * 43, "unknown_key"),
    ],
)
def test_loads_refuses_any_other_text_and_says_why(text, reason, manager):
    """I8."""
    with pytest.raises(InvalidCookie) as caught:
        manager.loads(text)
    assert caught.value.reason == reason
    assert str(caught.value) == f"the cookie was refused: {reason}"


def test_dumps_refuses_what_cannot_be_saved(manager):
    """G2."""
    with pytest.raises(UnsavableSession) as caught:
        manager.dumps({"cart": [{"price": object()}]})
    assert caught.value.path == "cart[0].price"
    with pytest.raises(SessionTooLarge):
        manager.dumps({"photo": token_bytes(5000)})


def test_a_partitioned_session_of_many_cookies_is_refused():
    """Browsers keep 10 KiB a partition; a part would vanish without a word."""
    with pytest.raises(ConfigurationError, match="max_cookies to 2"):
        SessionManager(Key.generate(), cookie=CookieAttributes(partitioned=True), max_cookies=3)


def test_an_emptied_session_that_is_set_modified_stays(make_manager):
    manager = make_manager()
    cookie = f"{manager.cookie_name}={manager.dumps({'a': 1})}".encode()
    for keep, deleted in ((True, False), (False, True)):
        with manager.open(Incoming(cookies=[cookie])) as exchange:
            exchange.session.clear()
            exchange.session.modified = keep
            ((_, line),) = exchange.headers(200).add
        assert ("Max-Age=0" in line) == deleted


@pytest.mark.parametrize("flag", ["persistent", "compress", "save_on_5xx", "development"])
def test_a_flag_that_is_text_is_refused(flag):
    """From an environment variable, "false" would be true."""
    with pytest.raises(ConfigurationError, match=f"{flag} must be True or False"):
        SessionManager(Key.generate(), **{flag: "false"})
    for attribute in ("secure", "partitioned"):
        with pytest.raises(ConfigurationError, match="must be True or False"):
            CookieAttributes(**{attribute: "no"})


def test_no_repr_on_the_way_shows_a_cookie_or_data(make_manager):
    """K3. Error pages print the locals of every frame."""
    manager = make_manager()
    text = manager.dumps({"secret": "swordfish"})
    incoming = Incoming(cookies=[f"{manager.cookie_name}={text}".encode()])
    exchange = manager.open(incoming)
    exchange.session.mark_accessed()
    shown = repr(incoming) + repr(exchange.session._arrival) + repr(exchange)
    assert "swordfish" not in shown
    assert text not in shown


def test_the_settings_can_be_looked_at_and_not_changed(make_manager):
    manager = make_manager(namespace="shop")
    assert manager.settings["namespace"] == "shop"
    assert manager.settings["idle_timeout"] == timedelta(days=14)
    assert manager.settings["keys"] == manager.keyring
    with pytest.raises(TypeError):
        manager.settings["namespace"] = "other"
