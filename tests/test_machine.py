"""A browser with several tabs, two servers whose clocks differ, and a key ring that rotates.

Somebody keeps copies of the cookies, whom no Max-Age binds: shows them again, old or new, alone or
two together, and changes characters in them.

Hypothesis plays them against a model of what the user should see, and says the shortest play in
which they differ. The model knows no cookie text: only what the head of the jar stands for
(`Held`), and the rules of `docs/lifetimes.md` and `docs/rotation.md`.
"""

import string
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from cookiesession import (
    Exchange,
    Incoming,
    Key,
    Keyring,
    Session,
    SessionManager,
    UnsavableSession,
)
from tests.clients import is_deletion, lines_of, pairs_of
from tests.conftest import NOW
from tests.jar import BrowserJar

IDLE, ABSOLUTE, REMEMBER, TOUCH_AFTER = 600, 1_200, 5_000, 60
LEEWAY = 60
APART = 300  # by which clocks differ at most
KEYS = [Key.generate() for _ in range(6)]
NAME = "__Host-session"
FITS, TOO_MUCH = 8_000, 20_000  # characters: three cookies hold about 9 000
TOUCHING = ("", "document", "empty")
TAMPERED = {"malformed", "unknown_format", "unknown_key", "bad_signature", "incomplete"}
BASE64URL = string.ascii_letters + string.digits + "-_"

MANAGER = SessionManager(
    KEYS[0],
    idle_timeout=IDLE,
    absolute_timeout=ABSOLUTE,
    remember_timeout=REMEMBER,
    touch_after=TOUCH_AFTER,
    max_cookies=3,
    compress=False,
    on_event=lambda event: None,
)


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)


@dataclass(frozen=True)
class Held:
    """What a cookie stands for."""

    data: dict[str, Any]
    sid: str
    issued: int
    created: int
    key: Key
    remembered: int = 0
    forgotten: bool = False
    deadline: float | None = None  # when the browser drops it
    torn: bool = False  # a part was lost

    @property
    def end(self) -> int:
        if self.remembered:
            return self.created + min(self.remembered, REMEMBER)
        return min(self.issued + IDLE, self.created + ABSOLUTE)


@dataclass(frozen=True)
class Copy:
    """The cookies of a session at some moment, and what they stand for."""

    cookies: dict[str, str]
    sent: Held

    def header(self, **changed: str) -> str:
        return "; ".join(f"{name}={value}" for name, value in {**self.cookies, **changed}.items())


@dataclass
class Server:
    """A server: its clock, as far as it is off, and its ring as the deployment has left it."""

    skew: int
    accepted: list[Key] = field(default_factory=lambda: KEYS[:1])
    primary: Key = KEYS[0]
    retired: list[Key] = field(default_factory=list)

    def ring(self) -> Keyring:
        return Keyring(self.accepted, primary=self.primary, retired=self.retired)


@dataclass
class Request:
    """A request, as the server sees it."""

    server: Server
    now: int  # by the server's clock
    dest: str
    sent: Held | None
    refusal: str


@dataclass
class Response:
    """A response under way: its lines, and what the model says they do to the head."""

    lines: list[str]
    effect: Held | str  # what is now held, or "deleted", or "kept"
    max_age: int | None = None


class Act:
    """What the application does: to the session, and by the model to what it stands for."""

    def __init__(self, name: str, do: Callable[[Session], Any], **expected: Any) -> None:
        self.name = name
        self.do = do
        self.regenerates = expected.get("regenerates", False)
        self.destroys = expected.get("destroys", False)
        self.touches = expected.get("touches", False)
        self.unsavable = expected.get("unsavable", False)
        self.lifetime: dict[str, Any] = expected.get("lifetime", {})
        self.data: Callable[[dict[str, Any]], dict[str, Any]] = expected.get("data", dict)

    def __repr__(self) -> str:
        return f"<{self.name}>"


