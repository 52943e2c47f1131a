"""The session as a dict, and what it has beside a dict's methods."""

import copy
import json
import operator
import pickle
import re
import sys
import threading
from datetime import datetime, timedelta, timezone
from itertools import count

import pytest

from cookiesession import Exchange, Incoming, SessionClosedError, Status, UnsavableSession
from cookiesession import _session as session_module
from tests.clients import Visitor, visitor_with

DATA = {"user_id": 7, "cart": ["tea"], "theme": {"dark": True}}

# dict's own methods: a call of each, whether it changes the dict, and why some need no look.

READS = {
    "__contains__": lambda it: "cart" in it,
    "__eq__": lambda it: it == DATA,
    "__getitem__": lambda it: it["user_id"],
    "__iter__": list,
    "__len__": len,
    "__ne__": lambda it: it != DATA,
    "__or__": lambda it: it | {"more": 1},
    "__reversed__": lambda it: list(reversed(it)),
    "__ror__": lambda it: {"more": 1} | it,
    "copy": lambda it: it.copy(),
    "get": lambda it: it.get("cart"),
    "items": lambda it: list(it.items()),
    "keys": lambda it: list(it.keys()),
    "values": lambda it: list(it.values()),
}
CHANGES = {
    "__delitem__": lambda it: it.__delitem__("cart"),
    "__ior__": lambda it: it.__ior__({"more": 1}) is it,
    "__setitem__": lambda it: it.__setitem__("user_id", 8),
    "clear": lambda it: it.clear(),
    "pop": lambda it: it.pop("cart"),
    "popitem": lambda it: it.popitem(),
    "setdefault": lambda it: it.setdefault("more", []),
    "update": lambda it: it.update({"more": 1}, user_id=9),
}
NEEDLESS = {
    "__class_getitem__": "belongs to the class",
    "__doc__": "is no method",
    "__ge__": "dicts have no order",
    "__getattribute__": "looks at no item",
    "__gt__": "dicts have no order",
    "__hash__": "is None",
    "__init__": "is the session's own",
    "__le__": "dicts have no order",
    "__lt__": "dicts have no order",
    "__new__": "makes an empty one",
    "__repr__": "is the session's own, and shows nothing",
    "__sizeof__": "looks at no item",
    "fromkeys": "belongs to the class",
}


def keywords(**names):
    return names


@pytest.fixture
def visitor(manager):
    return visitor_with(manager, **DATA)


@pytest.fixture
def session(visitor):
    return visitor.open().session


def test_every_method_of_dict_is_accounted_for():
    assert vars(dict).keys() == READS.keys() | CHANGES.keys() | NEEDLESS.keys()


@pytest.mark.parametrize("name", [*READS, *CHANGES])
def test_every_method_looks_first_and_does_what_a_dict_does(name, session):
    """H1. Any access counts."""
    call = {**READS, **CHANGES}[name]
    plain = copy.deepcopy(DATA)
    assert not session.accessed
    result = call(session)
    assert session.accessed
    assert result == call(plain)
    assert dict(session) == plain
    assert list(session) == list(plain)


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_in_the_next_request(name, visitor):
    changed = copy.deepcopy(DATA)
    CHANGES[name](changed)
    assert visitor.visit(CHANGES[name])
    assert visitor.read() == changed


@pytest.mark.parametrize("name", READS)
def test_no_read_writes(name, visitor):
    """L3."""
    assert visitor.visit(READS[name]) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session["cart"].append("milk"),
        lambda session: session["theme"].update(dark=False),
        lambda session: session.get("theme").clear(),
        lambda session: next(iter(session.values())) and session["cart"].insert(0, {"deep": []}),
    ],
)
def test_a_nested_change_is_in_the_next_request(change, visitor):
    changed = copy.deepcopy(DATA)
    change(changed)
    assert visitor.visit(change)
    assert visitor.read() == changed


