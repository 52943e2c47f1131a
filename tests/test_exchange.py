"""One request after another: what is read, what is written, when, and with which headers."""

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from threading import Barrier
from traceback import TracebackException

import pytest

from cookiesession import (
    CookieAttributes,
    Incoming,
    Key,
    Keyring,
    SessionClosedError,
    SessionTooLarge,
    Status,
    UnsavableSession,
)
from cookiesession import _codec as codec_module
from cookiesession._exchange import is_loopback
from cookiesession._lifetimes import CLOCK_AHEAD, END_LEEWAY
from tests.clients import Visitor, is_deletion, lines_of, pairs_of, visitor_with

HEAD = "__Host-session"
BIG = 8_000  # characters: three cookies


def text(letter, length=BIG):
    return letter * length


def edits_of(visitor, act, status=200, *, vary="", cache_control="", **request):
    with visitor.open(**request) as exchange:
        act(exchange.session)
        return exchange.headers(status, vary=vary, cache_control=cache_control)


def look(session):
    session.mark_accessed()


def save(session):
    session["saved"] = True


@pytest.fixture
def told():
    """What was told to the hook of a manager with `on_event=told.append`."""
    return []


def kinds(told):
    return [type(event).__name__ for event in told]


# Nobody looks, or looks and changes nothing.


def test_an_untouched_session_costs_nothing(make_manager):
    """H1. Nobody looked: nothing is asked, decoded, told, or said in a header."""

    def fail(*_):
        raise AssertionError("it was asked")

    manager = make_manager(clock=fail, on_event=fail)
    with manager.open(fail) as exchange:
        assert exchange.headers(200, vary="Accept", cache_control="public") == ({}, [])
        assert repr(exchange.session) == "<Session, not looked at>"
    assert not exchange.session.accessed


def test_opening_and_leaving_without_a_response_is_no_error(manager):
    with manager.open(Incoming()):
        pass


def test_a_session_that_was_read_writes_nothing(manager):
    """L3."""
    visitor = visitor_with(manager, a=1)
    assert visitor.visit(lambda session: session["a"]) == []


def test_an_empty_new_session_writes_nothing(manager):
    for act in (look, lambda it: it.remember(), lambda it: it.touch(), lambda it: it.clear()):
        assert Visitor(manager).visit(act) == []
    assert Visitor(manager).visit(lambda session: setattr(session, "modified", True)) == []


def test_the_clock_is_read_once_a_request(make_manager):
    """L7. So no two decisions of one request contradict each other."""
    reads = []

    def clock():
        reads.append(1)
        return 1_800_000_000 + 3600 * 24 * len(reads)

    manager = make_manager(clock=clock)
    visitor = Visitor(manager)
    for number, act in enumerate([save, look, lambda it: it.regenerate(), lambda it: it.destroy()]):
        visitor.visit(act)
        assert len(reads) == number + 1
    refused = Visitor(manager, {HEAD: "1" * 200})
    refused.visit(save)
    assert len(reads) == 5


def test_the_incoming_is_made_once_and_at_the_first_look(manager):
    calls = []

    def incoming():
        calls.append(1)
        return Incoming()

    with manager.open(incoming) as exchange:
        assert not calls
        assert "a" not in exchange.session
        assert not exchange.session
        exchange.headers()
    assert calls == [1]


# Saving.


def test_what_is_saved_comes_back(manager):
    visitor = Visitor(manager)
    (line,) = visitor.store(user_id=7, cart=["tea"])
    assert line.startswith("__Host-session=1")
    assert line.endswith("; Max-Age=1209600; Path=/; Secure; HttpOnly; SameSite=Lax")
    assert visitor.read() == {"user_id": 7, "cart": ["tea"]}


