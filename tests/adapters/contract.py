"""What every adapter promises: one suite, written once, that speaks HTTP and nothing else.

A test of an adapter inherits `AdapterContract` and gives it one thing: `serve`, which runs an
application on a real server and yields its address. The application has these routes, each written
in its framework's own words; `session` is the framework's own session:

    POST /do          apply(session, <the body as JSON>) -> JSON            looks at the session
    GET  /read        dict(session) as JSON                                 looks at the session
    GET  /untouched   "hello"                                               does not look
    GET  /headers     session["a"] = 1, and the response's own `Vary: Accept`,
                      `Cache-Control: public, max-age=60` and `Set-Cookie: own=1; Path=/`
    GET  /redirect    session["a"] = 1, then 303 to /read
    GET  /stream      session["a"] = 1, then a streamed body: "one", "two", "three"
    GET  /late        as /stream, but session["late"] = 1 between "two" and "three"
    GET  /status-500  session["a"] = 1, then an answer of 500 that the application made
    GET  /raise       session["a"] = 1, then an exception that the framework turns into a 500
    GET  /big         session["big"] = 20 000 random characters, so that the session cannot be saved

The same application answers under `/mounted` where the framework can mount one. What a framework
cannot do stands in `LIMITS`, with its reason; the test then asserts that it still cannot.
"""

import http.client
import json
import secrets
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, ClassVar, NamedTuple
from urllib.parse import urlsplit

import pytest

from cookiesession import Key, Keyring, SessionManager, testing
from cookiesession.testing import Clock
from tests.conftest import NOW

NEW, OLD, GONE = Key.generate(), Key.generate(), Key.generate()
IDLE, ABSOLUTE, TOUCH = 1_000, 5_000, 100  # seconds
LEEWAY = 60

LIMITS: dict[tuple[str, str], str] = {
    ("TestAiohttpSession", "test_a_streamed_response_carries_the_cookie"): (
        "aiohttp_session saves nothing for streams; with cookiesession.aiohttp.setup beside it does"
    ),
    ("TestAiohttpSession", "test_a_late_change_is_an_error_and_not_lost_silently"): (
        "aiohttp_session saves nothing for streams; the loss is logged"
    ),
    ("TestDjangoEngine", "test_the_cookie_has_the_attributes_of_the_manager"): (
        "Django's own middleware writes the cookie in its own spelling"
    ),
    ("TestDjangoEngine", "test_destroying_deletes_the_cookie"): (
        "Django's own middleware deletes the cookie in its own spelling"
    ),
    ("TestDjangoEngine", "test_a_write_adds_the_cookie_vary_and_no_store"): (
        "Django's own middleware sets no Cache-Control"
    ),
    ("TestDjangoEngine", "test_the_applications_own_headers_and_cookies_stay"): (
        "Django's own middleware leaves Cache-Control: public alone"
    ),
    ("TestDjangoEngine", "test_a_session_in_use_is_touched"): (
        "an engine does not see Sec-Fetch-Dest, so images touch too"
    ),
    ("TestDjangoEngine", "test_a_session_may_take_several_cookies"): (
        "Django's own middleware writes one cookie"
    ),
    ("TestDjangoEngine", "test_a_late_change_is_an_error_and_not_lost_silently"): (
        "an engine does not see the response start"
    ),
    ("TestDjangoEngine", "test_of_two_cookies_of_one_name_the_valid_one_is_used"): (
        "request.COOKIES keeps the last of a name"
    ),
    ("TestDjangoEngine", "test_a_bad_cookie_is_an_empty_session"): (
        "Django's own middleware deletes an empty cookie, and takes off quotes"
    ),
}
"""(name of the contract's class, name of the test) -> why the framework cannot keep the promise."""


def make_manager(clock: Clock) -> SessionManager:
    """Return the manager that every application of the contract uses."""
    return SessionManager(
        Keyring([NEW, OLD], retired=[GONE]),
        idle_timeout=IDLE,
        absolute_timeout=ABSOLUTE,
        touch_after=TOUCH,
        max_cookies=3,
        clock=clock,
    )


# What the applications share.


def apply(session: Any, operations: list[list[Any]]) -> dict[str, Any]:
    """Do to a session what a request asks for, and say what came of it."""
    results = [_OPERATIONS[name](session, *arguments) for name, *arguments in operations]
    return {"results": results, "session": dict(session.items())}


def random_text(length: int) -> str:
    """Return text that no compression makes smaller."""
    return secrets.token_urlsafe(length)[:length]


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "set": lambda session, name, value: session.__setitem__(name, value),
    "get": lambda session, name: session.get(name),
    "del": lambda session, name: session.__delitem__(name),
    "contains": lambda session, name: name in session,
    "append": lambda session, name, value: session[name].append(value),
    "random": lambda session, name, length: session.__setitem__(name, random_text(length)),
    "regenerate": lambda session: session.regenerate(),
    "remember": lambda session, seconds: session.remember(seconds),
    "forget": lambda session: session.forget_on_close(),
    "destroy": lambda session: session.destroy(),
}


