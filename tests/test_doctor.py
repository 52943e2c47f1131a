"""`cookiesession doctor`, as a terminal sees it; and that each of its checks can find something."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import cookiesession
from cookiesession import CookieAttributes, Keyring, SessionManager, asgi, events, wsgi
from cookiesession.__main__ import main
from cookiesession.commands import checks
from cookiesession.keyring import KeyringFile, LiveKeyring, rotation

DAY = 86_400
EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture
def now():
    """The command's clock is the system's."""
    return int(time.time())


@pytest.fixture
def make_ring(tmp_path, now):
    """Make a ring whose first key was added so many days ago; change it further."""

    def make(*changes, days=10):
        file = KeyringFile(tmp_path / "keyring.json")
        file.edit(lambda document: rotation.add(document, now - days * DAY), create=True)
        for change in changes:
            file.edit(change)
        return file.path

    return make


@pytest.fixture(autouse=True)
def _nothing_from_outside_and_nothing_left_behind(monkeypatch):
    monkeypatch.delenv("SESSION_KEYRING", raising=False)
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    monkeypatch.setattr(sys, "path", [*sys.path])


@pytest.fixture
def doctor(capsys):
    """Run the command; return its status and what it found as (level, sentence and mend)."""

    def run(*arguments):
        capsys.readouterr()
        status = main(["doctor", "--json", *map(str, arguments)])
        output = capsys.readouterr()
        if not output.out:
            return status, output.err
        found = json.loads(output.out)["findings"]
        return status, [(each["level"], f"{each['sentence']}; {each['mend']}") for each in found]

    return run


@pytest.fixture
def examine(doctor, monkeypatch):
    """Have the doctor look at an object, as if it stood in a module."""

    def run(target, *options):
        monkeypatch.setattr(cookiesession, "app_under_test", target, raising=False)
        return doctor("cookiesession:app_under_test", *options)

    return run


def worst(found):
    """Return all but what is fine or only a hint."""
    return [level for level, _ in found if level in ("warning", "problem")]


def sentences(found, level):
    return [sentence for each, sentence in found if each == level]


# Managers.

SOUND = {"idle_timeout": 1800, "absolute_timeout": 8 * 3600, "on_event": lambda event: None}


def test_a_sound_application_has_nothing_to_mend(make_ring, examine):
    ring = LiveKeyring.from_path(make_ring(), refresh_every=300)
    status, found = examine(SessionManager(ring, **SOUND))
    ring.close()
    assert status == 0
    assert not worst(found)
    assert len(sentences(found, "ok")) == 3
    (size,) = sentences(found, "hint")
    assert "4093 bytes" in size


FAULTS = {  # settings -> the level and some words of what is found, and of its mend
    "development": ({"development": True}, "problem", "loopback names only", "in production"),
    "plain http": (
        {"cookie": CookieAttributes(secure=False)}, "problem", "is not Secure", "over https"
    ),
    "domain": (
        {"cookie": CookieAttributes(domain="example.com")}, "warning", "every host", "domain away"
    ),
    "path": ({"cookie": CookieAttributes(path="/shop")}, "hint", "Path=/shop", "path away"),
    "samesite": (
        {"cookie": CookieAttributes(samesite="none")}, "warning", "other sites", "CSRF token"
    ),
    "default": ({}, "hint", "14d unused, 30d at most, the default;", "docs/lifetimes.md"),
    "long": (
        {"idle_timeout": timedelta(days=7)}, "hint", "7d unused, 30d at most;", "docs/lifetimes.md"
    ),
    "absolute": (
        {"absolute_timeout": timedelta(days=60)}, "warning", "may last 60d", "shorten"
    ),
    "remember": (
        {"remember_timeout": timedelta(days=60)}, "warning", "may last 60d", "shorten"
    ),
    "ahead": ({"issued_after": time.time() + DAY}, "problem", "every cookie", "has passed"),
    "done": (
        {"issued_after": datetime.now(UTC) - timedelta(days=40)}, "hint", "done its work", "away"
    ),
    "one cookie": ({}, "hint", "4093 bytes", "proxy_buffer_size 16k;"),
    "two cookies": (
        {"max_cookies": 2}, "warning", "up to 8186 bytes", "--limit-request-field_size 16384"
    ),
    "many cookies": (
        {"max_cookies": 20}, "warning", "up to 81860 bytes", "large_client_header_buffers 4 128k;"
    ),
    "five hundreds": ({"save_on_5xx": True}, "hint", "save_on_5xx", "leave save_on_5xx away"),
    "unwatched": ({}, "hint", "no on_event", "count Refused"),
    "undated": ({}, "hint", "the keys have no dates", "LiveKeyring.from_path"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_its_mend_said(fault, key, examine):
    """And not where there is none: by the sound manager above, and the default one here."""
    given_, level, words, mend = FAULTS[fault]
    status, found = examine(SessionManager(key, **given_))
    (sentence,) = [sentence for sentence in sentences(found, level) if words in sentence]
    assert mend in sentence.partition("; ")[2]
    assert status == (1 if level == "problem" else 0)
    if given_:
        _, usual = examine(SessionManager(key))
        assert not any(words in sentence for _, sentence in usual)


def test_a_small_head_needs_no_setting_of_h11(key, examine):
    for count, is_told in ((2, False), (4, True)):
        _, found = examine(SessionManager(key, max_cookies=count))
        (sentence,) = sentences(found, "warning")
        assert ("--h11-max-incomplete-event-size" in sentence) == is_told


@pytest.mark.server
def test_the_limits_that_it_names_are_those_of_the_servers():
    config = pytest.importorskip("gunicorn.config")
    connection = pytest.importorskip("h11._connection")
    assert config.LimitRequestFieldSize.default == checks._ONE_FIELD
    assert connection.DEFAULT_MAX_INCOMPLETE_EVENT_SIZE == checks._WHOLE_HEAD
    assert pytest.importorskip("hypercorn.config").Config.h11_max_incomplete_size == (
        checks._WHOLE_HEAD
    )


def test_two_managers_of_one_cookie_are_a_problem(key, examine):
    one, other = SessionManager(key), SessionManager(key)
    _, found = examine([one, other])
    assert "2 managers write the cookie __Host-session" in sentences(found, "problem")[0]
    _, found = examine([one, one, SessionManager(key, name="other")])
    assert not worst(found)


def test_strict_fails_on_warnings(key, examine):
    manager = SessionManager(key, max_cookies=2)
    assert examine(manager)[0] == 0
    assert examine(manager, "--strict")[0] == 1
    assert examine(SessionManager(key), "--strict")[0] == 0


# Where a manager is found.


async def an_asgi_app(scope, receive, send): ...


def a_wsgi_app(environ, start_response): ...


class Wrapper:
    def __init__(self, app):
        self.app = app

    @property
    def manager(self):
        raise RuntimeError("a property that wants a request")


def in_a_function(manager):
    def app(scope):
        with manager.open(scope):
            pass

    return app


def in_a_circle(manager):
    outer = Wrapper(None)
    outer.app = Wrapper([outer, manager])
    return outer


WRAPPED = {
    "asgi": lambda manager: asgi.SessionMiddleware(an_asgi_app, manager),
    "wsgi": lambda manager: wsgi.SessionMiddleware(a_wsgi_app, manager),
    "deep": lambda manager: Wrapper(Wrapper(asgi.SessionMiddleware(an_asgi_app, manager))),
    "in a function": in_a_function,
    "in a circle": in_a_circle,
}


@pytest.mark.parametrize("how", WRAPPED)
def test_a_manager_is_found_in_what_wraps_it(how, key, examine):
    _, found = examine(WRAPPED[how](SessionManager(key, max_cookies=2)))
    assert "8186" in sentences(found, "warning")[0]


@pytest.mark.parametrize("framework", ["fastapi", "flask", "quart", "starlette", "litestar"])
def test_a_manager_is_found_in_an_example(framework, key):
    """In a process of its own, as the command is run; from the folder it is run in."""
    pytest.importorskip(framework)
    result = run_in(EXAMPLES, f"with_{framework}:app", SESSION_KEYS=key.reveal())
    assert result.returncode == 0, result.stderr
    assert "__Host-session is Secure" in result.stdout
    assert key.reveal() not in result.stdout + result.stderr


def run_in(folder, *arguments, **variables):
    command = [sys.executable, "-m", "cookiesession", "doctor", *arguments]
    path = os.pathsep.join(each for each in sys.path if each)
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


DJANGO = """
import os
from pathlib import Path
SECRET_KEY = "not that of the sessions"
SESSION_ENGINE = "cookiesession.django"
SESSION_COOKIE_NAME = "__Host-session"
SESSION_COOKIE_SECURE = True
COOKIESESSION = {"keys": os.environ.get("SESSION_KEYS"), "max_cookies": 2}
MIDDLEWARE = ["cookiesession.django.SessionMiddleware"]
INSTALLED_APPS = ["cookiesession.django"]
"""


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_django_project_is_looked_over(how, tmp_path, key):
    pytest.importorskip("django")
    (tmp_path / "shop_settings.py").write_text(DJANGO)
    variables = {"SESSION_KEYS": key.reveal()}
    if how == "option":
        result = run_in(tmp_path, "--django", "shop_settings", **variables)
    else:
        result = run_in(tmp_path, DJANGO_SETTINGS_MODULE="shop_settings", **variables)
    assert result.returncode == 0, result.stderr
    assert "engine, middleware and cookie fit together" in result.stdout
    assert "8186" in result.stdout


def test_a_django_project_that_contradicts_itself_is_a_problem(tmp_path, key):
    pytest.importorskip("django")
    (tmp_path / "shop_settings.py").write_text(DJANGO.replace("__Host-session", "sessionid"))
    result = run_in(tmp_path, "--django", "shop_settings", SESSION_KEYS=key.reveal())
    assert result.returncode == 1
    assert 'set SESSION_COOKIE_NAME = "__Host-sessionid"' in result.stdout


# Rings.


def test_a_ring_alone_is_looked_over(make_ring, doctor):
    status, found = doctor("--ring", make_ring())
    assert (status, worst(found)) == (0, [])
    assert "writes; a successor is due" in found[0][1]


def test_the_variable_names_the_ring_where_no_option_does(make_ring, monkeypatch, doctor):
    monkeypatch.setenv("SESSION_KEYRING", str(make_ring(days=100)))
    assert "has written for 100 days" in doctor()[1][0][1]


class Source:
    """A ring of the application's own making: see `cookiesession.KeySource`."""

    keeps = float("inf")

    def __init__(self, key):
        self.ring = Keyring([key])

    def at(self, now):
        return self.ring

    def missed(self): ...


