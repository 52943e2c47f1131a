import copy
import dataclasses
import hashlib
import hmac
import os
import pickle
import re
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiesession import ConfigurationError, Key, Keyring, SessionManager
from tests.forge import encode


def text_of(secret: bytes) -> str:
    """Return a key's text, whatever the secret, as `docs/format.md` describes it."""
    return "ck1_" + encode(secret + hashlib.sha256(b"ck1_" + secret).digest()[:4]).decode()


def spellings(raw: bytes) -> list[str]:
    """Return the ways in which bytes are found in logs."""
    return [
        repr(raw)[2:-1],
        raw.hex(),
        raw.hex().upper(),
        raw.hex(" "),
        str(list(raw))[1:-1],
        b64encode(raw).decode().rstrip("="),
        urlsafe_b64encode(raw).decode().rstrip("="),
    ]


def secrets_of(key: Key) -> list[str]:
    """Return every spelling of everything secret about a key."""
    cookie_key = key.for_cookie("session", "")
    raws = [
        key._secret,
        key._prk,
        cookie_key.sign_key,
        cookie_key._enc_root,
        cookie_key.log_key,
        cookie_key.epoch_key(0),
    ]
    return [key.reveal(), *(spelling for raw in raws for spelling in spellings(raw))]


def hint(thing: str, problem: str) -> str:
    """Return a pattern of the whole message, which prints how to make a good key."""
    return f"^this {thing} {re.escape(problem)}: make one with the command: cookiesession keygen$"


# Making keys.

strong = st.binary(min_size=32, max_size=80).filter(lambda raw: len(set(raw)) > 24)


@given(strong)
def test_a_key_reads_its_own_text(secret):
    key = Key(secret)
    assert key.reveal() == text_of(secret)
    assert Key.parse(key.reveal()) == key
    assert hash(Key.parse(key.reveal())) == hash(key)


def test_generated_keys_are_all_different_and_never_thought_weak():
    keys = [Key.generate() for _ in range(500)]
    assert len(set(keys)) == len({key.fingerprint for key in keys}) == 500
    assert len({hash(key) for key in keys}) == 500


def test_a_key_is_no_other_key_and_nothing_else(key):
    assert key != Key.generate()
    assert key != key.reveal()
    assert key != key._secret


NOT_BYTES, TEXT = "is not bytes (Key.parse reads a key's text)", "is text, not random bytes"
WEAK_SECRETS = {
    "none": (None, NOT_BYTES),
    "text": ("x" * 32, NOT_BYTES),
    "bytearray": (bytearray(range(32)), NOT_BYTES),
    "a number": (32, NOT_BYTES),
    "empty": (b"", "is shorter than 32 bytes"),
    "31 bytes": (bytes(range(7, 255, 8)), "is shorter than 32 bytes"),
    "zeros": (bytes(32), "repeats itself"),
    "one byte": (b"\xff" * 64, "repeats itself"),
    "a repeated word": (b"\x00\x81\xfe\x17" * 8, "repeats itself"),
    "15 different bytes": (bytes(range(15)) * 3, "repeats itself"),
    "white space": (b" " * 40, TEXT),
    "words": (b"correct horse battery staple and more", TEXT),
    "hexadecimal": (b"0123456789abcdef" * 4, TEXT),
    "counted up": (bytes(range(32)), "counts up or down"),
    "counted down": (bytes(range(255, 200, -1)), "counts up or down"),
    "counted by threes, and around": (bytes(i * 3 % 256 for i in range(100)), "counts up or down"),
}


@pytest.mark.parametrize(("secret", "problem"), WEAK_SECRETS.values(), ids=WEAK_SECRETS)
def test_a_weak_secret_is_refused_when_the_key_is_made(secret, problem):
    """C16, K1. Guessable, repeated and sample keys; the message prints how to make a good one."""
    with pytest.raises(ConfigurationError, match=hint("key", problem)):
        Key(secret)
    if isinstance(secret, bytes):  # a right checksum makes it no better
        with pytest.raises(ConfigurationError, match=hint("key", problem)):
            Key.parse(text_of(secret))