# A client that sees what a browser sees.


class Response(NamedTuple):
    """An answer as it came over the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def cookies(self) -> list[str]:
        """The Set-Cookie lines that are not the application's own."""
        lines = [value for name, value in self.headers if name.lower() == "set-cookie"]
        return [line for line in lines if not line.startswith("own=")]

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    def members(self, name: str) -> list[str]:
        """The members of a comma-separated header, in small letters."""
        values = [value for key, value in self.headers if key.lower() == name]
        return [member.strip().lower() for value in values for member in value.split(",")]


class Browser:
    """Keeps cookies, and sends them back."""

    def __init__(self, address: str) -> None:
        self.address = urlsplit(address)
        self.jar: dict[str, str] = {}

    def get(self, path: str, method: str = "GET", **more: Any) -> Response:
        return self.request(method, path, **more)

    def do(self, *operations: list[Any], **more: Any) -> Response:
        return self.request("POST", "/do", body=json.dumps(operations), **more)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        cookie: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Response:
        """Send one request; `cookie` is sent in place of the jar, byte for byte."""
        if cookie is None:
            cookie = "; ".join(f"{name}={value}" for name, value in self.jar.items()).encode()
        connection = http.client.HTTPConnection(self.address.hostname or "", self.address.port)
        try:
            connection.putrequest(method, self.address.path + path)
            if cookie:
                connection.putheader("Cookie", cookie)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Type", "application/json")
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body.encode() if body is not None else None)
            answer = connection.getresponse()
            response = Response(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()
        self._keep(response)
        return response

    def _keep(self, response: Response) -> None:
        for name, line in response.headers:
            if name.lower() == "set-cookie":
                cookie, _, attributes = line.partition(";")
                key, _, value = cookie.partition("=")
                if "max-age=0" in attributes.lower():
                    self.jar.pop(key, None)
                else:
                    self.jar[key] = value


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class AdapterContract:
    """Inherit this, and define `serve`."""

    can_mount: ClassVar[bool] = True

    @staticmethod
    def serve(manager: SessionManager) -> AbstractContextManager[str]:
        """Run the application with this manager; yield its address, `http://127.0.0.1:port`."""
        raise NotImplementedError

    # Fixtures.

    @pytest.fixture(scope="class")
    @classmethod
    def contract_clock(cls) -> Clock:
        return Clock(NOW)

    @pytest.fixture(scope="class")
    @classmethod
    def contract_manager(cls, contract_clock: Clock) -> SessionManager:
        return make_manager(contract_clock)

    @pytest.fixture(scope="class")
    @classmethod
    def address(cls, contract_manager: SessionManager) -> Iterator[str]:
        with cls.serve(contract_manager) as address:
            yield address

    @pytest.fixture
    def browser(self, address: str) -> Browser:
        return Browser(address)

    @pytest.fixture(autouse=True)
    def _limits(self, request: pytest.FixtureRequest) -> None:
        limit = (type(self).__name__, request.node.originalname)
        if limit in LIMITS:
            request.applymarker(pytest.mark.xfail(reason=LIMITS[limit], strict=True))

    @staticmethod
    def mint(
        manager: SessionManager, data: dict[str, Any], key: Key | None = None, **settings: Any
    ) -> bytes:
        """Return a Cookie header for a session, by the contract's manager or one a little other."""
        text = testing.mint(manager, data, keys=key or NEW, **settings)
        return f"{manager.cookie_name}={text}".encode()

    # Load, save, change.

    def test_what_was_saved_is_loaded(self, browser):
        assert browser.do(["set", "user", "ann"]).status == 200
        assert browser.do(["get", "user"]).data["results"] == ["ann"]

    def test_a_nested_change_is_saved(self, browser):
        browser.do(["set", "cart", ["tea"]])
        browser.do(["append", "cart", "milk"])
        assert browser.get("/read").data == {"cart": ["tea", "milk"]}

    def test_a_deleted_key_is_gone(self, browser):
        browser.do(["set", "a", 1], ["set", "b", 2])
        browser.do(["del", "a"])
        assert browser.get("/read").data == {"b": 2}

    def test_the_cookie_has_the_attributes_of_the_manager(self, browser):
        (line,) = browser.do(["set", "a", 1]).cookies
        name, *attributes = line.split("; ")
        assert name.startswith("__Host-session=1")
        assert attributes == [f"Max-Age={IDLE}", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"]

    # What a response says.

    def test_an_untouched_request_sends_nothing(self, browser):
        browser.do(["set", "a", 1])
        response = browser.get("/untouched")
        assert response.body == b"hello"
        assert not response.cookies
        assert "cookie" not in response.members("vary")

    def test_a_read_adds_vary_and_no_cookie(self, browser):
        browser.do(["set", "a", 1])
        response = browser.get("/read")
        assert response.data == {"a": 1}
        assert response.members("vary").count("cookie") == 1
        assert not response.cookies
        assert "no-store" not in response.members("cache-control")

    def test_a_look_for_a_key_that_is_not_there_adds_vary(self, browser):
        response = browser.do(["contains", "a"])
        assert response.data["results"] == [False]
        assert "cookie" in response.members("vary")

    def test_setting_the_same_value_is_not_a_change(self, browser):
        browser.do(["set", "a", 1])
        assert not browser.do(["set", "a", 1]).cookies

    def test_a_write_adds_the_cookie_vary_and_no_store(self, browser):
        response = browser.do(["set", "a", 1])
        assert len(response.cookies) == 1
        assert "cookie" in response.members("vary")
        assert response.members("cache-control") == ["no-store"]

    def test_the_applications_own_headers_and_cookies_stay(self, browser):
        response = browser.get("/headers")
        assert set(response.members("vary")) == {"accept", "cookie"}
        assert response.members("cache-control") == ["no-store"]
        assert len(response.cookies) == 1
        assert browser.jar["own"] == "1"
        assert browser.do(["get", "a"]).data["results"] == [1]

    # The ends of a session.

    def test_destroying_deletes_the_cookie(self, browser):
        browser.do(["set", "a", 1])
        (line,) = browser.do(["destroy"]).cookies
        assert line.startswith("__Host-session=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT")
        assert line.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")
        assert browser.get("/read").data == {}

    def test_a_session_in_use_is_touched(self, browser, contract_clock):
        browser.do(["set", "a", 1])
        contract_clock.advance(TOUCH - 1)
        assert not browser.get("/read").cookies
        contract_clock.advance(1)
        assert not browser.get("/untouched").cookies
        assert not browser.get("/read", headers={"Sec-Fetch-Dest": "image"}).cookies
        assert len(browser.get("/read", headers={"Sec-Fetch-Dest": "document"}).cookies) == 1
        contract_clock.advance(IDLE - 1)
        assert browser.get("/read").data == {"a": 1}

    def test_an_idle_session_ends(self, browser, contract_clock):
        browser.do(["set", "a", 1])
        contract_clock.advance(IDLE + LEEWAY + 1)
        assert browser.get("/read").data == {}

    def test_a_session_in_use_ends_too(self, browser, contract_clock):
        browser.do(["set", "a", 1])
        for _ in range(ABSOLUTE // IDLE):
            assert browser.get("/read").data == {"a": 1}
            contract_clock.advance(IDLE)
        contract_clock.advance(LEEWAY + 1)
        assert browser.get("/read").data == {}

    def test_a_remembered_session_outlives_the_idle_timeout(self, browser, contract_clock):
        browser.do(["set", "a", 1], ["remember", 3 * IDLE])
        contract_clock.advance(3 * IDLE)
        assert browser.get("/read").data == {"a": 1}

    def test_a_session_may_be_forgotten_when_the_browser_closes(self, browser):
        (line,) = browser.do(["set", "a", 1], ["forget"]).cookies
        assert "max-age" not in line.lower()
        assert "expires" not in line.lower()

    def test_regenerating_keeps_the_data_in_a_new_session(self, browser, contract_manager):
        browser.do(["set", "a", 1])
        before = contract_manager.loads(browser.jar["__Host-session"])
        browser.do(["regenerate"])
        after = contract_manager.loads(browser.jar["__Host-session"])
        assert dict(before) == dict(after) == {"a": 1}
        assert before.id != after.id

    # Large sessions.

    def test_a_session_may_take_several_cookies(self, browser):
        assert len(browser.do(["random", "a", 9_000]).cookies) == 3
        value = browser.get("/read").data["a"]
        assert len(value) == 9_000
        browser.do(["set", "a", "small"])
        assert list(browser.jar) == ["__Host-session"]
        assert browser.get("/read").data == {"a": "small"}

    def test_a_session_that_does_not_fit_is_an_error_and_the_old_one_stays(self, browser):
        browser.do(["set", "a", 1])
        response = browser.get("/big")
        assert response.status >= 500
        assert not response.cookies
        assert browser.get("/read").data == {"a": 1}

    # How responses go.

    def test_a_redirect_carries_the_cookie(self, browser):
        response = browser.get("/redirect")
        assert response.status == 303
        assert len(response.cookies) == 1
        assert browser.get("/read").data == {"a": 1}

    def test_a_streamed_response_carries_the_cookie(self, browser):
        response = browser.get("/stream")
        assert response.body == b"onetwothree"
        assert browser.get("/read").data == {"a": 1}

    def test_a_late_change_is_an_error_and_not_lost_silently(self, browser):
        try:
            response = browser.get("/late")
        except (http.client.HTTPException, OSError):
            pass  # the server broke the response off: that is the error, on the wire
        else:
            assert response.body != b"onetwothree" or response.status >= 500

    def test_an_error_response_of_the_application_writes_nothing(self, browser):
        response = browser.get("/status-500")
        assert response.status == 500
        assert not response.cookies

    def test_an_exception_writes_nothing(self, browser):
        response = browser.get("/raise")
        assert response.status == 500
        assert not response.cookies

    def test_head_is_answered_like_get_without_a_body(self, browser):
        browser.do(["set", "a", 1])
        response = browser.request("HEAD", "/read")
        assert response.status == 200
        assert response.body == b""
        assert "cookie" in response.members("vary")

    # What strangers send.

    def test_of_two_cookies_of_one_name_the_valid_one_is_used(self, browser, contract_manager):
        good = self.mint(contract_manager, {"a": 1})
        name = contract_manager.cookie_name.encode()
        for cookie in (name + b"=junk; " + good, good + b"; " + name + b"=junk"):
            assert browser.get("/read", cookie=cookie).data == {"a": 1}

    def test_a_bad_cookie_is_an_empty_session(self, browser, contract_manager, contract_clock):
        good = self.mint(contract_manager, {"a": 1})
        name, _, text = good.partition(b"=")
        contract_clock.advance(-10 * ABSOLUTE)
        expired = self.mint(contract_manager, {"a": 1})
        contract_clock.advance(10 * ABSOLUTE)
        bad = {
            "empty": name + b"=",
            "junk": name + b"=junk",
            "bytes": name + b"=\xff\xfe\x80" + b"\xe9" * 200,
            "cut": good[:-1],
            "changed": good[:-1] + (b"A" if good[-1:] != b"A" else b"E"),
            "another format": name + b"=2" + text[1:],
            "another key": self.mint(contract_manager, {"a": 1}, Key.generate()),
            "a retired key": self.mint(contract_manager, {"a": 1}, GONE),
            "another namespace": self.mint(contract_manager, {"a": 1}, namespace="other"),
            "another name": self.mint(contract_manager, {"a": 1}, name="other"),
            "expired": expired,
            "a part missing": name + b"=~2.AAAAAAAA." + text,
            "quoted": name + b'="' + text + b'"',
            "nameless": b"=" + text,
            "many": b"; ".join(name + b"=%d" % number for number in range(200)),
        }
        for kind, cookie in bad.items():
            response = browser.get("/read", cookie=cookie)
            assert (kind, response.status, response.data) == (kind, 200, {})
            assert not response.cookies, kind
            assert "cookie" in response.members("vary"), kind

    def test_a_refused_cookie_is_overwritten_by_a_save(self, browser):
        browser.jar["__Host-session"] = "junk"
        browser.do(["set", "a", 1])
        assert browser.get("/read").data == {"a": 1}

    def test_an_old_keys_session_moves_to_the_new_key(self, browser, contract_manager):
        browser.jar["__Host-session"] = self.mint(contract_manager, {"a": 1}, OLD).decode()[15:]
        old = browser.jar["__Host-session"]
        assert browser.get("/read").data == {"a": 1}
        new = browser.jar["__Host-session"]
        assert new[1:5] != old[1:5]
        assert dict(contract_manager.loads(new)) == {"a": 1}

    # Where and how many.

    def test_an_application_mounted_under_a_prefix_shares_the_session(self, browser):
        if not self.can_mount:
            pytest.fail("this framework cannot mount: say so in LIMITS")
        browser.do(["set", "a", 1])
        assert browser.get("/mounted/read").data == {"a": 1}
        browser.request("POST", "/mounted/do", body='[["set", "b", 2]]')
        assert browser.get("/read").data == {"a": 1, "b": 2}

    def test_fifty_users_at_once_keep_their_own_sessions(self, address):
        def shop(user: int) -> dict[str, Any]:
            browser = Browser(address)
            browser.do(["set", "user", user], ["set", "cart", []])
            for item in range(5):
                browser.do(["append", "cart", [user, item]])
            session: dict[str, Any] = browser.get("/read").data
            return session

        with ThreadPoolExecutor(10) as pool:
            sessions = list(pool.map(shop, range(50)))
        for user, session in enumerate(sessions):
            assert session == {"user": user, "cart": [[user, item] for item in range(5)]}
