"""Proves the promises of SECURITY.md, sentence by sentence.

Each test carries the sentence that it proves; the last one fails when a sentence has no test, or a
test no sentence. What only a browser can show is proved in `tests/browser`, against the attributes
that are asserted here.
"""

import json
import pickle
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from secrets import token_bytes
from typing import Any

import pytest

from cookiesession import (
    ConfigurationError,
    CookieAttributes,
    Incoming,
    Key,
    Keyring,
    SessionClosedError,
    SessionManager,
    SessionTooLarge,
    Status,
    UnsavableSession,
)
from cookiesession._codec import Codec
from tests import forge, independent

PROMISED = re.findall(
    r"^- (.+)$",
    (Path(__file__).parent.parent / "SECURITY.md").read_text().partition("What an attacker")[2],
    re.MULTILINE,
)
PROVED: list[str] = []


def proves(promise: str) -> Callable[[Any], Any]:
    """Mark a test as the proof of a promise."""
    PROVED.append(promise)
    return lambda test: test


def status_of(manager: SessionManager, *cookies: str | bytes, **request: Any) -> Status:
    headers = [cookie.encode() if isinstance(cookie, str) else cookie for cookie in cookies]
    with manager.open(Incoming(cookies=headers, **request)) as exchange:
        status = exchange.session.status
        assert status is Status.VALID or not exchange.session
        edits = exchange.headers(200)
        assert not edits.add, "a refusal writes nothing"
    return status


def named(manager: SessionManager, text: str) -> str:
    return f"{manager.cookie_name}={text}"


@pytest.fixture
def text(manager: SessionManager) -> str:
    return manager.dumps({"user_id": 7, "secret": "swordfish"})


@proves(
    "Sends any bytes as a cookie: the session is empty, `status` says why, and no error is raised."
)
@pytest.mark.parametrize("junk", [b"", b"1", b"\xff\x00" * 90, b"1" + b"A" * 200, b"~2.AAAAAAAA.x"])
def test_any_bytes(manager, junk):
    status = status_of(manager, manager.cookie_name.encode() + b"=" + junk)
    assert status not in (Status.VALID, Status.MISSING)


@proves("Changes one character of a cookie: it is refused.")
def test_one_character(manager, text):
    for position, character in enumerate(text):
        changed = text[:position] + ("A" if character != "A" else "B") + text[position + 1 :]
        assert status_of(manager, named(manager, changed)) is not Status.VALID


@proves("Cuts a cookie short, or adds to it: it is refused.")
def test_cut_or_extended(manager, text):
    for length in range(len(text)):
        assert status_of(manager, named(manager, text[:length])) is not Status.VALID
    for addition in ("A", ".", "=", "AAAA", text):
        assert status_of(manager, named(manager, text + addition)) is not Status.VALID
        assert status_of(manager, named(manager, addition + text)) is not Status.VALID


@proves(
    "Takes the cookie of one application to another with the same key, but another name or "
    "namespace: it is refused."
)
@pytest.mark.parametrize("other", [{"name": "other"}, {"namespace": "other"}])
def test_another_application(make_manager, text, other):
    manager = make_manager(**other)
    assert status_of(manager, named(manager, text)) is Status.UNKNOWN_KEY


@proves(
    "Writes a cookie's signature or payload in another spelling of the same bytes: it is refused."
)
def test_another_spelling(manager, text):
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(text[-1])
    for other in range(last - last % 4, last - last % 4 + 4):
        if other != last:
            changed = text[:-1] + alphabet[other]
            assert status_of(manager, named(manager, changed)) is Status.BAD_SIGNATURE
    for changed in (text + "=", text.replace(".", "=."), text.replace(".", "==.")):
        assert status_of(manager, named(manager, changed)) is not Status.VALID


@proves(
    "Sends a cookie after its idle or its absolute end, with a browser that ignores expiry: "
    "it is refused."
)
def test_after_its_end(make_manager, clock):
    manager = make_manager(idle_timeout=600, absolute_timeout=1000)
    text = manager.dumps({"user_id": 7})
    clock.advance(600 + 61)
    assert status_of(manager, named(manager, text)) is Status.IDLE_EXPIRED
    manager = make_manager(idle_timeout=1000, absolute_timeout=1000)
    text = manager.dumps({"user_id": 7})
    clock.advance(1000 + 61)
    assert status_of(manager, named(manager, text)) is Status.EXPIRED