def test_16_different_bytes_are_enough_and_one_that_is_not_printable():
    Key(bytes(i * i for i in range(16)) * 2)
    Key(bytes(range(0x20, 0x7F, 3)) + b"\x7f")


GOOD_TEXT = text_of(hashlib.sha256(b"a key for tests").digest())

BAD_TEXTS = {
    "none": (None, "missing"),
    "bytes": (GOOD_TEXT.encode(), "missing"),
    "empty": ("", "missing"),
    "white space": (" \t\n", "missing"),
    "a bare secret": (GOOD_TEXT[4:], "starts with ck1_"),
    "another prefix": ("ck2_" + GOOD_TEXT[4:], "starts with ck1_"),
    "capitals": ("CK1_" + GOOD_TEXT[4:], "starts with ck1_"),
    "a space before": (" " + GOOD_TEXT, "starts with ck1_"),
    "a line feed behind": (GOOD_TEXT + "\n", "checksum"),
    "the prefix alone": ("ck1_", "checksum.*copy it.*cookiesession keygen"),
    "a character lost": (GOOD_TEXT[:-1], "checksum"),
    "a character doubled": (GOOD_TEXT + GOOD_TEXT[-1], "checksum"),
    "two swapped": (GOOD_TEXT[:10] + GOOD_TEXT[11] + GOOD_TEXT[10] + GOOD_TEXT[12:], "checksum"),
    "padded": (GOOD_TEXT + "=", "checksum"),
    "not ASCII": (GOOD_TEXT[:-1] + "é", "checksum"),
    "no secret": (text_of(b""), "shorter"),
}