@pytest.mark.parametrize(
    "restore",
    [
        lambda session: session.update(user_id=7, cart=["tea"]),
        lambda session: session["cart"].append("milk") or session["cart"].pop(),
        lambda session: session.setdefault("cart", ["milk"]),
        lambda session: session.pop("missing", None),
    ],
)
def test_setting_the_same_value_is_no_change(restore, visitor):
    assert visitor.visit(restore) == []


@pytest.mark.parametrize("value", [True, 7.0, "7", [7]])
def test_an_equal_value_of_another_type_is_a_change(value, visitor):
    assert visitor.visit(lambda session: session.update(user_id=value))
    assert type(visitor.read()["user_id"]) is type(value)


@pytest.mark.parametrize("look", [len, bool, list, sorted, repr, str, lambda it: f"{it}"])
def test_what_looks_at_items_is_an_access_and_what_only_shows_it_is_none(look, session):
    look(session)
    assert session.accessed is (look in (len, bool, list, sorted))


@pytest.mark.parametrize(
    "convert",
    [
        dict,
        copy.copy,
        copy.deepcopy,
        lambda session: session.copy(),
        lambda session: {**session},
        lambda session: session | {},
        lambda session: {} | session,
        lambda session: keywords(**session),
    ],
)
def test_a_copy_is_a_plain_dict(convert, session):
    assert type(convert(session)) is dict
    assert convert(session) == DATA


@pytest.mark.parametrize(("compare", "holds"), [(operator.eq, True), (operator.ne, False)])
def test_a_comparison_looks_from_either_side(compare, holds, visitor):
    assert compare(visitor.open().session, DATA) is holds
    assert compare(DATA, visitor.open().session) is holds
    assert compare({}, visitor.open().session) is not holds


def test_a_deep_copy_shares_nothing(session):
    copy.deepcopy(session)["cart"].append("milk")
    assert session["cart"] == ["tea"]


def test_a_deep_copy_of_what_holds_a_session_keeps_its_shape(session):
    copied, cart = copy.deepcopy([session, session["cart"]])
    assert copied["cart"] is cart


def test_a_dict_s_method_takes_no_other_arguments_than_a_dict_s(session):
    with pytest.raises(TypeError):
        session.get("cart", default=None)


def test_an_update_from_an_unseen_session_takes_all_of_it(session):
    plain = {}
    plain.update(session)
    assert plain == DATA


def test_json_shows_a_session_that_was_marked_as_accessed(session):
    session.mark_accessed()
    assert json.loads(json.dumps(session)) == DATA


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_session_cannot_be_pickled(protocol, session):
    with pytest.raises(TypeError, match="pickle dict"):
        pickle.dumps(session, protocol)


def test_a_session_shows_no_data(session):
    """K3."""
    assert repr(session) == "<Session, not looked at>"
    session.mark_accessed()
    assert repr(session) == "<Session valid, 3 keys; dict(session) shows them>"
    assert not hasattr(session, "__dict__")


# What frameworks set.


def test_accessed_can_be_set_and_not_taken_back(session):
    session.accessed = False
    assert not session.accessed
    session.accessed = True
    session.accessed = False
    assert session.accessed


def test_modified_can_be_set_and_taken_back(visitor):
    assert visitor.visit(lambda session: setattr(session, "modified", True))
    with visitor.open() as exchange:
        exchange.session.modified = True
        assert exchange.session.modified
        exchange.session.modified = False
        assert not exchange.session.modified
        assert not exchange.headers().add


def test_taking_modified_back_loses_no_change(visitor):
    def act(session):
        session["user_id"] = 8
        session.modified = False
        assert session.modified

    assert visitor.visit(act)
    assert visitor.read()["user_id"] == 8


# What is known about it.


def test_a_new_session_knows_that_it_is_new(manager, clock):
    session = Visitor(manager).open().session
    now = datetime.fromtimestamp(clock.now, timezone.utc)
    assert (session.new, session.status) == (True, Status.MISSING)
    assert (session.created, session.touched) == (now, now)
    assert session.expires == now + timedelta(days=14)
    assert len(session.id) == 12


