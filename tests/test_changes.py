"""Random programs of what one can do to a dict, on a session and on a plain dict beside it.

The plain one says what the session should hold, whether it is to be written, and whether a change
came too late. Half of the steps go past the session's methods or act on lists and dicts from
inside, as far back as they were handed out or in.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiesession import Key, SessionClosedError, SessionManager
from tests.clients import lines_of, visitor_with
from tests.strategies import exact, values

MANAGER = SessionManager(Key.generate(), max_cookies=20)


class World:
    """A dict, and what was handed out of it or in: lists and dicts that somebody still holds."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.held: list[Any] = []

    def hold(self, value: Any) -> None:
        if type(value) in (list, dict):
            self.held.append(value)


class Attributes:
    """Whose attributes' dict is a session: the interpreter reads and writes it as C code does."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.__dict__ = root


def update_in_place(root: dict[str, Any], name: str, value: Any) -> None:
    root |= {name: value}


def match(root: dict[str, Any], name: str) -> Any:
    match root:
        case {"a": value}:
            return value
    return None


CHANGES: dict[str, Callable[[dict[str, Any], str, Any], Any]] = {
    "set": lambda root, name, value: root.__setitem__(name, value),
    "update": lambda root, name, value: root.update({name: value}),
    "update by keyword": lambda root, name, value: root.update(**{name: value}),
    "|=": update_in_place,
    "setdefault": lambda root, name, value: root.setdefault(name, value),
    "delete": lambda root, name, _: name in root and root.__delitem__(name),
    "pop": lambda root, name, _: root.pop(name, None),
    "popitem": lambda root, *_: root and root.popitem(),
    "put last": lambda root, name, _: name in root and root.update({name: root.pop(name)}),
    "clear": lambda root, *_: root.clear(),
    "set the same": lambda root, name, _: name in root and root.update({name: root[name]}),
    "set an equal": lambda root, name, _: name in root and root.update({name: equal(root[name])}),
}
PAST_THE_METHODS: dict[str, Callable[[dict[str, Any], str, Any], Any]] = {
    "set": dict.__setitem__,
    "set an attribute": lambda root, name, value: setattr(Attributes(root), name, value),
    "update": lambda root, name, value: dict.update(root, {name: value}),
    "pop": lambda root, name, _: dict.pop(root, name, None),
    "put last": lambda root, name, _: dict.update(root, {name: dict.pop(root, name, None)}),
    "clear": lambda root, *_: dict.clear(root),
    "set an equal": lambda root, name, _: dict.__setitem__(root, name, equal(dict.get(root, name))),
}
LOOKS: dict[str, Callable[[dict[str, Any], str], Any]] = {
    "get": lambda root, name: root.get(name),
    "[]": lambda root, name: root[name] if name in root else None,  # noqa: SIM401
    "values": lambda root, _: next(iter(root.values()), None),
    "items": lambda root, name: dict(root.items()).get(name),
    "backwards": lambda root, _: next(reversed(root.values()), None),
    "copy": lambda root, name: root.copy().get(name),
    "dict": lambda root, name: dict(root).get(name),
    "stars": lambda root, name: {**root}.get(name),
    "|": lambda root, name: ({} | root).get(name),
    "match": match,
    "view": lambda root, name: root.keys().mapping.get(name),
    "past the methods": dict.get,
    "its values past the methods": lambda root, _: next(iter(dict.values(root)), None),
    "attribute": lambda root, name: getattr(Attributes(root), name, None),
    "in, ==, len": lambda root, name: name in root and root == {} and len(root),
}
NESTED: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda held, value: held.append(value) if type(held) is list else held.update(x=value),
    "remove": lambda held, _: held and (held.pop() if type(held) is list else held.popitem()),
    "clear": lambda held, _: held.clear(),
    "replace": lambda held, value: held and held.__setitem__(next(iter(places(held))), value),
    "set equals": lambda held, _: [held.__setitem__(it, equal(held[it])) for it in places(held)],
    "turn around": lambda held, _: (
        held.reverse() if type(held) is list else held and held.update([held.popitem()])
    ),
}


def places(held: Any) -> Any:
    return range(len(held)) if type(held) is list else list(held)


def equal(value: Any) -> Any:
    """Return what is equal as Python compares, but not the same where such a value is at hand."""
    if type(value) is int and abs(value) < 2**53:
        return float(value)
    if type(value) is float and value == 0:
        return -value
    return int(value) if type(value) is bool else deepcopy(value)


names = st.sampled_from(["a", "b", "user_id"])
changes = st.builds(
    lambda how, name, value: lambda world: put(world, how, name, value),
    st.sampled_from([*CHANGES.values(), *PAST_THE_METHODS.values()]),
    names,
    values,
)
looks = st.builds(
    lambda how, name: lambda world: world.hold(how(world.root, name)),
    st.sampled_from([*LOOKS.values()]),
    names,
)
nested_changes = st.builds(
    lambda how, which, value: (
        lambda world: world.held and how(world.held[which % len(world.held)], deepcopy(value))
    ),
    st.sampled_from([*NESTED.values()]),
    st.integers(0, 5),
    values,
)
programs = st.lists(looks | changes | nested_changes, max_size=8)


def put(world: World, how: Callable[..., Any], name: str, value: Any) -> None:
    value = deepcopy(value)
    world.hold(value)
    how(world.root, name, value)


def run(program: list[Callable[[World], Any]], world: World) -> None:
    for step in program:
        step(world)


def content(session: Any) -> Any:
    return exact(dict(dict.items(session)))


@given(st.dictionaries(names, values), programs, programs)
def test_a_session_is_written_where_it_changed_and_no_late_change_is_lost(data, program, late):
    """D1, L3."""
    visitor = visitor_with(MANAGER, **data)
    exchange = visitor.open()
    exchange.session.mark_accessed()
    session, plain = World(exchange.session), World(deepcopy(data))
    run(program, session)
    run(program, plain)
    is_changed = exact(plain.root) != exact(data)
    assert content(session.root) == exact(plain.root)
    assert session.root.modified == is_changed
    lines = lines_of(exchange.headers())
    assert bool(lines) == is_changed
    visitor.keep(lines)
    assert exact(visitor.read()) == exact(plain.root)

    for step in late:
        try:
            step(session)
        except SessionClosedError:
            assert content(session.root) != exact(plain.root)
    if content(session.root) == exact(plain.root):
        exchange.close()
    else:
        with pytest.raises(SessionClosedError):
            exchange.close()