@pytest.mark.parametrize(
    "status", [200, 204, 206, 301, 302, 303, 304, 307, 400, 401, 403, 404, 499]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_every_answer_below_500_writes(status, method, manager):
    visitor = Visitor(manager)
    assert visitor.visit(save, status=status, method=method)
    assert visitor.read() == {"saved": True}


@pytest.mark.parametrize("status", [500, 502, 503, 599])
@pytest.mark.parametrize(
    "act", [save, lambda it: it.clear(), lambda it: it.destroy(), lambda it: it.regenerate()]
)
def test_an_answer_of_500_or_above_writes_nothing_and_says_so(status, act, make_manager, told):
    visitor = visitor_with(make_manager(on_event=told.append), a=1)
    assert visitor.visit(act, status=status) == []
    assert kinds(told) == ["Opened", "NotSaved"]


def test_save_on_5xx_writes_all_the_same(make_manager, told):
    visitor = Visitor(make_manager(on_event=told.append, save_on_5xx=True))
    assert visitor.visit(save, status=500)
    assert kinds(told) == ["Saved"]


def test_an_answer_of_500_after_an_unchanged_session_says_nothing(make_manager, told, clock):
    visitor = visitor_with(make_manager(on_event=told.append), a=1)
    clock.advance(10 * 86_400)
    assert visitor.visit(status=500) == []
    assert kinds(told) == ["Opened"]


def test_an_emptied_session_deletes_its_cookie(manager):
    """O7."""
    for act in (lambda it: it.clear(), lambda it: it.pop("a"), lambda it: it.destroy()):
        visitor = visitor_with(manager, a=1)
        (line,) = visitor.visit(act)
        assert is_deletion(line)
        assert line.startswith("__Host-session=;")
        assert visitor.jar == {}


def test_destroying_what_never_was_says_nothing(make_manager, told):
    assert Visitor(make_manager(on_event=told.append)).visit(lambda it: it.destroy()) == []
    assert told == []


@pytest.mark.parametrize(
    "attributes",
    [
        CookieAttributes(),
        CookieAttributes(domain="example.com", path="/app"),
        CookieAttributes(samesite="none", priority="high"),
    ],
)
def test_a_deletion_carries_the_attributes_of_what_it_deletes(attributes, make_manager):
    """O7. All parts too."""
    visitor = Visitor(make_manager(cookie=attributes, max_cookies=3, compress=False))
    written = visitor.store(text=text("a"))
    assert len(written) == 3
    deleted = visitor.visit(lambda session: session.destroy())
    assert len(deleted) == 3
    assert visitor.jar == {}
    endings = {line.partition("; Path")[2] for line in written}
    assert {line.partition("; Path")[2] for line in deleted} == endings
    assert all("; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT;" in it for it in deleted)


@pytest.mark.parametrize(
    ("act", "age"),
    [
        (save, None),
        (lambda it: save(it) or it.remember(50), 50),
        (lambda it: save(it) or it.forget_on_close(), None),
    ],
)
def test_without_persistence_only_the_remembered_have_a_max_age(act, age, make_manager):
    (line,) = Visitor(make_manager(persistent=False)).visit(act)
    assert ("Max-Age" in line) == (age is not None)
    assert age is None or f"; Max-Age={age};" in line


# Refusals.

REFUSED = {
    Status.MALFORMED: lambda it: "1abc",
    Status.UNKNOWN_FORMAT: lambda it: "2" + it[1:],
    Status.UNKNOWN_KEY: lambda it: it[0] + ("AAAA" if it[1:5] != "AAAA" else "BBBB") + it[5:],
    Status.BAD_SIGNATURE: lambda it: it[:-1] + ("A" if it[-1] != "A" else "E"),
    Status.INCOMPLETE: lambda it: "~2.AAAAAAAA." + it,
}


@pytest.fixture(params=REFUSED)
def refused(request, manager):
    """A visitor whose cookie is refused."""
    return Visitor(manager, {HEAD: REFUSED[request.param](manager.dumps({"a": 1}))})


@pytest.mark.parametrize("status", REFUSED)
def test_a_refused_cookie_is_an_empty_session_that_says_why(status, manager):
    session = Visitor(manager, {HEAD: REFUSED[status](manager.dumps({"a": 1}))}).open().session
    assert session == {}
    assert (session.status, session.new) == (status, True)


@pytest.mark.parametrize(
    "act",
    [
        look,
        lambda it: it.clear(),
        lambda it: it.regenerate(),
        lambda it: it.regenerate(keep=[]),
        lambda it: it.touch(),
        lambda it: it.remember(),
        lambda it: it.update(a=1) or it.clear(),
        lambda it: setattr(it, "modified", True),
    ],
)
def test_a_refused_cookie_is_never_deleted(act, refused):
    """K5. A replica that lacks a new key must not log people out."""
    assert refused.visit(act) == []


def test_a_refused_cookie_is_overwritten_by_a_save(refused):
    """K5."""
    (line,) = refused.visit(save)
    assert not is_deletion(line)
    assert refused.read() == {"saved": True}


def test_a_refused_cookie_is_deleted_by_destroy(refused):
    """K5. The application said so."""
    (line,) = refused.visit(lambda session: session.destroy())
    assert is_deletion(line)


def test_refusing_neither_inflates_nor_unpacks(manager, monkeypatch):
    """S3, C10. Nothing is parsed before the signature has held."""
    text = manager.dumps({"text": "x" * 5000})

    def fail(*_):
        raise AssertionError("it was parsed")

    for stage in ("unpack", "decompress", "unseal"):
        monkeypatch.setattr(codec_module, stage, fail)
    monkeypatch.setattr(codec_module._base64, "decode", fail)
    for change in REFUSED.values():
        assert Visitor(manager, {HEAD: change(text)}).status() != "valid"
    assert Visitor(manager, {HEAD: text}).status() == "bad_payload", "the stages are those"


# Key rotation.

OLD, NEW = Key.generate(), Key.generate()


def key_id(manager):
    return manager.dumps({})[1:5]


@pytest.mark.parametrize("fetch_dest", ["", "document", "empty"])
def test_a_session_under_an_old_key_is_written_anew_when_looked_at(fetch_dest, make_manager):
    """K2."""
    old, both, new = make_manager(OLD), make_manager([NEW, OLD]), make_manager(NEW)
    visitor = Visitor(both, {HEAD: old.dumps({"a": 1})})
    (line,) = visitor.visit(fetch_dest=fetch_dest)
    assert line.startswith(f"__Host-session=1{key_id(new)}")
    assert Visitor(new, visitor.jar).read() == {"a": 1}
    assert visitor.visit() == [], "once"


def test_a_session_under_an_old_key_is_saved_under_the_new_one(make_manager):
    """K2. Whatever the request is for."""
    visitor = Visitor(make_manager([NEW, OLD]), {HEAD: make_manager(OLD).dumps({"a": 1})})
    (line,) = visitor.visit(save, fetch_dest="image")
    assert line.startswith(f"__Host-session=1{key_id(make_manager(NEW))}")
    assert visitor.read() == {"a": 1, "saved": True}


@pytest.mark.parametrize("fetch_dest", ["image", "script", "style", "iframe", "websocket", "Empty"])
def test_a_session_under_an_old_key_is_left_alone_by_images_and_the_like(fetch_dest, make_manager):
    """K2, L3."""
    visitor = Visitor(make_manager([NEW, OLD]), {HEAD: make_manager(OLD).dumps({"a": 1})})
    assert visitor.visit(fetch_dest=fetch_dest) == []


def test_a_session_keeps_its_id_and_its_age_under_the_new_key(make_manager, clock):
    """K2, L6."""
    visitor = Visitor(make_manager([NEW, OLD]), {HEAD: make_manager(OLD).dumps({"a": 1})})
    before = visitor.open().session
    clock.advance(100)
    visitor.visit()
    after = visitor.open().session
    assert (after.id, after.created) == (before.id, before.created)
    assert after.touched > before.touched


def test_a_newer_key_that_is_not_primary_reads_and_does_not_write(make_manager):
    """K2. Every server learns to read before any writes.

    A server whose clock is behind leaves alone what another one wrote under the newer key.
    """
    manager = make_manager(Keyring([NEW, OLD], primary=OLD))
    visitor = Visitor(manager, {HEAD: make_manager(NEW).dumps({"a": 1})})
    assert visitor.visit() == []
    (line,) = visitor.visit(save)
    assert line.startswith(f"__Host-session=1{key_id(make_manager(OLD))}")


@pytest.mark.parametrize("ring", [[NEW], Keyring([NEW], retired=[OLD])], ids=["removed", "retired"])
def test_a_key_that_is_gone_opens_nothing(ring, make_manager):
    """K2."""
    visitor = Visitor(make_manager(ring), {HEAD: make_manager(OLD).dumps({"a": 1})})
    assert visitor.status() == "unknown_key"


# Lifetimes.

IDLE, ABSOLUTE = 1000, 2500


@pytest.fixture
def short(make_manager):
    return make_manager(idle_timeout=IDLE, absolute_timeout=ABSOLUTE, touch_after=100)


@pytest.mark.parametrize(
    ("after", "status"), [(-1, "valid"), (0, "valid"), (1, "idle_expired"), (10**9, "idle_expired")]
)
def test_an_idle_session_ends_on_the_server(after, status, short, clock):
    """L1. Alive at equality."""
    visitor = visitor_with(short, a=1)
    clock.advance(IDLE + END_LEEWAY + after)
    assert visitor.status() == status
    assert bool(visitor.read()) == (status == "valid")


@pytest.mark.parametrize(("after", "status"), [(-1, "valid"), (0, "valid"), (1, "expired")])
def test_an_old_session_ends_on_the_server_however_busy(after, status, short, clock):
    """L1, L6."""
    visitor, end = visitor_with(short, a=0), clock.now + ABSOLUTE
    while clock.now + 500 < end:
        clock.advance(500)
        assert visitor.store(a=clock.now)
    clock.now = end + END_LEEWAY + after
    assert visitor.status() == status


@pytest.mark.parametrize("act", [look, lambda it: it.touch(), save, lambda it: it.remember()])
def test_only_a_regeneration_moves_the_absolute_end(act, short, clock):
    """L6."""
    visitor = visitor_with(short, a=1)
    created = visitor.open().session.created
    clock.advance(500)
    visitor.visit(act)
    assert visitor.open().session.created == created
    visitor.visit(lambda session: session.regenerate())
    assert visitor.open().session.created.timestamp() == clock.now


def test_the_browser_is_told_the_nearer_end(short, clock):
    visitor = visitor_with(short, a=1)
    for _ in range(2):
        clock.advance(900)
        (line,) = visitor.visit()
    assert f"; Max-Age={ABSOLUTE - 1800};" in line


@pytest.mark.parametrize(
    ("age", "fetch_dest", "touched"),
    [
        (99, "", False),
        (100, "", True),
        (100, "document", True),
        (100, "empty", True),
        (100, "image", False),
        (100, "script", False),
        (100, "websocket", False),
        (100, "DOCUMENT", False),
        (100, "document, image", False),
        (999, "iframe", False),
    ],
)
def test_a_session_is_touched_when_it_is_old_and_a_person_looks(
    age, fetch_dest, touched, short, clock
):
    """L3."""
    visitor = visitor_with(short, a=1)
    clock.advance(age)
    lines = visitor.visit(fetch_dest=fetch_dest)
    assert bool(lines) == touched
    assert visitor.read() == {"a": 1}
    assert visitor.open().session.touched.timestamp() == clock.now - (0 if touched else age)


def test_touch_has_a_session_written_whatever_the_request_is_for(short):
    assert visitor_with(short, a=1).visit(lambda it: it.touch(), fetch_dest="image")


@pytest.mark.parametrize(
    ("step", "issued"), [(-1, 0), (-CLOCK_AHEAD, 0), (0, 0), (1, 1), (100, 100)]
)
@pytest.mark.parametrize(
    "act", [save, lambda it: it.touch(), lambda it: it.regenerate(), lambda it: it.remember()]
)
def test_the_time_of_issue_never_runs_backwards(step, issued, act, manager, clock):
    """L7. Else the older of two cookies would win."""
    visitor, begin = visitor_with(manager, a=1), clock.now
    clock.advance(step)
    assert visitor.visit(act)
    assert visitor.open().session.touched.timestamp() == begin + issued


@pytest.mark.parametrize(("ahead", "status"), [(300, "valid"), (301, "not_yet_valid")])
def test_a_cookie_from_ahead_of_the_clock_is_taken_within_its_leeway(ahead, status, manager, clock):
    """L7."""
    visitor = visitor_with(manager, a=1)
    clock.advance(-ahead)
    assert visitor.status() == status


def test_an_older_cookie_is_still_good_and_the_docs_say_so(manager, clock):
    """L8. A client can always go back to a cookie of its own: a used voucher comes back."""
    visitor = visitor_with(manager, vouchers=1)
    older = dict(visitor.jar)
    clock.advance(1)
    visitor.store(vouchers=0)
    assert Visitor(manager, older).read() == {"vouchers": 1}
    root = Path(__file__).parent.parent
    security, why = ((root / page).read_text() for page in ("SECURITY.md", "docs/why.md"))
    assert "a client may send an older cookie of its own again" in security
    assert "The same holds for an *older* cookie" in why


# Duplicates.


def duplicates(manager, *texts):
    return [f"{manager.cookie_name}={it}".encode() for it in texts]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("joined", [True, False])
def test_of_several_valid_cookies_the_newest_wins_with_an_event(
    order, joined, make_manager, told, clock
):
    """I6."""
    manager = make_manager(on_event=told.append)
    texts = [manager.dumps({"old": True})]
    clock.advance(1)
    texts.append(manager.dumps({"new": True}))
    headers = duplicates(manager, *(texts[index] for index in order))
    headers = [b"; ".join(headers)] if joined else headers
    assert dict(manager.open(Incoming(cookies=headers)).session) == {"new": True}
    assert kinds(told) == ["Duplicate", "Opened"]


def test_of_cookies_of_the_same_second_the_first_wins(make_manager, told):
    """I6. However many they are, that is told once."""
    manager = make_manager(on_event=told.append)
    headers = duplicates(manager, *(manager.dumps({"number": number}) for number in range(3)))
    assert dict(manager.open(Incoming(cookies=headers)).session) == {"number": 0}
    assert kinds(told) == ["Duplicate", "Opened"]


@pytest.mark.parametrize("place", range(4))
def test_a_valid_cookie_wins_over_broken_ones_without_an_event(place, make_manager, told):
    """I6."""
    manager = make_manager(on_event=told.append)
    texts = [f"1{number:0112}.{'A' * 43}" for number in range(3)]
    texts.insert(place, manager.dumps({"a": 1}))
    session = manager.open(Incoming(cookies=duplicates(manager, *texts))).session
    assert session == {"a": 1}
    assert kinds(told) == ["Opened"]


def test_of_several_broken_cookies_the_first_says_why(manager):
    """I6."""
    headers = duplicates(manager, "2" * 200, "1abc")
    assert manager.open(Incoming(cookies=headers)).session.status is Status.UNKNOWN_FORMAT


def test_the_same_cookie_twice_is_no_duplicate(make_manager, told):
    """I6."""
    manager = make_manager(on_event=told.append)
    header = duplicates(manager, manager.dumps({"a": 1})) * 2
    assert manager.open(Incoming(cookies=header)).session == {"a": 1}
    assert kinds(told) == ["Opened"]


def test_a_fifth_cookie_is_not_looked_at(manager):
    """I5."""
    texts = [*(f"1{number:0112}.{'A' * 43}" for number in range(4)), manager.dumps({"a": 1})]
    session = manager.open(Incoming(cookies=duplicates(manager, *texts))).session
    assert session.status is Status.UNKNOWN_KEY


def test_a_save_beats_the_duplicate_that_stays(manager, clock):
    """I6, L7. What was saved is what is read next."""
    other = manager.dumps({"other": True})
    clock.advance(1)
    visitor = Visitor(manager)
    visitor.visit(save, cookies=duplicates(manager, other))
    headers = duplicates(manager, other, visitor.jar[HEAD])
    assert dict(manager.open(Incoming(cookies=headers)).session) == {"other": True, "saved": True}


# Split cookies.


@pytest.fixture
def wide(make_manager):
    return make_manager(max_cookies=20, compress=False)


@pytest.mark.parametrize(("length", "count"), [(4_000, 2), (31_000, 11), (58_500, 20)])
def test_a_long_session_takes_several_cookies(length, count, make_manager, told):
    """I7."""
    visitor = Visitor(make_manager(max_cookies=20, compress=False, on_event=told.append))
    lines = visitor.store(text=text("a", length))
    assert len(lines) == len(visitor.jar) == count
    assert lines[-1].startswith(f"{HEAD}=~{count}.")
    assert kinds(told) == ["Saved", "Split"]
    assert visitor.read() == {"text": text("a", length)}
    assert max(map(len, lines)) <= 4093


def test_growing_and_shrinking_leave_nothing_behind(wide):
    """I7, O4."""
    visitor = Visitor(wide)
    for length, count in [(10, 1), (BIG, 3), (10, 1), (58_500, 20), (BIG, 3), (1, 1)]:
        lines = visitor.store(text=text("a", length))
        assert len(visitor.jar) == count
        assert is_deletion(lines[-1]) or HEAD in visitor.jar
        assert visitor.read() == {"text": text("a", length)}


def test_the_new_parts_come_first_then_the_head_then_the_deletions(wide):
    """I7. A browser that stops between them keeps one whole session."""
    visitor = Visitor(wide)
    visitor.store(text=text("a"))
    lines = visitor.store(text=text("b"))
    order = [
        "delete" if is_deletion(line) else "part" if line[len(HEAD)] == "." else "head"
        for line in lines
    ]
    assert order == ["part"] * 2 + ["head"] + ["delete"] * 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_tabs_that_cross_leave_one_whole_session(order, wide, clock):
    """I7. And what the other tab left goes once it can belong to no response under way."""
    visitor = Visitor(wide)
    visitor.store(text=text("0"))
    first, second = (Visitor(wide, visitor.jar) for _ in range(2))
    answers = [first.store(text=text("1")), second.store(text=text("2"))]
    for index in order:
        visitor.keep(answers[index])
    winner = {"text": text(str(order[1] + 1))}
    assert visitor.read() == winner
    assert len(visitor.jar) == 5, "two parts are stale"
    clock.advance(59)
    assert visitor.visit() == []
    clock.advance(1)
    cleaned = visitor.visit(fetch_dest="image")
    assert len(cleaned) == 2
    assert all(map(is_deletion, cleaned))
    assert len(visitor.jar) == 3
    assert visitor.read() == winner


def test_stale_parts_are_deleted_with_the_next_write(wide):
    """I7."""
    visitor = Visitor(wide)
    visitor.store(text=text("a"))
    visitor.jar[f"{HEAD}.AAAAAAAA.1"] = "stale"
    visitor.store(a=1)
    assert f"{HEAD}.AAAAAAAA.1" not in visitor.jar
    assert visitor.read() == {"text": text("a"), "a": 1}


def test_at_most_twenty_are_deleted_at_a_time_and_only_parts_of_ours(wide, clock):
    """I7, S4."""
    visitor = visitor_with(wide, a=1)
    others = {"own": "1", f"{HEAD}.x": "1", f"{HEAD}.AAAAAAAA.20": "1", f"{HEAD}2.AAAAAAAA.1": "1"}
    stale = {f"{HEAD}.{tag:08}.{part}": "" for tag in range(3) for part in range(1, 10)}
    visitor.jar |= stale | others
    clock.advance(60)
    assert len(visitor.visit()) == 20
    assert len(visitor.visit()) == 7
    assert visitor.visit() == []
    assert visitor.jar.keys() == {HEAD, *others}


def test_parts_of_a_refused_cookie_stay(wide, clock):
    """K5. They are another key's, or a later version's."""
    visitor = Visitor(wide)
    visitor.store(text=text("a"))
    visitor.jar[HEAD] = "1" * 200
    clock.advance(60)
    assert visitor.visit() == []


def test_parts_without_a_head_go_when_something_is_saved_or_destroyed(wide):
    """I7."""
    stale = {f"{HEAD}.AAAAAAAA.1": "", f"{HEAD}.AAAAAAAA.2": ""}
    saved, destroyed = Visitor(wide, stale), Visitor(wide, stale)
    assert saved.status() == "missing"
    saved.visit(save)
    assert saved.jar.keys() == {HEAD}
    destroyed.visit(lambda session: session.destroy())
    assert destroyed.jar == {}


def test_parts_of_two_sessions_never_mix(wide):
    """I7, C8."""
    ann, bob = Visitor(wide), Visitor(wide)
    ann.store(text=text("a"))
    bob.store(text=text("b"))
    mixed = Visitor(wide, {**bob.jar, **ann.jar})
    assert mixed.read() == {"text": text("a")}
    ann_tag, bob_tag = (visitor.jar[HEAD][3:11] for visitor in (ann, bob))
    stolen = {name.replace(bob_tag, ann_tag): value for name, value in bob.jar.items()}
    for part in range(1, 3):
        name = f"{HEAD}.{ann_tag}.{part}"
        assert Visitor(wide, {**ann.jar, name: stolen[name]}).read() == {}


def test_a_duplicated_part_costs_nobody_the_session(wide):
    """I6, I7."""
    visitor = Visitor(wide)
    visitor.store(text=text("a"))
    part = next(name for name in visitor.jar if name.endswith(".1"))
    stray = f"{part}=stray".encode()
    for headers in ([stray, visitor.cookie], [visitor.cookie, stray]):
        session = wide.open(Incoming(cookies=headers)).session
        assert session == {"text": text("a")}


def test_fewer_cookies_than_before_refuse_what_is_longer(make_manager):
    visitor = Visitor(make_manager(max_cookies=3, compress=False))
    visitor.store(text=text("a"))
    narrow = Visitor(make_manager(), visitor.jar)
    assert narrow.status() == "malformed"
    narrow.visit(save)
    assert narrow.jar.keys() == {HEAD}


# What does not fit, and what cannot be saved.

LONG_ATTRIBUTES = CookieAttributes(
    path="/" + "p" * 1023, samesite="strict", partitioned=True, priority="medium"
)


@pytest.mark.parametrize(
    ("cookie", "max_cookies"),
    [*product([CookieAttributes()], [1, 2, 5]), *product([LONG_ATTRIBUTES], [1, 2])],
)
def test_a_session_is_saved_to_the_last_byte_that_fits(cookie, max_cookies, make_manager):
    """O5. One byte more is an error, and base64 grows by at most two characters a byte."""
    manager = make_manager(
        cookie=cookie,
        max_cookies=max_cookies,
        compress=False,
        pad=0,
        idle_timeout=500 * 86_400,
        absolute_timeout=500 * 86_400,
    )
    fits, too_long = 0, 30_000 * max_cookies
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        try:
            manager.dumps({"text": text("a", middle)})
            fits = middle
        except SessionTooLarge:
            too_long = middle
    visitor = Visitor(manager)
    lines = visitor.store(text=text("a", fits))
    assert len(lines) == max_cookies
    assert 4091 <= max(map(len, lines)) <= 4093
    assert all("; Max-Age=34560000;" in line for line in lines)
    assert visitor.read() == {"text": text("a", fits)}
    with pytest.raises(SessionTooLarge) as caught:
        visitor.store(text=text("a", too_long))
    assert caught.value.limit < caught.value.size <= caught.value.limit + 2


def test_too_large_names_the_biggest_keys(make_manager):
    """O5."""
    manager = make_manager(compress=False)
    data = {"tiny": 1, "photo": b"x" * 3000, "letter": "y" * 900, "small": "z" * 100}
    with pytest.raises(SessionTooLarge, match=r"photo \(3003 bytes\), letter") as caught:
        Visitor(manager).store(**data)
    error = caught.value
    assert error.largest == [("photo", 3003), ("letter", 903), ("small", 102)]
    assert error.path == "photo"
    assert error.size > error.limit > 3900
    assert "raise max_cookies" in str(error)


TOO_LARGE = {"photo": bytes(range(256)) * 30}
UNSAVABLE = {"lock": object()}


@pytest.mark.parametrize("data", [TOO_LARGE, UNSAVABLE], ids=["too large", "unsavable"])
def test_what_cannot_be_saved_is_an_error_once_and_the_error_page_leaves(data, make_manager):
    """G2. Nothing partial: the browser keeps what it had."""
    visitor = visitor_with(make_manager(compress=False), a=1)
    before = dict(visitor.jar)
    with visitor.open() as exchange:
        exchange.session.update(data)
        with pytest.raises(UnsavableSession) as caught:
            exchange.headers(200)
        assert caught.value.path in data
        assert exchange.headers(500) == ({"Vary": "Cookie"}, [])
        assert exchange.headers(400, cache_control="public") == ({"Vary": "Cookie"}, [])
    assert visitor.jar == before
    assert visitor.read() == {"a": 1}


@pytest.mark.parametrize("data", [TOO_LARGE, UNSAVABLE], ids=["too large", "unsavable"])
def test_an_error_page_of_what_cannot_be_saved_shows_neither_data_nor_cookie(data, make_manager):
    """K3. Error pages print the locals of every frame."""
    with Visitor(make_manager(compress=False)).open() as exchange:
        exchange.session.update(data, secret="swordfish")
        with pytest.raises(UnsavableSession) as caught:
            exchange.headers(200)
    (_, headers) = caught.traceback
    assert headers.name == "headers"
    shown = TracebackException.from_exception(caught.value, capture_locals=True).stack[1].locals
    assert "session" in shown
    assert "swordfish" not in str(shown)
    assert not [value for value in shown.values() if len(value) > 200], "no cookie"


@pytest.mark.parametrize("data", [TOO_LARGE, UNSAVABLE], ids=["too large", "unsavable"])
def test_an_error_page_over_what_cannot_be_saved_is_not_hindered(data, make_manager, told):
    """G2. The answer is an error already."""
    visitor = visitor_with(make_manager(compress=False, on_event=told.append), a=1)
    assert visitor.visit(lambda session: session.update(data), status=500) == []
    assert kinds(told) == ["Opened", "NotSaved"]


@pytest.mark.parametrize("data", [TOO_LARGE, UNSAVABLE], ids=["too large", "unsavable"])
def test_a_change_in_the_handler_of_an_unsavable_session_is_not_lost_silently(data, make_manager):
    """D1. No cookie will leave any more, so a change is an error."""
    exchange = Visitor(make_manager(compress=False)).open()
    exchange.session.update(data)
    with pytest.raises(UnsavableSession):
        exchange.headers(200)
    with pytest.raises(SessionClosedError):
        exchange.session.update(photo=None, lock=None, flash="sorry")


# Called again.


def test_a_response_that_replaces_another_carries_the_same_cookies(manager):
    visitor = Visitor(manager)
    with visitor.open() as exchange:
        save(exchange.session)
        first = exchange.headers(200)
        assert exchange.headers(404).add == first.add
    visitor.keep(lines_of(first))
    assert visitor.read() == {"saved": True}


def test_an_error_page_that_replaces_a_saved_response_says_that_nothing_was_saved(
    make_manager, told
):
    """What the application did is never lost without an error or an event."""
    with make_manager(on_event=told.append).open(Incoming()) as exchange:
        save(exchange.session)
        assert exchange.headers(200).add
        assert not exchange.headers(500).add
    assert kinds(told) == ["Saved", "NotSaved"]


def test_an_error_page_that_replaces_a_touch_has_lost_nothing(make_manager, told):
    with visitor_with(make_manager(on_event=told.append), a=1).open() as exchange:
        exchange.session.touch()
        assert exchange.headers(200).add
        assert not exchange.headers(500).add
    assert kinds(told) == ["Opened", "Touched"]


def test_a_response_that_replaces_an_error_page_brings_nothing_back(make_manager, told):
    with make_manager(on_event=told.append).open(Incoming()) as exchange:
        save(exchange.session)
        assert not exchange.headers(500).add
        assert not exchange.headers(200).add
    assert kinds(told) == ["NotSaved"]


def test_an_error_page_that_looks_first_varies_and_is_no_conflict(make_manager, told):
    """H1. The response that nobody looked in never left."""
    with make_manager(on_event=told.append).open(Incoming()) as exchange:
        assert exchange.headers(200) == ({}, [])
        look(exchange.session)
        assert exchange.headers(404).set == {"Vary": "Cookie"}
    assert told == []


# Caches.

LOOKS = {
    "in": lambda it: "a" in it,
    "len": len,
    "bool": bool,
    "iter": list,
    "==": lambda it: it == {},
    "get": lambda it: it.get("a"),
    "status": lambda it: it.status,
    "new": lambda it: it.new,
    "id": lambda it: it.id,
    "created": lambda it: it.created,
    "expires": lambda it: it.expires,
    "size": lambda it: it.size,
    "modified": lambda it: it.modified,
    "accessed": lambda it: setattr(it, "accessed", True),
}


@pytest.mark.parametrize("cookie", ["", "1" * 200, "valid"], ids=["none", "refused", "valid"])
@pytest.mark.parametrize("act", LOOKS.values(), ids=LOOKS)
def test_any_look_varies_on_the_cookie(act, cookie, manager):
    """H1, H2. A failed load included."""
    text = manager.dumps({"a": 1}) if cookie == "valid" else cookie
    visitor = Visitor(manager, {HEAD: text} if text else {})
    assert edits_of(visitor, act) == ({"Vary": "Cookie"}, [])


@pytest.mark.parametrize(
    ("vary", "edited"),
    [
        ("", "Cookie"),
        ("Accept", "Accept, Cookie"),
        ("Accept, Origin", "Accept, Origin, Cookie"),
        ("Cookie", None),
        ("cookie", None),
        ("Accept,COOKIE ,Origin", None),
        ("*", None),
        ("Accept, *", None),
        ("X-Cookie", "X-Cookie, Cookie"),
        ("Cookie2", "Cookie2, Cookie"),
    ],
)
def test_vary_is_merged(vary, edited, manager):
    """H1."""
    edits = edits_of(Visitor(manager), look, vary=vary)
    assert edits.set == ({} if edited is None else {"Vary": edited})


PRIVATE = [
    "private",
    "no-cache",
    "no-store",
    "PRIVATE",
    "max-age=60, private",
    "private,max-age=60",
    'private, no-cache="Set-Cookie"',
]
NOT_PRIVATE = [
    "public",
    "max-age=60",
    "public, private",
    "private, PUBLIC",
    'private="x"',
    'private="set-cookie, x"',
    'no-cache="set-cookie"',
    "s-maxage=60, must-revalidate",
    "xprivate",
    "private-ish",
]


@pytest.mark.parametrize("cache_control", ["", *NOT_PRIVATE, *PRIVATE])
def test_what_sets_the_cookie_is_not_stored(cache_control, make_manager, told):
    """H3. `private` with field names hides those fields alone (RFC 9111, 5.2.2.7)."""
    visitor = Visitor(make_manager(on_event=told.append))
    edits = edits_of(visitor, save, cache_control=cache_control)
    if cache_control in PRIVATE:
        assert "Cache-Control" not in edits.set
    else:
        assert edits.set["Cache-Control"] == "no-store"
    assert ("CacheConflict" in kinds(told)) == (cache_control in NOT_PRIVATE)


@pytest.mark.parametrize("cache_control", ['private="a, no-store, b"', 'no-cache="a, private, b"'])
def test_a_word_in_the_list_of_fields_is_no_directive(cache_control, manager):
    """H3."""
    edits = edits_of(Visitor(manager), save, cache_control=cache_control)
    assert edits.set["Cache-Control"] == "no-store"


@pytest.mark.parametrize("act", [lambda it: it.destroy(), lambda it: it.touch()])
def test_a_deletion_and_a_touch_are_not_stored_either(act, manager):
    """H3."""
    edits = edits_of(visitor_with(manager, a=1), act, cache_control="public")
    assert edits.set == {"Vary": "Cookie", "Cache-Control": "no-store"}


def test_a_look_alone_leaves_the_caching_to_the_application(make_manager, told):
    """H3."""
    visitor = visitor_with(make_manager(on_event=told.append), a=1)
    edits = edits_of(visitor, look, cache_control="public, max-age=60")
    assert edits.set == {"Vary": "Cookie"}
    assert kinds(told) == ["Opened"]


def test_a_look_after_the_headers_is_told(make_manager, told):
    """H1. They left without Vary: Cookie."""
    with visitor_with(make_manager(on_event=told.append), a=1).open() as exchange:
        assert exchange.headers() == ({}, [])
        assert exchange.session["a"] == 1
    assert kinds(told) == ["Opened", "CacheConflict"]


# One visitor never gets another's.


def test_a_thousand_users_in_threads_never_cross(make_manager):
    """H4."""
    manager, together = make_manager(max_cookies=3, compress=False), Barrier(50, timeout=60)

    def use(user):
        visitor = Visitor(manager)
        for visit in range(3):
            with visitor.open() as exchange:
                assert exchange.session.get("visit", -1) == visit - 1
                exchange.session.update(user=user, visit=visit, text=f"{user}," * 900)
                together.wait()
                visitor.keep(lines_of(exchange.headers()))
            assert visitor.read() == {"user": user, "visit": visit, "text": f"{user}," * 900}
        return visitor.open().session.id

    with ThreadPoolExecutor(50) as pool:
        assert len(set(pool.map(use, range(1000)))) == 1000


# The end of the exchange.


def test_a_change_without_any_response_is_an_error(manager):
    """D1."""
    exchange = manager.open(Incoming())
    save(exchange.session)
    with pytest.raises(SessionClosedError, match=r"\(keys: saved\)"):
        exchange.close()


def test_a_change_that_has_no_name_is_an_error_too(manager):
    """D1."""
    exchange = visitor_with(manager, a=1).open()
    exchange.session.touch()
    with pytest.raises(SessionClosedError, match=r"so the change is lost\. Change it"):
        exchange.close()


def test_an_error_of_the_application_is_not_hidden_by_ours(manager):
    """D1."""

    def request():
        with manager.open(Incoming()) as exchange:
            exchange.session["cart"] = []
            exchange.headers()
            exchange.session["cart"].append("late")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        request()


def test_the_end_may_come_twice(manager):
    with manager.open(Incoming()) as exchange:
        save(exchange.session)
        exchange.headers()
        exchange.close()


# Development.

LOOPBACK = [
    "localhost",
    "localhost:8000",
    "LocalHost",
    "localhost.",
    "app.localhost",
    "a.b.localhost:80",
    "127.0.0.1",
    "127.0.0.1:5000",
    "127.1.2.3",
    "[::1]",
    "[::1]:8000",
]
ELSEWHERE = [
    "",
    "example.com",
    "localhost.example.com",
    "127.0.0.1.example.com",
    "notlocalhost",
    "localhost:80@example.com",
    "localhost,example.com",
    "example.com\nlocalhost",
    "128.0.0.1",
    "0.0.0.0",
    "192.168.0.1",
    "[::2]",
    "::1",
    "127.0.0",
    "localhost:http",
]


@pytest.mark.parametrize("host", LOOPBACK)
def test_in_development_a_loopback_name_gets_a_session_over_http(host, make_manager, told):
    manager = make_manager(development=True, on_event=told.append)
    visitor = Visitor(manager)
    (line,) = visitor.visit(save, host=host, scheme="http")
    assert line.startswith("session=1")
    assert "Secure" not in line
    assert dict(visitor.open(host=host).session) == {"saved": True}
    assert kinds(told) == ["Saved", "Opened"]


@pytest.mark.parametrize("host", ELSEWHERE)
@pytest.mark.parametrize(
    "act", [save, lambda it: it.destroy(), lambda it: it.update(lock=object())]
)
def test_in_development_any_other_host_gets_none(act, host, make_manager, told):
    manager = make_manager(development=True, on_event=told.append)
    visitor = visitor_with(manager, a=1)
    with visitor.open(host=host) as exchange:
        assert exchange.session.status is Status.HOST_REFUSED
        assert exchange.session == {}
        act(exchange.session)
        assert exchange.headers(200) == ({"Vary": "Cookie"}, [])
    assert kinds(told) == ["Refused", "NotSaved"]
    assert told[0].reason is Status.HOST_REFUSED


def test_a_host_that_is_long_is_judged_all_the_same():
    """I5."""
    assert not is_loopback("localhost." * 10_000 + "x")
    assert is_loopback("a." * 10_000 + "localhost")


def test_only_set_cookie_vary_and_cache_control_are_ever_edited(manager):
    """O4. The application's own cookies are appended to, never replaced."""
    edits = edits_of(Visitor(manager), save)
    assert edits.set.keys() == {"Vary", "Cache-Control"}
    assert list(pairs_of(lines_of(edits))) == [HEAD]
