"""The testing kit without a framework; with every client it is tested in `tests/adapters`."""

from datetime import timedelta
from http.cookies import SimpleCookie
from types import SimpleNamespace

import pytest

from cookiesession import (
    ConfigurationError,
    InvalidCookie,
    Key,
    SessionClosedError,
    SessionTooLarge,
    Status,
    UnsavableSession,
)
from cookiesession.testing import (
    Clock,
    assert_session,
    get_cookie,
    get_session,
    mint,
    session_transaction,
    set_cookie,
    tampered,
)
from tests.conftest import NOW

pytest_plugins = ["pytester"]


@pytest.fixture
def client():
    """Return the least that is a client: a jar, as Django's has it."""
    return SimpleNamespace(cookies=SimpleCookie())


# Texts.


@pytest.mark.parametrize("age", [90, 90.0, timedelta(minutes=1.5)])
def test_a_cookie_is_minted_as_if_made_some_time_ago(manager, age):
    session = manager.loads(mint(manager, {"a": 1}, age=age))
    assert dict(session) == {"a": 1}
    assert session.created.timestamp() == session.touched.timestamp() == NOW - 90


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"age": timedelta(days=15)}, Status.IDLE_EXPIRED),
        ({"age": timedelta(days=31), "idle_timeout": 1}, Status.IDLE_EXPIRED),
        ({"age": -301}, Status.NOT_YET_VALID),
        ({"keys": Key.generate()}, Status.UNKNOWN_KEY),
        ({"namespace": "other"}, Status.UNKNOWN_KEY),
        ({"name": "other"}, Status.UNKNOWN_KEY),
    ],
)
def test_a_cookie_is_minted_to_be_refused(manager, settings, reason):
    with pytest.raises(InvalidCookie) as error:
        manager.loads(mint(manager, {"a": 1}, **settings))
    assert error.value.reason is reason


def test_minting_leaves_the_manager_and_its_clock_alone(manager, clock):
    mint(manager, {}, age=timedelta(days=1), namespace="other")
    assert manager.clock is clock
    assert clock() == NOW
    assert dict(manager.loads(manager.dumps({"a": 1}))) == {"a": 1}


def test_a_tampered_cookie_has_one_other_character_and_is_refused(manager):
    """I2."""
    for _ in range(64):  # signatures end as they happen to
        text = mint(manager, {"a": 1})
        changed = tampered(text)
        assert changed[:-1] == text[:-1]
        with pytest.raises(InvalidCookie) as error:
            manager.loads(changed)
        assert error.value.reason is Status.BAD_SIGNATURE


# The clock.


def test_a_clock_stands_still_until_it_is_advanced():
    clock = Clock(NOW)
    assert clock() == clock() == NOW
    clock.advance(1.5)
    clock.advance(days=1, minutes=-1)
    assert clock() == NOW + 1.5 + 86_400 - 60


def test_a_clock_starts_at_any_time_and_else_now():
    assert Clock(0)() == 0
    assert Clock()() > NOW - 10 * 365 * 86_400


# Clients.


def test_a_session_that_is_not_there_is_empty_and_says_why(client, manager):
    assert get_session(client, manager).status is Status.MISSING
    set_cookie(client, manager, mint(manager, {"a": 1}, age=timedelta(days=31)))
    assert get_session(client, manager).status is Status.IDLE_EXPIRED
    with pytest.raises(AssertionError, match=r"is {} \(idle_expired\), not {'a': 1}"):
        assert_session(client, manager, {"a": 1})


def test_a_session_that_was_only_read_cannot_be_changed_by_mistake(client, manager):
    with pytest.raises(SessionClosedError):
        get_session(client, manager)["a"] = 1


def test_a_transaction_keeps_the_id_and_what_the_session_was_told(client, manager):
    with session_transaction(client, manager) as session:
        session["a"] = 1
        session.remember(timedelta(days=20))
    before = get_session(client, manager)
    with session_transaction(client, manager) as session:
        session["a"] = 2
    after = get_session(client, manager)
    assert before.id == after.id
    assert before.expires.timestamp() == after.expires.timestamp() == NOW + 20 * 86_400


def test_a_transaction_that_fails_leaves_the_client_its_cookie(client, manager):
    text = mint(manager, {"a": 1})
    set_cookie(client, manager, text)

    def change(name, value):
        with session_transaction(client, manager) as session:
            session["a"] = 2
            session[name] = value

    with pytest.raises(UnsavableSession):
        change("lock", object())
    with pytest.raises(SessionTooLarge):
        change("big", [Key.generate().reveal() for _ in range(100)])
    assert get_cookie(client, manager) == text


def test_a_test_that_counts_events_does_not_count_the_kits(client, make_manager):
    told = []
    manager = make_manager(on_event=told.append)
    set_cookie(client, manager, mint(manager, {"a": 1}))
    with session_transaction(client, manager) as session:
        session["a"] = 2
    set_cookie(client, manager, "junk")
    assert_session(client, manager, {})
    assert not told


def test_other_cookies_of_the_client_stay(client, manager):
    client.cookies["own"] = "1"
    with session_transaction(client, manager) as session:
        session["a"] = 1
    assert client.cookies["own"].value == "1"
    assert_session(client, manager, {"a": 1})


def test_what_is_no_client_is_an_error(manager):
    with pytest.raises(ConfigurationError, match="no cookies found in a object"):
        get_session(object(), manager)


# The plugin.


def test_pytest_finds_the_fixtures_by_name_and_a_test_may_override_them(pytester):
    pytester.makepyfile(
        plain="""
        def test_the_manager_has_the_clock(session_clock, session_manager):
            text = session_manager.dumps({"a": 1})
            assert dict(session_manager.loads(text)) == {"a": 1}
            assert session_manager.clock is session_clock
        """,
        overridden="""
        import pytest

        @pytest.fixture
        def session_manager(session_manager):
            return session_manager.replace(name="own")

        def test_the_manager_is_the_applications(session_manager):
            assert session_manager.cookie_name == "__Host-own"
        """,
    )
    pytester.runpytest("-p", "no:cacheprovider", "plain.py", "overridden.py").assert_outcomes(
        passed=2
    )