def test_a_session_keeps_its_id_and_its_times(make_manager, clock):
    manager = make_manager(idle_timeout=1000, absolute_timeout=1500)
    visitor, begin = Visitor(manager), datetime.fromtimestamp(clock.now, timezone.utc)
    with visitor.open() as exchange:
        exchange.session["user_id"] = 7
        name = exchange.session.id
        visitor.keep([line for _, line in exchange.headers().add])
    clock.advance(700)
    visitor.store(user_id=8)
    session = visitor.open().session
    assert (session.new, session.status, session.id) == (False, Status.VALID, name)
    assert session.created == begin
    assert session.touched == begin + timedelta(seconds=700)
    assert session.expires == begin + timedelta(seconds=1500)


@pytest.mark.parametrize("settings", [{}, {"pad": 0}, {"pad": 32}, {"compress": False}])
@pytest.mark.parametrize("length", [0, 1, 250, 255, 256, 600, 2000])
def test_the_size_is_what_would_be_written(settings, length, make_manager):
    manager = make_manager(**settings)
    session = Visitor(manager).open().session
    session.update(text="ab" * (length // 2), other="x" * (length % 7))
    assert session.size == len(manager.dumps(session))
    session.remember()
    assert session.size == len(manager.dumps(session))


def test_the_size_of_what_cannot_be_saved_is_an_error(session):
    session["lock"] = object()
    with pytest.raises(UnsavableSession, match="lock"):
        _ = session.size


# What one can do to it.


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        (None, {"user_id", "cart", "theme"}),
        ([], set()),
        (["cart"], {"cart"}),
        ("cart", {"cart"}),
        (iter(["theme", "missing"]), {"theme"}),
    ],
)
def test_regenerate_keeps_what_is_named_under_a_new_id(keep, kept, visitor, clock):
    """L5, L6."""
    old = visitor.open().session
    old_id, old_created = old.id, old.created
    clock.advance(30)

    def act(session):
        session.regenerate(keep)
        session["new"] = True

    visitor.visit(act)
    session = visitor.open().session
    assert session.id != old_id
    assert session.created == old_created + timedelta(seconds=30)
    assert session.keys() == {*kept, "new"}


def test_regenerate_alone_is_a_change(visitor):
    """L5."""
    old = visitor.open().session.id
    assert visitor.visit(lambda session: session.regenerate())
    assert visitor.open().session.id != old
    assert visitor.read() == DATA


def test_regenerate_clears_remember_and_forget_on_close(make_manager):
    manager = make_manager(idle_timeout=1000, absolute_timeout=5000)
    visitor = visitor_with(manager, a=1)
    for choose in (lambda it: it.remember(), lambda it: it.forget_on_close()):
        visitor.visit(choose)
        (line,) = visitor.visit(lambda session: session.regenerate())
        assert "; Max-Age=1000;" in line


def test_remember_outlasts_the_idle_timeout_and_touches(make_manager, clock):
    manager = make_manager(idle_timeout=1000, absolute_timeout=2000, remember_timeout=9000)
    visitor = visitor_with(manager, a=1)
    (line,) = visitor.visit(lambda session: session.remember(timedelta(seconds=8000)))
    assert "; Max-Age=8000;" in line
    clock.advance(7000)
    (line,) = visitor.visit()
    assert "; Max-Age=1000;" in line
    clock.advance(1060)
    assert visitor.status() == "valid"
    clock.advance(1)
    assert visitor.status() == "expired"


@pytest.mark.parametrize(("asked", "given"), [(None, 9000), (99_999, 9000), (1.9, 1), (50, 50)])
def test_remember_lasts_as_asked_and_at_most_as_configured(asked, given, make_manager, clock):
    session = Visitor(make_manager(remember_timeout=9000)).open().session
    session.remember(asked)
    assert session.expires.timestamp() == clock.now + given


