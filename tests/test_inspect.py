"""`cookiesession inspect`, as a terminal sees it."""

import io
import json
import os
import sys
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cookiesession import Incoming, Key, SessionManager
from cookiesession.__main__ import main
from cookiesession.keyring import KeyringFile, LiveKeyring, rotation
from cookiesession.testing import mint, tampered

DAY = 86_400
HEAD = "__Host-session"


@pytest.fixture(autouse=True)
def _no_ring_but_the_tests(monkeypatch):
    monkeypatch.delenv("SESSION_KEYRING", raising=False)


@pytest.fixture
def ring(tmp_path):
    path = tmp_path / "keyring.json"
    then = int(time.time()) - 10 * DAY
    KeyringFile(path).edit(lambda document: rotation.add(document, then), create=True)
    return path


@pytest.fixture
def manager(ring):
    """A manager of the ring's key; its clock is the command's own, the system's."""
    return SessionManager(LiveKeyring.from_path(ring, refresh_every=None))


@pytest.fixture
def inspect(monkeypatch, capsys):
    """Run the command with something on its standard input; return its status and its output."""

    def run(pasted, *options):
        data = pasted if isinstance(pasted, bytes) else pasted.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        capsys.readouterr()
        status = main(["inspect", *map(str, options)])
        return status, "".join(capsys.readouterr())

    return run


@pytest.fixture
def report(inspect):
    def run(pasted, *options):
        status, output = inspect(pasted, "--json", *options)
        report = json.loads(output)
        assert (status == 0) == (report.get("status", "valid") == "valid")
        return report

    return run


def test_without_a_key_it_tells_what_every_cookie_says_openly(manager, inspect):
    text = mint(manager, {"user_id": 7}, age=3 * DAY + 60)
    status, output = inspect(f"{HEAD}={text}")
    assert status == 0
    then = f"{datetime.fromtimestamp(time.time() - 3 * DAY - 60, UTC):%Y-%m-%d}"
    assert f"cookie    {HEAD}, {len(text)} characters\n" in output
    assert f"key       {manager.key_id} (with --ring" in output
    assert f"written   {then}" in output
    assert "3 days ago" in output
    assert "user_id" not in output


def test_with_the_ring_it_tells_everything(manager, ring, report):
    text = mint(manager, {"user_id": 7, "cart": ["tea"]}, age=DAY)
    told = report(text, "--ring", ring)
    (key,) = KeyringFile(ring).read().keys
    assert told["status"] == "valid"
    assert (told["key"], told["key_state"]) == (key.id, "primary")
    assert told["session"] == manager.loads(text).id
    assert told["ends"] - told["created"] == 14 * DAY
    assert told["names"] == ["user_id", "cart"]
    assert told["rewritten_when_used"] is False


def test_a_session_that_will_be_touched_is_told(manager, ring, inspect):
    _, output = inspect(mint(manager, {"a": 1}, age=2 * DAY), "--ring", ring)
    assert "next      used now, it is written anew, and its idle timeout begins again" in output


def test_a_session_under_an_older_key_is_told_to_move(manager, ring, inspect):
    text = mint(manager, {"a": 1})
    before = KeyringFile(ring).read().keys[0].id
    main(["keys", "add", "--ring", str(ring)])
    after = KeyringFile(ring).read().keys[0].id
    main(["keys", "promote", after, "--at-once", "--ring", str(ring)])
    _, output = inspect(text, "--ring", ring)
    assert f"which is {before}, accepted: reads until 2" in output
    assert "next      used now, it is written anew, under the primary key" in output


REFUSED = {
    "malformed": lambda manager, text: text[:100],
    "unknown_format": lambda manager, text: "2" + text[1:],
    "unknown_key": lambda manager, text: mint(manager, {"a": 1}, keys=Key.generate()),
    "bad_signature": lambda manager, text: tampered(text),
    "idle_expired": lambda manager, text: mint(manager, {"a": 1}, age=15 * DAY),
    "expired": lambda manager, text: mint(manager, {"a": 1}, age=31 * DAY, idle_timeout=30 * DAY),
    "not_yet_valid": lambda manager, text: mint(manager, {"a": 1}, age=-600),
}
AUTHENTIC = {"idle_expired", "expired", "not_yet_valid"}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_refusal_has_its_reason_and_only_what_is_authentic_is_opened(
    reason, manager, ring, report, inspect
):
    text = REFUSED[reason](manager, mint(manager, {"a": 1}))
    same = ("--idle-timeout", "30d") if reason == "expired" else ()
    told = report(text, "--ring", ring, *same)
    assert told["status"] == reason
    assert told.get("names") == (["a"] if reason in AUTHENTIC else None)
    status, output = inspect(text, "--ring", ring, *same)
    assert status == 1
    assert f"status    {reason}: " in output
    assert ("ended " in output) == ("expired" in reason)


