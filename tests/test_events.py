"""What the hook is told, and what is logged without one."""

import logging
from dataclasses import FrozenInstanceError, fields

import pytest

from cookiesession import CookieAttributes, Key, Status, events
from tests.clients import Visitor, visitor_with

HEAD = "__Host-session"


ALL = [
    kind
    for kind in vars(events).values()
    if isinstance(kind, type) and issubclass(kind, events.Event) and kind is not events.Event
]


@pytest.fixture
def told():
    return []


@pytest.fixture
def telling(make_manager, told):
    return make_manager(on_event=told.append)


def save(session):
    session["saved"] = True


@pytest.mark.parametrize("kind", ALL)
def test_an_event_carries_two_things_and_a_refusal_its_reason(kind):
    """G1. What became of a key ring is no request's, and has its reason in words."""
    more = {events.Refused: {"reason"}, events.KeyringNotRefreshed: {"why"}}.get(kind, set())
    assert {field.name for field in fields(kind)} == {"session", "key_id"} | more
    event = kind("hash", "AbC9", *[Status.MALFORMED] * len(more))
    assert not hasattr(event, "__dict__")
    with pytest.raises((FrozenInstanceError, TypeError)):
        event.session = "other"


def test_a_life_is_told(telling, told, clock):
    visitor = Visitor(telling)
    visitor.visit(save)
    visitor.visit()
    clock.advance(3 * 86_400)
    visitor.visit()
    visitor.visit(lambda session: session.update(more=1))
    visitor.visit(lambda session: session.clear())
    assert [type(event).__name__ for event in told] == [
        "Saved",
        *("Opened",),
        *("Opened", "Touched"),
        *("Opened", "Saved"),
        *("Opened", "Deleted"),
    ]
    assert len({event.session for event in told}) == 1, "one session, one hash"


def test_sessions_are_named_by_a_keyed_hash(make_manager, told, key):
    """G1. Nobody without the key can tell which session it was."""
    visitor = visitor_with(make_manager(on_event=told.append), a=1)
    name = visitor.open().session.id
    (opened,) = told
    assert len(opened.session) == 16
    assert set(opened.session) <= set("0123456789abcdef")
    assert name not in opened.session
    assert opened.key_id == visitor.jar[HEAD][1:5]
    Visitor(make_manager(Key.generate(), on_event=told.append)).visit(
        lambda session: session.update(dict.fromkeys("ab"))
    )
    assert told[-1].session != opened.session


def test_a_destroyed_session_is_named_as_it_was(telling, told):
    """So that a logout can be followed to its login."""
    visitor = visitor_with(telling, a=1)
    visitor.visit(lambda session: session.destroy())
    opened, deleted = told
    assert type(deleted) is events.Deleted
    assert deleted.session == opened.session


@pytest.mark.parametrize(
    ("text", "key_id"),
    [
        ("1AbC9" + "A" * 200, "AbC9"),
        ("1-_-_" + "A" * 200, "-_-_"),
        ("", ""),
        ("1", ""),
        ("1abc", ""),
        ("1\r\nab", ""),
        ("1abc\nWARNING forged", ""),
        ("1a%0ab" + "A" * 200, ""),
        ("1a\x1b[2" + "A" * 200, ""),
        ("1äöü" + "A" * 200, ""),
        ("~2.AAAAAAAA.1AbC9", ""),
    ],
)
def test_no_cookie_writes_its_own_lines_into_a_log(text, key_id, telling, told):
    """G1."""
    visitor = Visitor(telling)
    session = visitor.open(cookies=[f"{HEAD}={text}".encode("latin-1")]).session
    assert session == {}
    assert told == [events.Refused("", key_id, session.status)]
    assert repr(told[0]).isprintable()


@pytest.mark.parametrize("event", ["Opened", "Refused", "Saved", "Deleted", "NotSaved"])
def test_a_hook_that_raises_breaks_nothing(event, make_manager, caplog):
    def hook(told):
        if type(told).__name__ == event:
            raise ZeroDivisionError

    manager = make_manager(on_event=hook)
    visitor = visitor_with(manager, a=1)
    assert visitor.visit(save)
    assert visitor.visit(save, status=500) == []
    assert visitor.visit(lambda it: it.update(b=2), status=500) == []
    assert visitor.visit(lambda it: it.clear())
    assert Visitor(manager, {HEAD: "1" * 200}).visit() == []
    assert {record.message for record in caplog.records} == {"on_event raised"}


def test_what_is_no_mere_exception_passes(make_manager):
    def hook(_event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Visitor(make_manager(on_event=hook)).visit(save)


# Without a hook.

UNUSUAL = {
    "NotSaved": lambda visitor: visitor.visit(save, status=500),
    "CacheConflict": lambda visitor: visitor.visit(save, cache_control="public"),
    "InsecureTransport": lambda visitor: visitor.visit(save, scheme="http", host="example.com"),
    "Duplicate": lambda visitor: visitor.visit(
        cookies=[f"{HEAD}={visitor.manager.dumps({'a': number})}".encode() for number in (1, 2)]
    ),
}


@pytest.mark.parametrize("kind", UNUSUAL)
def test_what_needs_a_person_is_a_warning(kind, manager, caplog):
    caplog.set_level(logging.INFO, logger="cookiesession")
    UNUSUAL[kind](Visitor(manager))
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("cookiesession", "WARNING")
    assert f"({kind}(session='" in record.message


def test_the_rest_is_for_debugging(manager, caplog):
    caplog.set_level(logging.DEBUG, logger="cookiesession")
    visitor = Visitor(manager)
    visitor.visit(save)
    visitor.visit()
    Visitor(manager, {HEAD: "1" * 200}).visit()
    assert {record.levelname for record in caplog.records} == {"DEBUG"}
    told = [record.message.partition("(")[0] for record in caplog.records]
    assert told == ["Saved", "Opened", "Refused"]


def test_nothing_is_logged_of_an_ordinary_request(manager, caplog):
    caplog.set_level(logging.INFO, logger="cookiesession")
    visitor = Visitor(manager)
    visitor.visit(save)
    visitor.visit()
    visitor.visit(lambda session: session.destroy())
    assert not caplog.records


# A Secure cookie over plain http.


def test_plain_http_is_told_once_by_each_manager(make_manager):
    for _ in range(2):
        told = []
        manager = make_manager(on_event=told.append)
        for _ in range(3):
            Visitor(manager).visit(save, scheme="http", host="example.com")
        assert [type(event).__name__ for event in told] == [
            *("Saved", "InsecureTransport"),
            *("Saved", "Saved"),
        ]


@pytest.mark.parametrize(
    ("request_", "secure"),
    [
        ({"scheme": "https", "host": "example.com"}, True),
        ({"scheme": "", "host": "example.com"}, True),
        ({"scheme": "http", "host": "localhost:8000"}, True),
        ({"scheme": "http", "host": "127.0.0.1"}, True),
        # Behind a proxy that ends TLS the scheme is http, but browsers tell by this header.
        ({"scheme": "http", "host": "example.com", "fetch_site": "same-origin"}, True),
        ({"scheme": "http", "host": "example.com"}, False),
    ],
)
def test_what_may_well_be_https_is_not_told(request_, secure, make_manager, told):
    manager = make_manager(on_event=told.append, cookie=CookieAttributes(secure=secure))
    Visitor(manager).visit(save, **request_)
    assert [type(event).__name__ for event in told] == ["Saved"]