@pytest.mark.parametrize(("text", "problem"), BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_a_text_that_is_not_a_whole_key_is_refused(text, problem):
    """K1. The checksum finds what was lost in copying."""
    with pytest.raises(ConfigurationError, match=problem) as refused:
        Key.parse(text)
    assert GOOD_TEXT[4:] not in str(refused.value)


def test_any_one_character_changed_fails_the_checksum():
    for position in range(4, len(GOOD_TEXT)):
        changed = "A" if GOOD_TEXT[position] != "A" else "B"
        with pytest.raises(ConfigurationError):
            Key.parse(GOOD_TEXT[:position] + changed + GOOD_TEXT[position + 1 :])


@given(st.text() | st.text().map("ck1_".__add__))
def test_any_text_is_refused_or_is_the_text_of_its_key(text):
    try:
        key = Key.parse(text)
    except ConfigurationError:
        return
    assert key.reveal() == text


# Passphrases.


def test_a_passphrase_becomes_a_key_through_scrypt():
    """K1. With the parameters that OWASP asks for, checked against another implementation.

    20 characters, of which 8 differ, are enough.
    """
    phrase, salt = "a banter bears nests", "example.com"
    secret = hashlib.scrypt(
        phrase.encode(), salt=salt.encode(), n=2**17, r=8, p=1, dklen=32, maxmem=2**28
    )
    assert Key.from_passphrase(phrase, salt=salt) == Key(secret)


SHORT, SAMPLE = "is shorter than 20 characters", "holds a well-known sample"
WEAK_PASSPHRASES = {
    "none": (None, SHORT),
    "bytes": (b"seven purple otters juggle 41 lamps", SHORT),
    "empty": ("", SHORT),
    "19 characters": ("seven purple otters", SHORT),
    "mostly white space": ("  seven purple otters  ", SHORT),
    "seven different characters": ("abcdefg" * 3, "repeats itself"),
    "iron-session's README": ("complex_password_at_least_32_characters_long", SAMPLE),
    "express's README": ("the keyboard cat sits on it", SAMPLE),
    "a comic": ("Correct-Horse Battery_Staple", SAMPLE),
    "django's startproject": ("django-insecure-4kx$w1r+qv7m", SAMPLE),
    "an .env.example": ("please CHANGE ME before 2030", SAMPLE),
    "a docker-compose.yml": ("change-this-before-2030-ok", SAMPLE),
    "an installer's hint": ("at least 32 characters, random", SAMPLE),
    "a tutorial's": ("a complex password for 2030", SAMPLE),
    "another tutorial's": ("mySecret-of-the-year-2030", SAMPLE),
    "a third tutorial's": ("a_super_secret_for_2030", SAMPLE),
    "a fourth tutorial's": ("YOUR SECRET goes in here", SAMPLE),
    "a framework's": ("dev-secret-key-until-2030", SAMPLE),
    "what it is called": ("this is my long passphrase", SAMPLE),
    "what it is": ("only a placeholder until 2030", SAMPLE),
    "what to do": ("replace-me-in-production", SAMPLE),
}


@pytest.mark.parametrize(("phrase", "problem"), WEAK_PASSPHRASES.values(), ids=WEAK_PASSPHRASES)
def test_a_weak_passphrase_is_refused(phrase, problem):
    """C16, K1."""
    with pytest.raises(ConfigurationError, match=hint("passphrase", problem)) as refused:
        Key.from_passphrase(phrase, salt="example.com")
    assert not phrase or str(phrase) not in str(refused.value)


@pytest.mark.parametrize("salt", [None, "", "  ", b"example.com"])
def test_a_passphrase_needs_a_salt(salt):
    with pytest.raises(ConfigurationError, match="salt"):
        Key.from_passphrase("seven purple otters juggle 41 lamps", salt=salt)


def test_a_passphrase_is_not_taken_for_a_key():
    """K1. What was typed goes through scrypt, by another name, or not at all."""
    with pytest.raises(ConfigurationError, match="starts with ck1_"):
        SessionManager("seven purple otters juggle 41 lamps")


def test_the_docs_print_no_usable_key():
    """C16, K1. Keys of READMEs are in production."""
    root = Path(__file__).parent.parent
    folders = [root.glob("*"), *((root / name).rglob("*") for name in ("docs", "examples"))]
    pages = [page for folder in folders for page in folder if page.suffix in (".md", ".py")]
    assert len(pages) > 15
    words = re.findall(r"ck\d_[A-Za-z0-9_-]*", "".join(page.read_text("utf-8") for page in pages))
    for word in words:
        with pytest.raises(ConfigurationError):
            Key.parse(word)


# What is derived.


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand of RFC 5869 for one block, from its definition."""
    return hmac.digest(prk, info + b"\x01", "sha256")[:length]


@pytest.mark.parametrize(
    ("name", "namespace", "context"),
    [
        ("session", "", b"\0\7session\0\0"),
        ("a", "bc", b"\0\1a\0\2bc"),
        ("é", "x" * 256, b"\0\2\xc3\xa9\1\0" + b"x" * 256),
    ],
)
def test_every_key_is_derived_as_the_format_says(key, name, namespace, context):
    """C13. HKDF-SHA-256, checked against its definition."""
    prk = hmac.digest(b"cookiesession/1", key._secret, "sha256")
    enc_root = expand(prk, b"cookiesession/1 enc\0" + context, 32)
    cookie_key = key.for_cookie(name, namespace)
    assert cookie_key.kid == expand(prk, b"cookiesession/1 kid\0" + context, 3)
    assert cookie_key.sign_key == expand(prk, b"cookiesession/1 sign\0" + context, 32)
    assert cookie_key.log_key == expand(prk, b"cookiesession/1 log", 32)
    assert key.fingerprint == expand(prk, b"cookiesession/1 fingerprint", 6).hex()
    for epoch in (0, 109_863, 2**26 - 1):
        info = b"cookiesession/1 epoch\0" + epoch.to_bytes(4, "big")
        assert cookie_key.epoch_key(epoch) == expand(enc_root, info, 32)


def test_contexts_are_never_confused(key):
    """C7. Name and namespace carry their length: moving a character between them is another key."""
    texts = ["", "\0", "\0\0", "a", "b", "ab", "bc", "abc", "a\0", "\0a", "\0\1", "a\0\0"]
    contexts = [(name, namespace) for name in texts for namespace in texts]
    derived = [key.for_cookie(*context) for context in contexts]
    assert len({key.sign_key for key in derived}) == len(contexts)
    assert len({key.epoch_key(0) for key in derived}) == len(contexts)


def test_no_two_purposes_share_a_key(key):
    cookie_key = key.for_cookie("session", "")
    purposes = [cookie_key.sign_key, cookie_key.log_key, cookie_key._enc_root]
    purposes += [cookie_key.epoch_key(epoch) for epoch in range(5)]
    assert len(set(purposes)) == 8
    assert not any(one.startswith(cookie_key.kid) for one in purposes)


# Rings.


@pytest.fixture
def new() -> Key:
    return Key.generate()


@pytest.fixture
def old() -> Key:
    return Key.generate()


def test_the_first_key_writes_unless_another_is_named(new, old):
    assert Keyring([new, old]).primary == new
    assert Keyring([new, old], primary=old).primary == old
    assert Keyring([new.reveal(), old.reveal()]).accepted == (new, old)


def test_a_primary_that_is_equal_but_another_object_writes(new, old):
    """K2. As where the keys are given as text, and the primary as a `Key`."""
    ring = Keyring([new.reveal(), old.reveal()], primary=old)
    text = SessionManager(ring).dumps({"user_id": 7})
    assert SessionManager(old).loads(text) == {"user_id": 7}


def test_a_ring_reads_states_commas_and_comments(new, old):
    gone = Key.generate()
    ring = Keyring.parse(
        f"{new.reveal()} accepted, {old.reveal()} primary # since spring\n"
        f"# {Key.generate().reveal()}\r\n\t{gone.reveal()} retired"
    )
    assert (ring.accepted, ring.primary, ring.retired) == ((new, old), old, (gone,))


BAD_RINGS = {
    "empty": ("", "needs a key.*keygen"),
    "comments alone": ("# soon", "needs a key.*keygen"),
    "retired alone": ("{0} retired", "needs a key.*keygen"),
    "a key twice": ("{0} {0}", "twice"),
    "accepted and retired": ("{0} {1} {0} retired", "twice"),
    "two primaries": ("{0} primary {1} primary", "two keys are primary"),
    "a state first": ("primary {0}", "must follow the key"),
    "two states": ("{0} retired primary {1}", "must follow the key"),
    "an unknown word": ("{0} secondary", "starts with ck1_.*keygen"),
    "a broken key": ("{0}x {1}", "checksum"),
}


@pytest.mark.parametrize(("ring", "problem"), BAD_RINGS.values(), ids=BAD_RINGS)
def test_a_ring_that_contradicts_itself_is_refused(new, old, ring, problem):
    text = ring.format(new.reveal(), old.reveal())
    with pytest.raises(ConfigurationError, match=problem) as refused:
        Keyring.parse(text)
    for secret in secrets_of(new) + secrets_of(old):
        assert secret not in str(refused.value)


def test_a_primary_must_be_accepted(new, old):
    with pytest.raises(ConfigurationError, match="primary"):
        Keyring([new], primary=old)
    with pytest.raises(ConfigurationError, match="primary"):
        Keyring([new], primary=old, retired=[old])


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_missing_key_prints_the_command_that_makes_one(monkeypatch, value):
    """K6. Never an implicit random key: every process would log out the others' visitors."""
    if value is None:
        monkeypatch.delenv("SESSION_KEYS", raising=False)
    else:
        monkeypatch.setenv("SESSION_KEYS", value)
    with pytest.raises(ConfigurationError, match=r"SESSION_KEYS.*cookiesession keygen"):
        Keyring.from_env("SESSION_KEYS")
    for nothing in (None, [], "", value):
        with pytest.raises(ConfigurationError, match="cookiesession keygen"):
            SessionManager(nothing)


def test_a_ring_comes_from_the_environment_or_a_file(monkeypatch, tmp_path, new, old):
    text = f"{new.reveal()}\n{old.reveal()} retired\n"
    monkeypatch.setenv("SESSION_KEYS", text)
    (tmp_path / "keys").write_text(text)
    for ring in (Keyring.from_env("SESSION_KEYS"), Keyring.from_file(tmp_path / "keys")):
        assert (ring.accepted, ring.retired) == ((new,), (old,))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        (b"\xff\xfe", ": it is not text$"),
        (b" \n", "keygen"),
        (b"#", "keygen"),
    ],
)
def test_a_file_without_a_key_is_refused(tmp_path, content, problem):
    if content is not None:
        (tmp_path / "keys").write_bytes(content)
    with pytest.raises(ConfigurationError, match=problem):
        Keyring.from_file(tmp_path / "keys")