@proves("Sends a cookie under a key that was taken out of the ring or retired: it is refused.")
def test_a_key_that_is_gone(make_manager, key, text):
    new = Key.generate()
    for ring in (Keyring([new]), Keyring([new], retired=[key])):
        manager = make_manager(ring)
        assert status_of(manager, named(manager, text)) is Status.UNKNOWN_KEY


@proves(
    "Sends the same name many times, or a header of 64 KiB: a bounded number of candidates is "
    "looked at."
)
def test_many_candidates(manager, text, monkeypatch):
    looked_at: list[bytes] = []
    loads = Codec.loads

    def counting(codec: Codec, candidate: bytes, now: int) -> Any:
        looked_at.append(candidate)
        return loads(codec, candidate, now)

    monkeypatch.setattr(Codec, "loads", counting)
    cookies = "; ".join(named(manager, f"1{number:0112}.{'A' * 43}") for number in range(400))
    assert len(cookies) > 64 * 1024
    assert status_of(manager, cookies) is not Status.VALID
    assert len(looked_at) == 4


@proves("Sends a broken cookie beside the good one: the good one is used.")
def test_a_broken_one_beside(manager, text):
    broken = text[:-1] + ("A" if text[-1] != "A" else "E")
    both = f"{named(manager, broken)}; {named(manager, text)}"
    assert status_of(manager, both) is Status.VALID


def split(manager: SessionManager, data: dict[str, Any]) -> dict[str, str]:
    """Return the cookies that a browser holds after a session was saved."""
    with manager.open(Incoming()) as exchange:
        exchange.session.update(data)
        lines = [line for _, line in exchange.headers(200).add]
    return dict(line.partition(";")[0].split("=", 1) for line in lines)


@proves("Sends parts of different split cookies together: they are never mixed.")
def test_mixed_parts(make_manager):
    manager = make_manager(max_cookies=3, compress=False)
    ann, bob = (split(manager, {"text": letter * 6000}) for letter in "ab")
    assert len(ann) == len(bob) == 3
    head, *_ = [name for name in ann if "." not in name]
    mixture = {**ann, **bob, head: ann[head]}
    with manager.open(Incoming(cookies=["; ".join(map("=".join, mixture.items())).encode()])) as it:
        assert set(it.session["text"]) == {"a"}
    renamed = {
        name.replace(ann[head][3:11], bob[head][3:11]): value for name, value in ann.items()
    } | {head: bob[head]}
    cookies = "; ".join(map("=".join, renamed.items()))
    assert status_of(manager, cookies) is not Status.VALID


@proves("Sends a cookie whose name only looks like ours, after odd white space: it is not read.")
@pytest.mark.parametrize(
    "space", [b"\xa0", b"\x85", b"\x1c", b"\x0b", b"\xc2\xa0", b"\xe2\x80\x80"]
)
def test_odd_white_space(manager, text, space):
    assert status_of(manager, space + named(manager, text).encode()) is Status.MISSING


@proves("Sends forwarded headers: they are never read.")
def test_forwarded_headers_have_no_place():
    assert not [name for name in Incoming.__dataclass_fields__ if "forward" in name]
    for module in (Path(__file__).parent.parent / "cookiesession").rglob("*.py"):
        assert "x-forwarded" not in module.read_text().lower(), module


@proves("Reads it: nothing is legible but the key's id, the time of issue and the length.")
def test_nothing_is_legible(manager, text, key, clock):
    payload = text[1:].partition(".")[0]
    raw = urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    assert b"swordfish" not in raw
    assert b"secret" not in raw
    assert int.from_bytes(raw[3:8], "big") == clock.now
    assert manager.dumps({"user_id": 7, "secret": "swordfish"})[20:-43] != text[20:-43]


@proves(
    "Sends it after the victim has logged in anew, when the application calls `regenerate`: "
    "the old session does not become the new one."
)
def test_fixation(manager, text):
    with manager.open(Incoming(cookies=[named(manager, text).encode()])) as exchange:
        before = exchange.session.id
        exchange.session.regenerate(keep=[])
        exchange.session["user_id"] = 8
        ((_, line),) = exchange.headers(200).add
    new = manager.loads(line.partition(";")[0].partition("=")[2])
    assert new.id != before
    assert dict(manager.loads(text)) == {"user_id": 7, "secret": "swordfish"}
    assert dict(new) == {"user_id": 8}