@pytest.mark.parametrize("duration", [0, 0.9, -1, timedelta(0), timedelta(days=-1)])
def test_remember_refuses_what_is_no_duration(duration, session):
    with pytest.raises(ValueError, match="a second or more"):
        session.remember(duration)


def test_remember_saves_nothing_that_is_over_already(make_manager, clock):
    """A cookie whose end has passed is a change lost without a word: Max-Age=0."""
    visitor = visitor_with(make_manager(idle_timeout=29 * 86_400), user_id=7)
    clock.advance(20 * 86_400)
    visitor.visit(lambda session: session.remember(timedelta(days=7)))
    assert visitor.read() == {"user_id": 7}


@pytest.mark.parametrize(("age", "is_new"), [(99, False), (100, True), (101, True)])
def test_remember_regenerates_a_session_that_would_be_over(age, is_new, make_manager, clock):
    """At its end a session still lives, but its cookie would say Max-Age=0."""
    visitor = visitor_with(make_manager(idle_timeout=1000), user_id=7)
    old = visitor.open().session.id
    clock.advance(age)
    session = visitor.open().session
    session.remember(100)
    assert (session.id != old) is is_new


def test_remember_takes_forget_on_close_back(make_manager):
    visitor = visitor_with(make_manager(), a=1)
    visitor.visit(lambda session: session.forget_on_close())
    (line,) = visitor.visit(lambda session: session.remember(100))
    assert "; Max-Age=100;" in line


def test_forget_on_close_writes_no_max_age_and_is_kept(make_manager, clock):
    visitor = visitor_with(make_manager(idle_timeout=1000), a=1)
    visitor.visit(lambda session: session.remember())
    for change in (lambda it: it.forget_on_close(), lambda it: it.update(a=2)):
        (line,) = visitor.visit(change)
        assert "Max-Age" not in line
    assert visitor.visit(lambda session: session.forget_on_close()) == []
    clock.advance(1061)
    assert visitor.status() == "idle_expired"


def test_destroy_empties_and_a_new_session_may_follow(visitor):
    old = visitor.open().session.id

    def act(session):
        session.destroy()
        assert not session
        session["flash"] = "goodbye"

    visitor.visit(act)
    assert visitor.read() == {"flash": "goodbye"}
    assert visitor.open().session.id != old


# Changes that come too late.

LATE = {
    **CHANGES,
    "delete": lambda session: session.pop("user_id"),
    "destroy": lambda session: session.destroy(),
    "forget_on_close": lambda session: session.forget_on_close(),
    "modified": lambda session: setattr(session, "modified", True),
    "regenerate": lambda session: session.regenerate(),
    "remember": lambda session: session.remember(),
    "touch": lambda session: session.touch(),
}


@pytest.mark.parametrize("looked_before", [True, False])
@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_a_late_change_is_an_error_at_once(late, looked_before, visitor):
    """D1."""
    exchange = visitor.open()
    exchange.session.accessed = looked_before
    exchange.headers()
    with pytest.raises(SessionClosedError, match="Change it before the response starts"):
        late(exchange.session)
    with pytest.raises(SessionClosedError):
        exchange.close()


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_late_look_is_no_error(read, visitor):
    with visitor.open() as exchange:
        exchange.headers()
        read(exchange.session)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda session: session["cart"].append("milk"), "cart"),
        (lambda session: session["theme"].update(dark=0), "theme"),
        (lambda session: session["cart"].clear() or session["theme"].clear(), "cart, theme"),
    ],
)
def test_a_nested_late_change_is_found_at_the_end_and_named(change, names, visitor):
    """D1. Its names are told, its values are not."""
    exchange = visitor.open()
    exchange.session.mark_accessed()
    exchange.headers()
    change(exchange.session)
    with pytest.raises(SessionClosedError, match=rf"\(keys: {names}\)") as caught:
        exchange.close()
    assert "milk" not in str(caught.value)