def test_a_retired_key_is_named_as_such(tmp_path, inspect):
    new, old = Key.generate(), Key.generate()
    keys = tmp_path / "keys"
    keys.write_text(f"{new.reveal()}\n{old.reveal()} retired\n")
    keys.chmod(0o600)
    _, output = inspect(mint(SessionManager(old), {"a": 1}), "--ring", keys)
    assert f"which is {old.fingerprint}, retired\n" in output
    assert "status    unknown_key" in output


def test_a_key_whose_time_has_passed_is_still_known_by_its_secret(tmp_path, report, inspect):
    """The document was written before; nobody has pruned it."""
    path = tmp_path / "keyring.json"
    now = int(time.time())
    file = KeyringFile(path)
    before = file.edit(lambda document: rotation.add(document, now - 60 * DAY), create=True)
    file.edit(lambda document: rotation.rotate(document, now - 50 * DAY, on_schedule=False))
    text = mint(SessionManager(before.keys[0].key), {"a": 1}, age=25 * DAY)
    told = report(text, "--ring", path)
    assert (told["status"], told["authentic"], told["names"]) == ("unknown_key", True, ["a"])
    assert (told["key"], told["key_state"]) == (before.keys[0].id, "retired")
    _, output = inspect(text, "--ring", path)
    assert "retired: opens nothing" in output
    assert "\nend" not in output


def test_a_ring_that_keeps_keys_for_days_gives_its_sessions_days(ring, manager, report):
    text = mint(manager, {"a": 1})
    main(["keys", "schedule", "--session-lifetime", "2d", "--ring", str(ring)])
    told = report(text, "--ring", ring)
    assert told["ends"] - told["created"] == 2 * DAY


def test_the_variable_names_the_ring_where_no_option_does(manager, ring, monkeypatch, report):
    text = mint(manager, {"a": 1})
    monkeypatch.setenv("SESSION_KEYRING", str(ring))
    assert report(text)["status"] == "valid"
    monkeypatch.setenv("OTHER_KEYS", Key.generate().reveal())
    assert report(text, "--env", "OTHER_KEYS")["status"] == "unknown_key"


# What people have at hand.