@proves(
    "Sends it after the victim's logout: it is accepted until it expires; this is the limit of "
    "every cookie session."
)
def test_replay_is_the_limit(make_manager, clock):
    manager = make_manager(idle_timeout=600)
    text = manager.dumps({"user_id": 7})
    with manager.open(Incoming(cookies=[named(manager, text).encode()])) as exchange:
        exchange.session.destroy()
        assert exchange.headers(200).add
    assert status_of(manager, named(manager, text)) is Status.VALID
    clock.advance(661)
    assert status_of(manager, named(manager, text)) is Status.IDLE_EXPIRED


@pytest.fixture
def attributes(manager: SessionManager) -> list[str]:
    with manager.open(Incoming()) as exchange:
        exchange.session["user_id"] = 7
        ((_, line),) = exchange.headers(200).add
    return line.split("; ")


@proves("Runs a script in the page: the cookie is HttpOnly, so `document.cookie` does not show it.")
def test_http_only(attributes):
    """O2."""
    assert "HttpOnly" in attributes


@proves("Listens on plain http: the cookie is Secure and is not sent there.")
def test_secure(attributes):
    """O2."""
    assert "Secure" in attributes


@proves("Posts from another site: the cookie is SameSite=Lax and is not sent along.")
def test_same_site(attributes):
    """O2."""
    assert "SameSite=Lax" in attributes


@proves("Sets a cookie from a sibling domain: the `__Host-` name does not let it.")
def test_host_name(attributes):
    """O2."""
    assert attributes[0].startswith("__Host-session=")
    assert "Path=/" in attributes
    assert not [attribute for attribute in attributes if attribute.startswith("Domain")]


@proves(
    "Shares a cache with the victim: a response that looked at the session has `Vary: Cookie`, "
    "and one that sets the cookie `no-store`, unless the application said `private` or `no-cache`."
)
def test_caches(manager):
    with manager.open(Incoming()) as exchange:
        assert "user_id" not in exchange.session
        assert exchange.headers(200, cache_control="public").set == {"Vary": "Cookie"}
    with manager.open(Incoming()) as exchange:
        exchange.session["user_id"] = 7
        edits = exchange.headers(200, vary="Accept", cache_control="public, max-age=60")
    assert edits.set == {"Vary": "Accept, Cookie", "Cache-Control": "no-store"}


@proves(
    "Chooses text that is saved in a session: what another top-level key compresses to does not "
    "change."
)
def test_compression_keeps_apart(make_manager):
    manager = make_manager(pad=0)
    secret = "correct horse battery staple, and so on " * 30

    def length(text: str) -> int:
        return len(manager.dumps({"secret": secret, "text": text}))

    like_it = secret[:1200]
    unlike_it = "".join(chr(33 + (number * 7919) % 90) for number in range(1200))
    alone = {text: len(manager.dumps({"text": text})) for text in (like_it, unlike_it)}
    assert length(like_it) - alone[like_it] == length(unlike_it) - alone[unlike_it]


@proves(
    "Reads what is logged: no key, cookie value or session data is in events, errors or `repr`."
)
def test_nothing_in_logs(make_manager, key, caplog):
    """K3."""
    caplog.set_level("DEBUG", logger="cookiesession")
    manager = make_manager()
    text = manager.dumps({"secret": "swordfish"})
    for cookie in (text, text[:-1], text[:-2] + "zz", "1" * 200):
        with manager.open(Incoming(cookies=[named(manager, cookie).encode()])) as exchange:
            arrival = repr(exchange.session._arrival) if exchange.session.accessed else ""
            shown = (
                arrival + repr(exchange.session) + repr(dict(exchange.session) and exchange.session)
            )
            exchange.session["again"] = "swordfish"
            exchange.headers(500)
    with pytest.raises(UnsavableSession) as unsavable:
        manager.dumps({"swordfish": "swordfish", "bad": {"swordfish", ("swordfish", object)}})
    with pytest.raises(SessionTooLarge) as too_large:
        manager.dumps({"big": ["swordfish"] * 2 + [str(number) for number in range(5000)]})
    seen = "".join([caplog.text, shown, str(unsavable.value), str(too_large.value), repr(manager)])
    assert caplog.records
    for secret in (key.reveal(), key.reveal()[4:40], text, text[60:90], "swordfish"):
        assert secret not in seen