def test_a_source_of_ones_own_is_a_ring_without_dates(key, examine):
    hints = sentences(examine(SessionManager(Source(key)))[1], "hint")
    assert any("the keys have no dates" in hint for hint in hints)


def test_a_key_past_its_lifetime_without_a_successor_is_told(make_ring, doctor):
    _, found = doctor("--ring", make_ring(days=100))
    assert "has written for 100 days, though the schedule's lifetime is 90d" in found[0][1]
    assert "keys rotate --schedule" in found[0][1]


def test_an_old_key_is_told_whatever_the_schedule_says(make_ring, doctor):
    path = make_ring(days=200)
    main(["keys", "schedule", "--lifetime", "1000d", "--ring", str(path)])
    assert "is 200 days old and has no successor" in doctor("--ring", path)[1][0][1]
    assert worst(doctor("--ring", path, "--max-key-age", "300d")[1]) == []


def test_a_successor_that_waits_is_enough(make_ring, now, doctor):
    path = make_ring(lambda document: rotation.rotate(document, now), days=200)
    assert worst(doctor("--ring", path)[1]) == []


def test_a_key_that_reads_for_ever_is_a_hint(make_ring, now, doctor):
    path = make_ring(lambda document: rotation.add(document, now, read_only=True))
    (sentence,) = sentences(doctor("--ring", path)[1], "hint")
    assert "only reads, and has no date to go" in sentence