@pytest.mark.parametrize(
    ("late", "names"),
    [
        (lambda session: session.update(new=1), " (keys: new)"),
        (lambda session: session.pop("cart"), " (keys: cart)"),
        (lambda session: session.touch(), ""),
    ],
)
def test_a_late_change_is_named_where_it_has_names(late, names, visitor):
    """D1."""
    exchange = visitor.open()
    exchange.headers()
    with pytest.raises(SessionClosedError, match=re.escape(f" is lost{names}. Change it")):
        late(exchange.session)
    with pytest.raises(SessionClosedError):
        exchange.close()


def test_a_late_change_that_is_undone_is_none(visitor):
    with visitor.open() as exchange:
        exchange.session.mark_accessed()
        exchange.headers()
        exchange.session["cart"].append("milk")
        exchange.session["cart"].pop()


def test_a_saved_session_may_be_set_to_what_was_saved(visitor):
    with visitor.open() as exchange:
        exchange.session["user_id"] = 8
        exchange.headers()
        exchange.session["user_id"] = 8


def test_a_session_without_a_request_is_never_closed(manager):
    session = manager.loads(manager.dumps(DATA))
    session["user_id"] = 8
    session.regenerate()
    assert session.modified


def test_the_content_is_read_once(manager):
    calls = []
    session = manager.open(lambda: calls.append(1) or Incoming()).session
    for _ in range(3):
        session.mark_accessed()
        assert not session
    assert calls == [1]


def test_of_two_fillings_the_one_that_is_done_first_counts(make_manager):
    """Two threads of one request may look at once; here the second looks while the first reads."""
    manager = make_manager()

    def read_while_somebody_else_changes():
        if not exchange.session.accessed and not entered:
            entered.append(True)
            exchange.session["by"] = "the other"
        return Incoming()

    entered: list[bool] = []
    exchange = manager.open(read_while_somebody_else_changes)
    assert exchange.session.get("by") == "the other"


def stepping(function, number, other, within=None):
    """Call a function, and `other` before its instruction of that number; tell whether it has one.

    Counted are its own, or those of a function that it calls.

    So is it when the interpreter switches threads there. No other thread gets by a lock that is
    held.
    """
    left = number
    code = (within or function).__code__

    def trace(frame, event, _argument):
        nonlocal left
        frame.f_trace_opcodes = True
        if event == "opcode" and frame.f_code is code:
            left -= 1
            if left == -1 and not session_module._FILLING.locked():
                other()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return left < 0


def headers_while(late, number, visitor):
    """Make a response's headers, while another thread does something late; tell what came of both.

    And whether the making of the headers takes so many instructions.
    """
    exchange, edits, errors = visitor.open(), [], []
    exchange.session.mark_accessed()

    def elsewhere():
        try:
            late(exchange.session)
        except SessionClosedError as error:
            errors.append(error)

    def make():
        edits.append(exchange.headers())

    went_on = stepping(make, number, elsewhere, within=Exchange._settle)
    return edits[0].add, errors, went_on


@pytest.mark.parametrize("late", [lambda it: it.touch(), lambda it: it.regenerate()])
def test_what_another_thread_does_while_the_headers_are_made_leaves_or_is_an_error(late, visitor):
    """D1."""
    for number in count():
        lines, errors, went_on = headers_while(late, number, visitor)
        if not went_on:
            break
        assert lines or errors
    assert number > 50


def test_another_thread_may_fill_the_session_at_any_moment(visitor):
    for number in count():
        session = visitor.open().session
        went_on = stepping(session.mark_accessed, number, session.mark_accessed)
        assert session == DATA
        if not went_on:
            break
    assert number > 50


# No change is lost, whichever way the session was reached.


def _cart_of(session):
    match session:
        case {"cart": cart}:
            return cart