def saving(name: str, value: Any, **more: Any) -> Act:
    return Act(
        f"save {name}={str(value)[:8]}",
        lambda session: session.update({name: value}),
        data=lambda data: {**data, name: value},
        **more,
    )


def append(session: Session) -> None:
    if "cart" in session:
        session["cart"].append("tea")
    else:
        session["cart"] = ["tea"]


def log_out_with_a_message(session: Session) -> None:
    session.destroy()
    session["message"] = "bye"


def remembering(seconds: int | None) -> Act:
    lasting = min(seconds or REMEMBER, REMEMBER)
    return Act(
        f"remember for {seconds}",
        lambda session: session.remember(seconds),
        lifetime={"remembered": lasting, "forgotten": False},
    )


acts = st.sampled_from(
    [
        Act("look", lambda session: session.mark_accessed()),
        Act("append", append, data=lambda data: {**data, "cart": [*data.get("cart", []), "tea"]}),
        Act("touch", lambda session: session.touch(), touches=True),
        Act("regenerate", lambda session: session.regenerate(), regenerates=True),
        Act(
            "log in",
            lambda session: session.regenerate(keep=["user"]),
            regenerates=True,
            data=lambda data: {name: data[name] for name in data if name == "user"},
        ),
        Act(
            "log out",
            lambda session: session.destroy(),
            regenerates=True,
            destroys=True,
            data=lambda _: {},
        ),
        Act(
            "log out with a message",
            log_out_with_a_message,
            regenerates=True,
            destroys=True,
            data=lambda _: {"message": "bye"},
        ),
        Act("clear", lambda session: session.clear(), data=lambda _: {}),
        Act(
            "forget on close",
            lambda session: session.forget_on_close(),
            lifetime={"remembered": 0, "forgotten": True},
        ),
        saving("text", "x" * TOO_MUCH, unsavable=True),
        saving("thing", object(), unsavable=True),
        *map(remembering, [None, 700, 3_000, 9_000]),
        *(saving("user", user) for user in range(4)),
        *(saving("text", "x" * length) for length in (2_500, 3_200, 5_000, 6_500, FITS)),
    ]
)
visits = st.tuples(
    st.integers(0, 1),
    acts,
    st.sampled_from([200, 200, 200, 200, 404, 500]),
    st.sampled_from(["document", "empty", "image", ""]),
)
skews = st.sampled_from([0, APART]) | st.integers(0, APART)
durations = st.sampled_from([1, 59, 60, 61, 240, 300, 540, 600, 660, 661, 1_400, 3_000])


# Conditions of rules. Functions, as old versions of hypothesis parse a lambda at each question.


def under_way(play):
    return bool(play.under_way)


def is_alive(play):
    return bool(play.held and play.held.end > play.now)


def drops_something(play):
    return bool(play.drops)


def is_split(play):
    return bool(play.parts_of_the_head())


def has_copies(play):
    return bool(play.copies)


def all_write_with_the_newest(play):
    return play.all_write_with_the_newest()


