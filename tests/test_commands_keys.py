"""`cookiesession keys`, as its users type it."""

import io
import json
import subprocess
import sys

import pytest

from cookiesession import Key
from cookiesession.__main__ import main
from cookiesession.keyring import KeyringFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keyring.json"


@pytest.fixture
def keys(path, capsys):
    """Run a command; return what it printed, after looking that it holds no secret."""

    def run(action, *words, fails=False):
        status = main(["keys", action, "--ring", str(path), *words])
        out, err = capsys.readouterr()
        assert status == int(fails)
        assert "ck1_" not in out + err
        return err if fails else out

    return run


def ids(path):
    return [key.id for key in KeyringFile(path).read().keys]


def test_a_ring_is_made_looked_at_and_rotated(keys, path):
    """K4."""
    assert keys("add", "--note", "the first") == keys("list")
    keys("rotate")
    assert [line.split()[:2] for line in keys("rotate", "--schedule").splitlines()[1:3]] == [
        [ids(path)[0], "accepted"],
        [ids(path)[1], "primary"],
    ]
    assert len(ids(path)) == 2


def test_keys_are_promoted_retired_revoked_and_pruned(keys, path):
    keys("add")
    keys("add")
    new, old = ids(path)
    assert "wait until then" in keys("promote", new, fails=True)
    assert "promote another one first" in keys("retire", old, fails=True)
    keys("promote", new, "--at-once")
    assert "opens nothing" in keys("revoke", old)
    keys("prune")
    assert ids(path) == [new]


def test_the_schedule_can_be_changed(keys, path):
    keys("add")
    assert "propagation 12h, lifetime 30d" in keys(
        "schedule", "--propagation", "12h", "--lifetime", "30d"
    )
    assert KeyringFile(path).read().schedule.propagation == 43_200
    with pytest.raises(SystemExit):
        keys("schedule", "--lifetime", "soon")
    with pytest.raises(SystemExit):  # days or seconds?
        keys("schedule", "--lifetime", "30")


def test_json_says_the_same_without_the_secrets(keys, path):
    """K3."""
    keys("add", "--note", "first")
    (key,) = json.loads(keys("list", "--json"))["keys"]
    assert key["id"] == ids(path)[0]
    assert key["note"] == "first"
    assert "secret" not in key


def test_a_key_comes_from_standard_input(keys, path, monkeypatch):
    """K3. Never from an argument, which stands in the process list."""
    new, old = Key.generate(), Key.generate()
    stdin = subprocess.run(
        [sys.executable, "-m", "cookiesession", "keys", "add", "--stdin", "--ring", path],
        input=f"{new.reveal()} {old.reveal()} primary",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ck1_" not in stdin.stdout
    document = KeyringFile(path).read()
    assert {key.key: key.state for key in document.keys} == {old: "primary", new: "accepted"}
    assert document.keys[1].activates is None


def test_a_key_that_the_ring_has_is_refused_by_its_id(keys, monkeypatch):
    key = Key.generate()
    monkeypatch.setattr(sys, "stdin", io.StringIO(key.reveal()))
    keys("add", "--stdin")
    monkeypatch.setattr(sys, "stdin", io.StringIO(key.reveal()))
    refusal = keys("add", "--stdin", fails=True)
    assert f"the key ring holds this key already, as {key.fingerprint}" in refusal


@pytest.mark.parametrize("action", ["list", "rotate", "prune", "schedule"])
def test_a_ring_that_is_missing_is_said_in_one_sentence(action, keys, path):
    """K6."""
    (line,) = keys(action, fails=True).splitlines()
    assert line.startswith(f"cookiesession keys {action}: cannot read session keys from")
    assert line.endswith(f"make one with cookiesession keys add --ring {path}")


def test_the_ring_must_be_named(monkeypatch, capsys, path):
    monkeypatch.delenv("SESSION_KEYRING", raising=False)
    assert main(["keys", "list"]) == 1
    assert "--ring" in capsys.readouterr().err
    monkeypatch.setenv("SESSION_KEYRING", str(path))
    assert main(["keys", "add"]) == 0


def test_a_reader_that_has_seen_enough_is_no_error(path):
    command = f"{sys.executable} -m cookiesession keys add --ring {path} --json | head -0"
    ran = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert not ran.stderr


def test_a_new_key_is_printed_with_its_id(capsys):
    assert main(["keygen", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert Key.parse(made["key"]).fingerprint == made["id"]