@proves(
    "Reads a pickle or a dump of the configuration: keys, rings and managers refuse to be pickled "
    "and do not show themselves."
)
def test_no_pickles(manager, key):
    """K3."""
    for secretive in (key, manager.keyring, manager):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(secretive)
        with pytest.raises(TypeError):
            vars(secretive)
        assert key.reveal()[4:] not in repr(secretive) + str(secretive)
        with pytest.raises(TypeError):
            json.dumps(secretive)


@proves(
    "Forgets the key, or uses a weak or a sample one: the application does not start, and the "
    "message prints the command that makes one."
)
@pytest.mark.parametrize(
    "weak",
    [None, "", "  ", "secret", "changeme" * 8, "complex_password_at_least_32_characters_long"],
)
def test_weak_keys(weak):
    with pytest.raises(ConfigurationError, match="cookiesession keygen"):
        SessionManager(weak)


@proves("Combines attributes that browsers drop: the application does not start.")
@pytest.mark.parametrize(
    "dropped", [{"samesite": "none", "secure": False}, {"partitioned": True, "secure": False}]
)
def test_dropped_attributes(dropped):
    with pytest.raises(ConfigurationError, match="secure=True"):
        CookieAttributes(**dropped)


@proves(
    "Puts too much into a session, or what cannot be saved: an error names it, and the browser "
    "keeps the session that it had."
)
@pytest.mark.parametrize(("name", "value"), [("photo", token_bytes(5000)), ("lock", object())])
def test_unsavable(manager, text, name, value):
    with manager.open(Incoming(cookies=[named(manager, text).encode()])) as exchange:
        exchange.session[name] = value
        with pytest.raises(UnsavableSession, match=name):
            exchange.headers(200)
        assert not exchange.headers(500).add


@proves("Changes a session when its headers have left: an error says so.")
def test_late_change(manager):
    exchange = manager.open(Incoming())
    exchange.session["cart"] = []
    exchange.headers(200)
    exchange.session["cart"].append("tea")
    with pytest.raises(SessionClosedError, match="cart"):
        exchange.close()


@proves("Leaves a replica without the newest key: it refuses the cookie and does not delete it.")
def test_a_replica_without_the_key(make_manager, text):
    replica = make_manager(Key.generate())
    assert status_of(replica, named(replica, text)) is Status.UNKNOWN_KEY  # and wrote nothing


@proves(
    "AES-256-GCM with random 96-bit nonces and a key for every 4.55 hours, inside HMAC-SHA-256, "
    "with keys from HKDF-SHA-256."
)
def test_an_opener_that_shares_no_code_says_the_same_of_the_cryptography(manager, key, clock):
    for _ in range(2):
        text = manager.dumps({"secret": "swordfish"})
        read = independent.read(text, {**independent_settings(key), "now": clock.now})
        assert (read["status"], read["issued"]) == ("valid", clock.now)
        assert bytes.fromhex(read["body"]) == b"\x81\xa6secret\xa9swordfish"
        clock.advance(2**14)  # 4.55 hours later, and so under the next key


def independent_settings(key: Key) -> dict[str, Any]:
    """Return what `tests/independent.py` must know of a server."""
    days = {"idle_timeout": 14, "absolute_timeout": 30, "remember_timeout": 30}
    return {
        "secret": key._secret.hex(),
        "name": "session",
        "namespace": "",
        "issued_after": 0,
        "max_cookies": 1,
        **{timeout: number * 86_400 for timeout, number in days.items()},
    }


@proves("Either alone keeps a forger out: the tests switch each off in turn.")
def test_either_alone_keeps_a_forger_out(manager, text, key):
    sealed, signature = text[1:-44].encode(), text[-43:]
    raw = bytearray(forge.decode(sealed))
    raw[20] ^= 1
    forged = forge.encode(bytes(raw))
    unsigned = f"1{forged.decode()}.{signature}"
    assert status_of(manager, named(manager, unsigned)) is Status.BAD_SIGNATURE
    signed = forge.sign(key, forged).decode()  # as if the signature were no obstacle
    assert status_of(manager, named(manager, signed)) is Status.BAD_CIPHERTEXT


def test_every_promise_is_proved_and_every_proof_promised():
    assert sorted(PROVED) == sorted(PROMISED)
    assert len(PROVED) == len(set(PROVED)) > 25