WAYS = {
    "value": "{text}",
    "quoted": "'{text}'",
    "pair": "{head}={text}",
    "several": "theme=dark; {head}={text}; lang=en",
    "cookie": "Cookie: theme=dark; {head}={text}",
    "set-cookie": "Set-Cookie: {head}={text}; Path=/; Secure; HttpOnly; SameSite=Lax",
    "curl -i": "HTTP/2 200\r\nset-cookie: a=b\r\nset-cookie: {head}={text}; path=/\r\n\r\nhi",
    "curl -v": "< HTTP/2 200\n< set-cookie: {head}={text}; path=/\n<\n",
    "attributes": "{head}={text}; Path=/; Secure; HttpOnly",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_cookie_is_found_however_it_was_copied(way, manager, ring, report):
    text = mint(manager, {"a": 1})
    told = report(WAYS[way].format(head=HEAD, text=text), "--ring", ring)
    assert (told["status"], told["characters"]) == ("valid", len(text))


def test_the_cookie_may_be_an_argument(manager, ring, inspect):
    status, output = inspect("", "--ring", ring, mint(manager, {"a": 1}))
    assert (status, "status    valid" in output) == (0, True)


def test_keys_may_come_from_the_environment(manager, monkeypatch, report):
    key = Key.generate()
    monkeypatch.setenv("SESSION_KEYS", key.reveal())
    text = mint(manager, {"a": 1}, keys=key, namespace="shop", name="sid")
    pasted = f"__Host-sid={text}"
    assert report(pasted, "--env", "SESSION_KEYS", "--namespace", "shop")["status"] == "valid"
    assert report(pasted, "--env", "SESSION_KEYS")["status"] == "unknown_key"


def test_an_application_brings_all_its_settings(tmp_path, monkeypatch, report):
    key = Key.generate()
    (tmp_path / "shop_of_inspect.py").write_text(
        "from cookiesession import SessionManager\n"
        f"manager = SessionManager({key.reveal()!r}, namespace='shop', idle_timeout=60)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    text = mint(SessionManager(key, namespace="shop"), {"a": 1}, age=200)
    told = report(text, "--app", "shop_of_inspect:manager")
    assert (told["status"], told["key"]) == ("idle_expired", key.fingerprint)
    assert told["ends"] - told["created"] == 60


def test_a_key_whose_secret_is_gone_is_said_to_be_perhaps_the_cookies(manager, ring, inspect):
    text = mint(manager, {"a": 1})
    gone = KeyringFile(ring).read().keys[0].id
    main(["keys", "revoke", gone, "--ring", str(ring)])
    output = inspect(text, "--ring", ring)[1]
    assert f"which no key of the ring goes by, unless it is the retired {gone}\n" in output


@pytest.mark.parametrize("timeout", ["idle_timeout", "absolute_timeout", "remember_timeout"])
def test_a_timeout_of_nothing_is_refused_as_a_manager_refuses_it(timeout, manager, ring, inspect):
    option = f"--{timeout.replace('_', '-')}"
    status, output = inspect(mint(manager, {"a": 1}), "--ring", ring, option, "0s")
    assert status == 1
    assert f"{timeout} must be a timedelta, or seconds, from 1" in output


# Parts.


@pytest.fixture
def split(manager):
    """The Set-Cookie lines of a session in three cookies: two parts, and the head last."""
    wide = manager.replace(max_cookies=3, compress=False)
    with wide.open(Incoming()) as exchange:
        exchange.session["big"] = "x" * 7_000
        return [f"Set-Cookie: {line}" for _, line in exchange.headers().add]


def test_the_parts_are_put_together(split, ring, report):
    told = report("\n".join(split), "--ring", ring)
    assert (told["status"], told["parts"], told["missing_parts"]) == ("valid", 3, [])


def test_parts_without_names_count_in_their_order(split, ring, report):
    values = [line.partition("=")[2].partition(";")[0] for line in split]
    assert report("\n".join([values[-1], *values[:-1]]), "--ring", ring)["status"] == "valid"


def test_a_part_that_is_missing_is_named(split, ring, inspect):
    for options in ((), ("--ring", ring)):
        status, output = inspect("\n".join(split[1:]), *options)
        assert status == 1
        assert "in 3 parts, of which these are missing: 1\n" in output
        assert "status    incomplete: " in output


# What must not be seen.


def test_data_is_shown_only_on_request(manager, ring, inspect):
    text = mint(manager, {"user": "ann@example.com"})
    for options in ((), ("--json",)):
        assert "ann@example.com" not in inspect(text, "--ring", ring, *options)[1]
        assert "ann@example.com" in inspect(text, "--ring", ring, "--show-data", *options)[1]


def test_neither_key_nor_cookie_is_printed(manager, ring, inspect):
    text = mint(manager, {"a": 1})
    secret = KeyringFile(ring).read().keys[0].key.reveal()
    for options in ((), ("--json",), ("--show-data",)):
        _, output = inspect(f"{HEAD}={text}", "--ring", ring, *options)
        assert secret not in output
        assert text[14:40] not in output


def test_a_name_cannot_steer_the_terminal(manager, ring, inspect):
    text = mint(manager, {"\x1b[2J\nstatus    valid\u202e": "\x1b]0;x\x07"})
    _, output = inspect(f"\x1b[2Jn={text}", "--ring", ring, "--show-data", "--name", "\x1b[2Jn")
    assert "\x1b" not in output
    _, output = inspect(text, "--ring", ring, "--show-data")
    assert output.replace("\n", "").isprintable()
    assert output.count("\nstatus ") == 1


# What is no cookie.


@pytest.mark.parametrize("pasted", [b"", b"\n\n", b"=", b"Set-Cookie:", b"Cookie: a="])
def test_nothing_is_one_sentence(pasted, inspect):
    status, output = inspect(pasted)
    assert status == 1
    assert output.startswith("cookiesession inspect: no cookie was found")
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--ring", "no-such-file"), "cannot read session keys from no-such-file"),
        (("--env", "NO_SUCH_VARIABLE"), "no key ring was found"),
        (("--app", "no_such_module:app"), "there is no module no_such_module"),
        (("--app", "json"), "name the application as module:attribute"),
        (("--app", "json:no_such"), "json has no attribute no_such"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(options, words, manager, inspect):
    status, output = inspect(mint(manager, {"a": 1}), *options)
    assert status == 1
    assert output.startswith(f"cookiesession inspect: {words}")
    assert output.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_ring_that_others_can_read_is_refused_with_the_mend(manager, ring, inspect):
    ring.chmod(0o644)
    status, output = inspect(mint(manager, {"a": 1}), "--ring", ring)
    assert status == 1
    assert f"can read or change {ring}: chmod o-rwx {ring} " in output


pieces = st.sampled_from(
    [
        *(b"1", b"~2.AAAAAAAA.", b"~3.", b"A" * 60, b"." + b"A" * 43, b"AAAAAAAA"),
        *(b"__Host-session", b"session", b".AAAAAAAA.1=", b"Cookie:", b"Set-Cookie: "),
        *(b"=", b";", b"\n", b"'", b"\xff", b"\0"),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.lists(pieces, max_size=12).map(b"".join), st.booleans())
def test_anything_may_be_pasted(ring, inspect, pasted, with_ring):
    status, output = inspect(pasted, *(("--ring", ring) if with_ring else ()))
    assert status in (0, 1)
    assert output.strip()
    assert output.replace("\n", "").isprintable()
    assert "Traceback" not in output