SCALARS_AND_LIST = {"user": 7, "name": "ann", "cart": ["tea"]}
HANDS_OUT = {
    "a list": lambda session: session["cart"],
    "get": lambda session: session.get("cart"),
    "values": lambda session: next(reversed(session.values())),
    "items": lambda session: dict(session.items())["cart"],
    "dict": lambda session: dict(session)["cart"],
    "copy": lambda session: session.copy()["cart"],
    "two stars": lambda session: {**session}["cart"],
    "union": lambda session: (session | {})["cart"],
    "union from the right": lambda session: ({} | session)["cart"],
    "setdefault": lambda session: session.setdefault("cart", []),
    "pattern": _cart_of,
    "view": lambda session: session.keys().mapping["cart"],
}


@pytest.mark.parametrize("hand_out", HANDS_OUT.values(), ids=HANDS_OUT)
def test_what_was_handed_out_may_have_changed(hand_out, manager):
    """No nested change is lost, whichever way the list went out."""
    session = manager.loads(manager.dumps(SCALARS_AND_LIST))
    cart = hand_out(session)
    assert not session.modified
    cart.append("milk")
    assert session.modified


def test_what_the_application_still_holds_may_change_later(manager):
    """D1. A list that was put in before the headers left, and grows after."""
    cart = ["tea"]
    with manager.open(Incoming()) as exchange:
        exchange.session["cart"] = cart
        exchange.headers()
        cart.append("milk")
        with pytest.raises(SessionClosedError, match="cart"):
            exchange.close()
        cart.pop()


class Namespace:
    """What has a session for its attributes' dict, as C code knows one when it sees one."""

    def __init__(self, session):
        self.__dict__ = session


PAST_THE_METHODS = {
    "a value": lambda session: dict.__setitem__(session, "user", 8),
    "an equal value of another type": lambda session: dict.__setitem__(session, "user", 7.0),
    "a key less": lambda session: dict.pop(session, "user"),
    "a key more": lambda session: dict.update(session, more=1),
    "the order": lambda session: dict.update(session, user=dict.pop(session, "user")),
    "a nested value": lambda session: dict.get(session, "cart").append("milk"),
    "an attribute": lambda session: setattr(Namespace(session), "user", True),
    "within an attribute": lambda session: Namespace(session).cart.append("milk"),
}


@pytest.mark.parametrize("change", PAST_THE_METHODS.values(), ids=PAST_THE_METHODS)
def test_a_change_past_the_methods_is_seen_as_well(change, manager):
    """As C code makes it."""
    session = manager.loads(manager.dumps(SCALARS_AND_LIST))
    session.mark_accessed()
    change(session)
    assert session.modified


@pytest.mark.parametrize("change", PAST_THE_METHODS.values(), ids=PAST_THE_METHODS)
def test_a_late_change_past_the_methods_is_found_at_the_end(change, manager):
    """D1."""
    exchange = visitor_with(manager, **SCALARS_AND_LIST).open()
    exchange.session.mark_accessed()
    exchange.headers()
    change(exchange.session)
    with pytest.raises(SessionClosedError):
        exchange.close()


HAND_IN = {
    "a change": lambda session, deep: session.update(deep=deep),
    "a list that was handed out": lambda session, deep: session["cart"].append(deep),
}


@pytest.mark.parametrize("hand_in", HAND_IN.values(), ids=HAND_IN)
def test_what_is_nested_too_deeply_is_an_error_on_a_small_stack_too(hand_in, manager):
    """S1, S2. Where 900 levels, as JSON from a client can have them, crash C's packing."""
    deep = []
    for _ in range(900):
        deep = [deep]
    session = manager.loads(manager.dumps(SCALARS_AND_LIST))
    hand_in(session, deep)
    caught = []

    def look():
        with pytest.raises(UnsavableSession, match="deeper than 32"):
            _ = session.modified
        caught.append(True)

    usual = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=look)
        thread.start()
    finally:
        threading.stack_size(usual)
    thread.join()
    assert caught