def test_a_key_of_tomorrow_is_a_warning(make_ring, doctor):
    (sentence,) = sentences(doctor("--ring", make_ring(days=-1))[1], "warning")
    assert "created ahead of this clock" in sentence


def test_a_key_that_writes_before_others_read_it_is_told(make_ring, examine, doctor):
    path = make_ring()
    main(["keys", "schedule", "--propagation", "2m", "--ring", str(path)])
    assert "before a server that reads the ring every 5m" in doctor("--ring", path)[1][0][1]
    ring = LiveKeyring.from_path(path, refresh_every=115)
    _, found = examine(SessionManager(ring))
    ring.close()
    assert "before a server that reads the ring every 115s" in sentences(found, "problem")[0]


def test_a_ring_that_nothing_refreshes_is_a_hint(make_ring, examine):
    ring = LiveKeyring.from_path(make_ring(), refresh_every=None)
    hints = sentences(examine(SessionManager(ring))[1], "hint")
    assert any("only where something calls refresh()" in hint for hint in hints)


def test_a_ring_is_compared_with_the_manager(make_ring, key, examine):
    path = make_ring()
    ring = LiveKeyring.from_path(path, refresh_every=None)
    assert worst(examine(SessionManager(ring), "--ring", path)[1]) == []
    _, found = examine(SessionManager(key), "--ring", path)
    assert "uses other keys than this ring has" in sentences(found, "warning")[0]
    _, found = examine(SessionManager(key, absolute_timeout=40 * DAY), "--ring", path)
    assert "live longer than this ring keeps a key (30d)" in sentences(found, "problem")[0]