class Play(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.jar = BrowserJar()
        self.held: Held | None = None
        self.copies: list[Copy] = []
        self.under_way: list[Response] = []
        self.sids: set[str] = set()
        self.newest_key = 0

    @initialize(slowest=st.integers(-APART, 0), skews=st.tuples(skews, skews), drops=st.booleans())
    def start(self, slowest: int, skews: tuple[int, int], drops: bool) -> None:
        """L1, L7. Clocks up to five minutes apart, and a client that may ignore Max-Age."""
        self.slowest = slowest
        self.servers = [Server(slowest + skew) for skew in skews]
        self.drops = drops

    # The application.

    @rule(visits=st.lists(visits, min_size=1, max_size=8))
    def somebody_browses(self, visits: list[tuple[Any, ...]]) -> None:
        """One page after another: each response arrives before the next request."""
        for visit in visits:
            self.request(*visit)
            self.arrive(-1)

    @rule(visit=visits)
    def a_tab_asks(self, visit: tuple[Any, ...]) -> None:
        """And its response is under way."""
        self.request(*visit)

    def request(self, which: int, act: Act, status: int, dest: str) -> None:
        """One request: the session is what the model says, and so is what leaves."""
        server, sent = self.servers[which], self.held_now()
        now = self.now + server.skew
        request = Request(server, now, dest, sent, self.refusal(sent, server, now))
        header = self.jar.header(self.now)
        parts = {*self.jar.cookies} - {NAME}
        with self.opened(server, header, dest) as exchange:
            session = exchange.session
            self.check(session, sent, request.refusal)
            act.do(session)
            expected = self.expected(request, act, session, status)
            unsavable = act.unsavable and status < 500
            try:
                edits = exchange.headers(status)
            except UnsavableSession:
                assert unsavable
                edits = exchange.headers(500)
            else:
                assert not unsavable
        self.check_lines(lines_of(edits), expected)
        if expected.effect != "kept" and len(parts) <= 20:
            deleted = {name for name, value in pairs_of(lines_of(edits)).items() if not value}
            assert deleted - {NAME} == parts, "what leaves takes all parts along (O7, S4)"
        self.under_way.append(replace(expected, lines=lines_of(edits)))

    def opened(self, server: Server, cookie: str, dest: str = "") -> Exchange:
        now = self.now + server.skew + 0.5
        manager = MANAGER.replace(keys=server.ring(), clock=lambda: now)
        return manager.open(Incoming(cookies=[cookie.encode()], fetch_dest=dest))

    @rule(which=st.integers(0, 1))
    def request_that_ignores_the_session(self, which: int) -> None:
        manager = SessionManager(self.servers[which].ring())
        with manager.open(Incoming(cookies=[self.jar.header(self.now).encode()])) as exchange:
            assert exchange.headers(200) == ({}, [])

    def refusal(self, sent: Held | None, server: Server, now: int) -> str:
        if sent is None:
            return "missing"
        if sent.torn:
            return "incomplete"
        if sent.key not in server.accepted:
            assert sent.key in server.retired, "a staged rotation refuses retired keys alone"
            return "unknown_key"
        if now > sent.end + LEEWAY:
            is_idle = not sent.remembered and sent.end == sent.issued + IDLE
            return "idle_expired" if is_idle and sent.end < sent.created + ABSOLUTE else "expired"
        return ""

    @staticmethod
    def check(session: Session, sent: Held | None, refusal: str) -> None:
        assert session.status == (refusal or "valid")
        assert session.new is bool(refusal)
        if refusal:
            assert dict(session) == {}
            return
        assert sent is not None
        assert dict(session) == sent.data
        assert session.id == sent.sid
        assert session.created == moment(sent.created)
        assert session.touched == moment(sent.issued)
        assert session.expires == moment(sent.end)

    def expected(self, request: Request, act: Act, session: Session, status: int) -> Response:
        """Return what the response does to the browser's session."""
        server, now, sent = request.server, request.now, request.sent
        before = sent if sent and not request.refusal else None
        base = before or Held({}, "", now, now, server.primary)
        after = replace(base, data=act.data(base.data), **act.lifetime)
        anew = act.regenerates or (
            act.lifetime.get("remembered") and base.created + after.remembered <= now
        )
        if act.regenerates:
            after = replace(after, remembered=0, forgotten=False)
        if anew:
            after = replace(after, created=now)
        if act.unsavable or status >= 500:
            return Response([], "kept")
        changed = anew or after != base
        if not after.data:
            is_deleted = sent if act.destroys else before and changed
            return Response([], "deleted" if is_deleted else "kept")
        is_due = before and (
            now - before.issued >= TOUCH_AFTER
            or KEYS.index(before.key) < KEYS.index(server.primary)  # an older key, not a newer
        )
        if not (changed or act.touches or (is_due and request.dest in TOUCHING)):
            return Response([], "kept")
        if anew or not before:
            assert session.id not in self.sids, "a new id (L5)"
            self.sids.add(session.id)
        else:
            assert session.id == before.sid
        after = replace(
            after, sid=session.id, issued=max(now, base.issued), key=server.primary, deadline=None
        )
        left = after.end - now
        age = left if left > 0 else left + LEEWAY
        return Response([], after, None if after.forgotten else age)

    def check_lines(self, lines: list[str], expected: Response) -> None:
        pairs = pairs_of(lines)
        head = [line for line in lines if line.startswith(f"{NAME}=")]
        if expected.effect == "kept":
            assert not head, "a refused or an unchanged session stays as it is (K5, L3)"
            assert all(map(is_deletion, lines))
        elif expected.effect == "deleted":
            assert all(map(is_deletion, lines))
            assert head
        else:
            assert pairs[NAME]
            age = "" if expected.max_age is None else f"; Max-Age={expected.max_age};"
            assert age in head[0]
            assert bool(age) == ("Max-Age" in head[0])

    # The browser.

    def held_now(self) -> Held | None:
        """What the browser would send now."""
        held = self.held
        if held and held.deadline is not None and held.deadline <= self.now:
            self.held = None
        return self.held

    @precondition(under_way)
    @rule(data=st.data())
    def a_response_arrives(self, data: st.DataObject) -> None:
        """In whatever order."""
        self.arrive(data.draw(st.integers(0, len(self.under_way) - 1)))

    def arrive(self, index: int) -> None:
        response = self.under_way.pop(index)
        for line in response.lines:
            self.jar.store(line, self.now)
        if not self.drops:
            for cookie in self.jar.cookies.values():
                cookie.expiry = None
        if response.effect == "deleted":
            self.held = None
        elif isinstance(response.effect, Held):
            age = response.max_age
            deadline = self.now + age if self.drops and age is not None else None
            self.held = replace(response.effect, deadline=deadline) if age != 0 else None
            self.keep_a_copy()

    @rule(seconds=durations)
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @precondition(is_alive)
    @rule(which=st.integers(0, 1), beyond=st.sampled_from([0, LEEWAY, LEEWAY + 1]))
    def time_passes_to_the_end(self, which: int, beyond: int) -> None:
        """L1. Of the session, by one of the servers; the browser may have dropped it by then."""
        assert self.held
        self.now = max(self.now, self.held.end + beyond - self.servers[which].skew)

    @rule(which=st.integers(0, 1), skew=skews)
    def a_clock_is_set(self, which: int, skew: int) -> None:
        """L7. Forward or back."""
        self.servers[which].skew = self.slowest + skew

    @precondition(drops_something)
    @rule()
    def the_browser_closes(self) -> None:
        self.under_way.clear()
        self.jar.close()
        if self.held and self.held.forgotten:
            self.held = None

    @precondition(is_split)
    @rule()
    def a_part_is_lost(self) -> None:
        """I7."""
        del self.jar.cookies[self.parts_of_the_head()[0]]
        if self.held:
            self.held = replace(self.held, torn=True)

    def parts_of_the_head(self) -> list[str]:
        self.jar.header(self.now)
        head = self.jar.cookies.get(NAME)
        if head is None or not head.value.startswith("~"):
            return []
        tag = head.value.split(".")[1]
        return [name for name in self.jar.cookies if name.startswith(f"{NAME}.{tag}.")]

    @rule(dest=st.sampled_from(["document", "image"]))
    def everything_settles(self, dest: str) -> None:
        """S4. Once all is quiet, a request a minute leaves no part but those of the session."""
        while self.under_way:
            self.arrive(0)
        self.now += APART
        act = Act("look", lambda session: session.mark_accessed())
        for _ in range(1 + len(self.jar.cookies) // 18):  # 20 deletions, two of them of its own
            self.now += 60  # a head is cleaned up after when it is a minute old on any clock
            self.request(0, act, 200, dest)
            self.arrive(-1)
        held, server = self.held_now(), self.servers[0]
        if held and not self.refusal(held, server, self.now + server.skew):
            assert {*self.jar.cookies} == {NAME, *self.parts_of_the_head()}

    # Somebody with copies of the latest sessions.

    def keep_a_copy(self) -> None:
        if self.held:
            names = [NAME, *self.parts_of_the_head()]
            cookies = {name: self.jar.cookies[name].value for name in names}
            self.copies = [*self.copies[-4:], Copy(cookies, self.held)]

    @precondition(has_copies)
    @rule(which=st.integers(0, 1), data=st.data())
    def copies_are_shown(self, which: int, data: st.DataObject) -> None:
        """L1, L3. The newest that is good counts; neither Max-Age nor a logout ended it."""
        shown = data.draw(st.lists(st.sampled_from(self.copies), min_size=1, max_size=2))
        server = self.servers[which]
        now = self.now + server.skew
        refusals = [self.refusal(copy.sent, server, now) for copy in shown]
        good = [copy.sent for copy, refusal in zip(shown, refusals, strict=True) if not refusal]
        sent = max(good, key=lambda held: held.issued) if good else shown[0].sent
        with self.opened(server, "; ".join(copy.header() for copy in shown)) as exchange:
            self.check(exchange.session, sent, "" if good else refusals[0])

    @precondition(has_copies)
    @rule(which=st.integers(0, 1), data=st.data())
    def a_copy_is_tampered_with(self, which: int, data: st.DataObject) -> None:
        """C1. Nothing is taken from it, whatever else is wrong with it."""
        copy = data.draw(st.sampled_from(self.copies))
        name = data.draw(st.sampled_from([*copy.cookies]))
        value = copy.cookies[name]
        place = data.draw(st.integers(0, len(value) - 1))
        character = BASE64URL[BASE64URL.find(value[place]) - data.draw(st.integers(1, 63))]
        value = f"{value[:place]}{character}{value[place + 1 :]}"
        with self.opened(self.servers[which], copy.header(**{name: value})) as exchange:
            assert exchange.session.status in TAMPERED
            assert dict(exchange.session) == {}
            self.check_lines(lines_of(exchange.headers()), Response([], "kept"))

    # The deployment: every server reads a key before any writes with it.

    @rule(which=st.integers(0, 1))
    def a_server_is_deployed(self, which: int) -> None:
        """K2. One step further with the newest key: it is accepted, then it writes."""
        if self.all_write_with_the_newest() and self.newest_key + 1 < len(KEYS):
            self.newest_key += 1
        newest, server = KEYS[self.newest_key], self.servers[which]
        if newest not in server.accepted:
            server.accepted = [newest, *server.accepted]
        elif all(newest in other.accepted for other in self.servers):
            server.primary = newest

    @rule(steps=st.integers(3, 4))
    def the_servers_are_deployed(self, steps: int) -> None:
        """K2. A whole rotation while nobody looks, or all of it but that the last one writes."""
        for which in (0, 1, 0, 1)[:steps]:
            self.a_server_is_deployed(which)

    def all_write_with_the_newest(self) -> bool:
        return all(server.primary == KEYS[self.newest_key] for server in self.servers)

    @precondition(all_write_with_the_newest)
    @rule(which=st.integers(0, 1))
    def old_keys_are_retired(self, which: int) -> None:
        server = self.servers[which]
        server.retired = KEYS[: self.newest_key]
        server.accepted = [server.primary]

    # What is always true.

    @invariant()
    def the_browser_holds_what_the_model_holds(self) -> None:
        """I7. The head stands for the session, and its parts are all there."""
        held = self.held_now()
        names = self.jar.header(self.now).split("; ")
        assert any(pair.startswith(f"{NAME}=") for pair in names) == (held is not None)
        if held and not held.torn and self.jar.cookies[NAME].value.startswith("~"):
            count = int(self.jar.cookies[NAME].value[1:].split(".")[0])
            assert len(self.parts_of_the_head()) == count - 1


class TestPlay(Play.TestCase):
    """C1, G2, I7, K2, K5, L1, L3, L5, L6, L7, O7. All see what the model says, whatever happens."""

    settings = settings(stateful_step_count=80)