def test_a_file_is_utf_8_whatever_the_locale(tmp_path, new):
    file = tmp_path / "keys"
    file.write_text(f"{new.reveal()} # seit dem Frühling", encoding="utf-8")
    seen = subprocess.run(
        [
            sys.executable,
            "-c",
            f"from cookiesession import *; print(Keyring.from_file({str(file)!r}))",
        ],
        env={
            "PYTHONPATH": os.pathsep.join(sys.path),
            "LC_ALL": "C",
            "PYTHONUTF8": "0",
            "PYTHONCOERCECLOCALE": "0",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.strip() == repr(Keyring([new]))


def test_replicas_compare_their_rings_by_fingerprint(new, old):
    """K6. Equal exactly where the rings accept, write and retire the same keys."""
    third = Key.generate()
    text = f"{new.reveal()} {old.reveal()} {third.reveal()}"
    assert Keyring.parse(text).fingerprint == Keyring([new, third, old]).fingerprint
    rings = [
        Keyring([new, old]),
        Keyring([old, new]),
        Keyring([new]),
        Keyring([old]),
        Keyring([new], retired=[old]),
        Keyring([new, old, third]),
        Keyring([new, old], retired=[third]),
    ]
    assert Keyring([new, old], primary=old).fingerprint == rings[1].fingerprint
    for one, other in combinations(rings, 2):
        assert one.fingerprint != other.fingerprint


def test_a_fingerprint_is_the_same_in_another_process(key):
    """K6. With another hash seed."""
    program = (
        "import os; from cookiesession import Keyring as K; print(K.from_env('K').fingerprint)"
    )
    ring = Keyring([key], retired=[Key.generate()])
    text = f"{key.reveal()} {ring.retired[0].reveal()} retired"
    seen = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7", "K": text},
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.strip() == ring.fingerprint


# Nothing shows itself.


@pytest.fixture
def holders(key):
    """Everything that holds a key."""
    manager = SessionManager(Keyring([Key.generate(), key], primary=key))
    ring_key = manager._policy.codec.ready(0).primary
    return [key, ring_key.cookie_key, manager.keyring, manager, ring_key, manager._policy.codec]


def test_no_key_shows_itself_in_text(holders, key):
    """K3. `repr`, `str`, formats, logs of containers, and what a debugger lists."""
    for holder in holders:
        shown = f"{holder!r} {holder} {[holder]} { {'key': holder} } %r" % (holder,)
        for secret in secrets_of(key):
            assert secret not in shown


def test_no_key_is_in_vars_or_dumps(holders, key):
    """K3. What settings pages and error trackers walk."""
    for holder in holders:
        with pytest.raises(TypeError):
            vars(holder)
    settings = dataclasses.make_dataclass("Settings", ["holders"])(holders[:3])
    dumped = repr(dataclasses.asdict(settings))
    assert key.fingerprint in dumped
    for secret in secrets_of(key):
        assert secret not in dumped


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_no_key_can_be_pickled(holders, protocol):
    """K3. A pickle in a cache or a queue would write it down."""
    for holder in holders:
        with pytest.raises((TypeError, pickle.PicklingError)):
            pickle.dumps(holder, protocol)


def test_a_copy_of_a_key_is_the_key(holders):
    """K3. So that copying settings works, and makes no second secret."""
    for holder in holders[:3]:
        assert copy.copy(holder) is holder
        assert copy.deepcopy({"holder": [holder]})["holder"][0] is holder