# Files.


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize(
    ("modes", "level", "words"),
    [
        ((0o600, 0o700), "ok", "nobody else can replace"),
        ((0o640, 0o755), "ok", "nobody else can replace"),
        ((0o660, 0o700), "warning", "chmod g-w"),
        ((0o644, 0o700), "problem", "chmod o-rwx"),
        ((0o600, 0o777), "problem", "chmod o-w"),
        ((0o600, 0o1777), "ok", "nobody else can replace"),
    ],
)
def test_who_else_may_touch_the_file_is_told(modes, level, words, make_ring, doctor):
    path = make_ring()
    path.chmod(modes[0])
    path.parent.chmod(modes[1])
    status, found = doctor("--ring", path)
    path.parent.chmod(0o700)
    assert any(words in sentence for sentence in sentences(found, level))
    assert status == (level == "problem")


@pytest.mark.parametrize("content", ["", "{}", "ck1_cut", "\0", "ck1_" + "A" * 48])
def test_a_ring_that_cannot_be_read_is_a_problem(content, tmp_path, doctor):
    path = tmp_path / "keys"
    path.write_text(content)
    path.chmod(0o600)
    status, found = doctor("--ring", path)
    assert (status, [level for level, _ in found]) == (1, ["problem"])
    assert content not in found[0][1] or not content


# What cannot be looked at, and what must not be seen.


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("raise RuntimeError('hunter2')", "raised RuntimeError (broken_shop.py, line 1); to see"),
        ("import sys; sys.exit('hunter2')", 'python -c "import broken_shop"'),
        ("def (", "raised SyntaxError"),
        ("import os; os.environ['NO_KEYS']", "raised KeyError: 'NO_KEYS'"),
        ("import no_such_thing", "raised ModuleNotFoundError: No module named 'no_such_thing'"),
        ("from cookiesession import Key; Key.parse('x')", "a key starts with ck1_"),
        ("app = 7", "no session manager that could be found"),
        ("", "has no attribute app"),
    ],
)
def test_an_import_that_fails_ends_in_one_sentence(source, words, tmp_path, monkeypatch, doctor):
    (tmp_path / "broken_shop.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.delitem(sys.modules, "broken_shop", raising=False)
    status, sentence = doctor("broken_shop:app")
    monkeypatch.delitem(sys.modules, "broken_shop", raising=False)
    assert status == 1
    assert sentence.startswith("cookiesession doctor: ")
    assert words in sentence
    assert sentence.count("\n") == 1
    assert "hunter2" not in sentence


@pytest.mark.parametrize("target", ["no_such_shop:app", "no_such_shop.web:app", "json.web:app"])
def test_an_application_that_is_elsewhere_is_looked_for_where_the_server_starts(target, doctor):
    status, sentence = doctor(target)
    assert status == 1
    assert "in the folder where the server starts, and in its environment" in sentence


def test_a_factory_is_called(tmp_path, monkeypatch, doctor, key):
    (tmp_path / "shop_of_doctor.py").write_text(
        "from cookiesession import SessionManager\n"
        f"def make(): return SessionManager({key.reveal()!r}, max_cookies=2)\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert "8186" in sentences(doctor("shop_of_doctor:make()")[1], "warning")[0]


def test_without_a_target_it_says_what_to_name(doctor):
    assert "module:attribute" in doctor()[1]
    assert "DJANGO_SETTINGS_MODULE" in doctor("--django")[1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
@example("json:")
@example(":x")
@example("..:x")
@example("json:..")
@example("json:loads()")
@example("a b:c")
def test_any_target_ends_in_a_sentence(capsys, target):
    status = main(["doctor", "--", target])
    output = capsys.readouterr()
    assert status == 1
    assert output.err.startswith("cookiesession doctor: ")
    assert not output.out


def test_no_key_is_printed(make_ring, key, examine, capsys, monkeypatch):
    path = make_ring()
    secret = KeyringFile(path).read().keys[0].key.reveal()
    manager = SessionManager(Keyring([key]), on_event=events.log)
    monkeypatch.setattr(cookiesession, "app_under_test", manager, raising=False)
    for options in ((), ("--json",)):
        main(["doctor", "cookiesession:app_under_test", "--ring", str(path), *options])
        output = "".join(capsys.readouterr())
        assert key.reveal() not in output
        assert secret not in output


def test_people_see_what_is_worst_first(key, monkeypatch, capsys):
    manager = SessionManager(key, development=True, max_cookies=2)
    monkeypatch.setattr(cookiesession, "app_under_test", manager, raising=False)
    assert main(["doctor", "cookiesession:app_under_test"]) == 1
    about, *lines, counts = capsys.readouterr().out.splitlines()
    assert about == "session"
    levels = [line.split()[0] for line in lines if line.split()[0] != "mend:"]
    assert levels == sorted(levels, key=["problem", "warning", "hint", "ok"].index)
    assert counts == "1 problem, 1 warning, 3 hints, 0 ok"
