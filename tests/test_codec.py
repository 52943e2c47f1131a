import hashlib
import hmac
import math
import traceback
import zlib
from base64 import urlsafe_b64encode as b64encode
from itertools import product

import itsdangerous
import msgpack
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from cookiesession import CookieAttributes, InvalidCookie, Key, Keyring, SessionManager, Status
from cookiesession._codec import Codec, CodecOptions, kid_of
from cookiesession._lifetimes import Lifetimes, Stamp
from cookiesession._pack import pack
from cookiesession._sign import Signer
from tests import forge
from tests.conftest import NOW
from tests.strategies import SAMPLE, exact, sessions
from tests.test_keys import secrets_of

KEY = Key(bytes(i * i % 251 for i in range(64)))
STAMP = Stamp(NOW, NOW, forge.SID)
DATA = {"user_id": 7, "note": "swordfish"}


def make_codec(keys=KEY, name="session", namespace="", **changes) -> Codec:
    settings = {
        "lifetimes": Lifetimes(idle=600, absolute=1_000, remember=5_000),
        "issued_after": NOW - 2_000,
        "compress": True,
        "pad": 16,
        "max_length": 100_000,
    }
    source = Keyring([keys]) if isinstance(keys, Key) else keys
    return Codec(source, name, namespace, CodecOptions(**settings | changes))


CODEC = make_codec()


def dumps(codec=CODEC, data=DATA, stamp=STAMP) -> bytes:
    return codec.dumps(pack(data), stamp, NOW)


def reason_of(text: bytes, codec=CODEC, now=NOW) -> Status | None:
    """Return why a text is refused, or None; anything else that is raised fails the test."""
    opened = codec.loads(text, now)
    return opened if isinstance(opened, Status) else None


def refusal(text: bytes, codec=CODEC, now=NOW) -> Status:
    reason = reason_of(text, codec, now)
    assert reason, "it was accepted"
    return reason


# Round trips.


@given(sessions, st.booleans(), st.sampled_from([0, 16, 32]), st.integers(0, 9), st.booleans())
def test_what_was_dumped_loads(data, compress, pad, remembered, forgotten):
    codec = make_codec(compress=compress, pad=pad)
    stamp = STAMP._replace(remembered=remembered, forgotten=forgotten)
    data["long"] = "text that is worth compressing, " * 30
    text = dumps(codec, data, stamp)
    content = codec.loads(text, NOW)
    assert exact(content.data) == exact(data)
    assert content.body == pack(data)
    assert content.stamp == stamp
    assert content.key is codec.ready(NOW).primary


def test_a_value_of_every_type_comes_back():
    assert exact(CODEC.loads(dumps(data=SAMPLE), NOW).data) == exact(SAMPLE)


def test_the_smallest_cookies_are_as_small_as_documented():
    assert len(dumps(data={})) == 115
    assert len(dumps(make_codec(pad=0), {})) == 113
    assert len(dumps(data={"x": b"x" * 55})) == 200, "a body of 60 bytes"


def test_the_same_session_never_makes_the_same_cookie():
    """C3."""
    texts = {dumps() for _ in range(1_000)}
    assert len(texts) == len({forge.raw_of(text)[8:20] for text in texts}) == 1_000


def test_a_pad_hides_small_differences_in_length():
    """C15."""
    assert len({len(dumps(data={"x": "x" * size})) for size in range(13)}) == 1
    assert len({len(dumps(make_codec(pad=0), {"x": "x" * size})) for size in range(13)}) > 10


def test_sizes_are_of_what_would_be_written():
    long = "text that is worth compressing, " * 30
    body = pack({"small": 1, "long": long, "medium": "x" * 200})
    plain = make_codec(compress=False).sizes(body)
    assert plain == [("long", 963), ("medium", 202), ("small", 1)]
    compressed = CODEC.sizes(body)
    assert [name for name, _ in compressed] == ["medium", "long", "small"]
    assert compressed[1][1] < 100


# Refusals, at the step that they are named after. Each takes the key and a good cookie.


def changed(text: bytes, position: int) -> bytes:
    position %= len(text)
    other = b"A" if text[position : position + 1] != b"A" else b"B"
    return text[:position] + other + text[position + 1 :]


def sealed_again(key: Key, text: bytes, position: int) -> bytes:
    """Return the cookie with a byte of the sealed block changed, and signed again."""
    raw = bytearray(forge.raw_of(text))
    raw[position] ^= 1
    return forge.sign(key, forge.encode(bytes(raw)))


def with_payload(change):
    return lambda key, text: forge.sign(key, change(text[1:-44]))


def with_body(value: bytes):
    return lambda key, text: forge.cookie_of_body(key, b"\x81\xa1x" + value)


def deflated(packed: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-15)
    return msgpack.packb(msgpack.ExtType(90, deflater.compress(packed) + deflater.flush()))


HEAD, BODY = forge.HEAD, b"\x80"
REFUSALS = {
    # 1
    "nothing": (Status.MALFORMED, lambda key, text: b""),
    "a character too short": (Status.MALFORMED, lambda key, text: b"1" * 112),
    "a character too long": (Status.MALFORMED, lambda key, text: b"1" * 100_001),
    "not ASCII": (Status.MALFORMED, lambda key, text: text[:-1] + b"\xe9"),
    "not ASCII, and of another format": (Status.MALFORMED, lambda key, text: b"\xb1" + text[1:]),
    # 2
    "another format": (Status.UNKNOWN_FORMAT, lambda key, text: b"2" + text[1:]),
    "the head of a split cookie": (Status.UNKNOWN_FORMAT, lambda key, text: b"~2.AAAAAAAA." + text),
    "a space before": (Status.UNKNOWN_FORMAT, lambda key, text: b" " + text),
    "a JSON web token": (Status.UNKNOWN_FORMAT, lambda key, text: b"eyJhbGciOiJub25lIn0." * 9),
    # 3
    "a character behind": (Status.MALFORMED, lambda key, text: text + b"A"),
    "a space behind": (Status.MALFORMED, lambda key, text: text + b" "),
    "the last character lost": (Status.MALFORMED, lambda key, text: text[:-1]),
    "no dot": (Status.MALFORMED, lambda key, text: text.replace(b".", b"")),
    "another separator": (Status.MALFORMED, lambda key, text: text.replace(b".", b":")),
    "another key": (Status.UNKNOWN_KEY, lambda key, text: dumps(make_codec(Key.generate()))),
    "an id of no key": (Status.UNKNOWN_KEY, lambda key, text: text[:1] + b"????" + text[5:]),
    "another name": (Status.UNKNOWN_KEY, lambda key, text: dumps(make_codec(name="other"))),
    # 4
    "a signature of zeros": (Status.BAD_SIGNATURE, lambda key, text: text[:-43] + b"A" * 43),
    "another's signature": (Status.BAD_SIGNATURE, lambda key, text: text[:-43] + dumps()[-43:]),
    "a changed signature": (Status.BAD_SIGNATURE, lambda key, text: changed(text, -2)),
    "a changed payload": (Status.BAD_SIGNATURE, lambda key, text: changed(text, 50)),
    "a dot more": (Status.BAD_SIGNATURE, lambda key, text: text[:-44] + b"." + text[-44:]),
    "a signature under another's kid": (
        Status.BAD_SIGNATURE,
        lambda key, text: text[:5] + dumps(make_codec(Key.generate()))[5:],
    ),
    # 5
    "padding": (Status.BAD_PAYLOAD, with_payload(lambda payload: payload + b"=")),
    "white space": (Status.BAD_PAYLOAD, with_payload(lambda payload: payload + b" ")),
    "a dot within": (Status.BAD_PAYLOAD, with_payload(lambda payload: payload + b".")),
    "plus": (Status.BAD_PAYLOAD, with_payload(lambda payload: payload[:-4] + b"++++")),
    "a length of 1 mod 4": (Status.BAD_PAYLOAD, with_payload(lambda p: p[: len(p) & ~3] + b"A")),
    "unused bits": (Status.BAD_PAYLOAD, with_payload(lambda p: p[: len(p) & ~3] + b"AB")),
    "301 s ahead": (
        Status.NOT_YET_VALID,
        lambda key, text: forge.cookie(key, HEAD + BODY, issued=NOW + 301),
    ),
    "2^32 s ahead": (
        Status.NOT_YET_VALID,
        lambda key, text: forge.cookie(key, HEAD + BODY, issued=NOW + 2**32),
    ),
    "before issued_after": (
        Status.ISSUED_TOO_EARLY,
        lambda key, text: forge.cookie(key, HEAD + BODY, issued=NOW - 2_001),
    ),
    # 6
    "another second": (Status.BAD_CIPHERTEXT, lambda key, text: sealed_again(key, text, 7)),
    "another nonce": (Status.BAD_CIPHERTEXT, lambda key, text: sealed_again(key, text, 8)),
    "another ciphertext": (Status.BAD_CIPHERTEXT, lambda key, text: sealed_again(key, text, 20)),
    "another tag": (Status.BAD_CIPHERTEXT, lambda key, text: sealed_again(key, text, -1)),
    # 7
    "a codec of 1": (
        Status.BAD_PAYLOAD,
        lambda key, text: forge.cookie(key, b"\x20" + HEAD[1:] + BODY),
    ),
    "no body": (
        Status.BAD_PAYLOAD,
        lambda key, text: forge.cookie(key, b"\x01" + HEAD[1:] + b"\0"),
    ),
    "an own lifetime of 0": (
        Status.BAD_PAYLOAD,
        lambda key, text: forge.cookie(key, b"\x80" + bytes(4) + HEAD[1:] + BODY),
    ),
    "an age greater than issued": (
        Status.BAD_PAYLOAD,
        lambda key, text: forge.cookie(key, b"\0\xff\xff\xff\xff" + forge.SID + BODY),
    ),
    "padding that is not zero": (
        Status.BAD_PAYLOAD,
        lambda key, text: forge.cookie(key, b"\x01" + HEAD[1:] + BODY + b"\1"),
    ),
    "idle too long": (
        Status.IDLE_EXPIRED,
        lambda key, text: forge.cookie(key, HEAD + BODY, issued=NOW - 661),
    ),
    "too old": (
        Status.EXPIRED,
        lambda key, text: forge.cookie(key, b"\0\0\0\x04\x25" + forge.SID + BODY),
    ),
    # 8
    "a body that is no map": (
        Status.BAD_PAYLOAD,
        lambda key, text: forge.cookie_of_body(key, b"\xc0"),
    ),
    "a byte behind the body": (Status.BAD_PAYLOAD, with_body(b"\x01\x00")),
    "a long form": (Status.BAD_PAYLOAD, with_body(b"\xcc\x01")),
    "a msgpack Timestamp": (Status.BAD_PAYLOAD, with_body(b"\xd6\xff\0\0\0\0")),
    "an unlisted extension": (Status.BAD_PAYLOAD, with_body(b"\xd4\x0e\0")),
    "33 levels": (Status.BAD_PAYLOAD, with_body(b"\x91" * 32 + b"\x01")),
    "50 000 levels": (Status.BAD_PAYLOAD, with_body(b"\x91" * 50_000 + b"\x01")),
    "a compressed value in a list": (
        Status.BAD_PAYLOAD,
        with_body(b"\x91" + deflated(b"\xc4\xff" + bytes(255))),
    ),
    "a compressed value in a compressed value": (
        Status.BAD_PAYLOAD,
        with_body(deflated(deflated(b"\xc5\xff\xff" + bytes(65_535)))),
    ),
    "a list of 32 levels, compressed": (
        Status.BAD_PAYLOAD,
        with_body(deflated(b"\x91" * 32 + b"\xc4\xff" + bytes(255))),
    ),
    "a bomb": (Status.BAD_PAYLOAD, with_body(deflated(b"\xc6\0\1\0\0" + bytes(65_536)))),
    "a stream cut short": (
        Status.BAD_PAYLOAD,
        with_body(b"\xd8\x5a" + deflated(b"\xc4\xff" + bytes(range(255)))[3:19]),
    ),
}  # fmt: skip
refusals = pytest.mark.parametrize(("reason", "make"), REFUSALS.values(), ids=REFUSALS)


@refusals
def test_a_cookie_is_refused_at_its_first_fault(reason, make):
    """C1, C2, C9, C12, S1, S2. One format and one path, each step with its reason."""
    assert refusal(make(KEY, dumps())) is reason


def test_every_reason_of_the_codec_has_a_cookie():
    others = {"valid", "missing", "incomplete", "revoked", "host_refused"}
    assert {reason for reason, _ in REFUSALS.values()} == set(Status) - others


def test_the_forged_cookies_are_right_but_for_their_fault():
    """Otherwise the table above would prove nothing."""
    text = dumps()
    assert forge.sign(KEY, text[1:-44]) == text
    assert CODEC.loads(with_body(b"\x01")(KEY, text), NOW).data == {"x": 1}
    assert CODEC.loads(with_body(deflated(b"\xc4\xff" + bytes(255)))(KEY, text), NOW).data == {
        "x": bytes(255)
    }
    for issued in (NOW + 300, NOW - 660):
        assert CODEC.loads(forge.cookie(KEY, HEAD + BODY, issued=issued), NOW).data == {}
    early = forge.cookie(KEY, HEAD + BODY, issued=NOW - 2_000)
    assert refusal(early) is Status.IDLE_EXPIRED, "not before issued_after"
    assert CODEC.loads(forge.cookie(KEY, b"\0\0\0\x04\x24" + forge.SID + BODY), NOW).data == {}


@pytest.mark.parametrize("length", [112, 113, 4_093, 4_094])
def test_the_length_is_looked_at_first(length):
    """S1. 113 to the longest, whatever else is wrong."""
    reason = refusal(b"2" * length, make_codec(max_length=4_093))
    assert reason is (Status.UNKNOWN_FORMAT if length in (113, 4_093) else Status.MALFORMED)


@refusals
def test_nothing_is_looked_at_before_the_signature(reason, make):
    """C10. What is wrong behind it does not show, however wrong, and no cipher is set up."""
    codec = make_codec()
    text = make(KEY, dumps())
    before = {Status.MALFORMED, Status.UNKNOWN_FORMAT, Status.UNKNOWN_KEY}
    unsigned = text[:-43] + b"A" * min(43, len(text))
    assert refusal(unsigned, codec) in {*before, Status.BAD_SIGNATURE}
    if reason not in before:
        assert refusal(unsigned, codec) is Status.BAD_SIGNATURE
    assert not codec.ready(NOW).primary.cookie_key.ciphers


@given(st.binary(max_size=300) | st.binary(min_size=69, max_size=120))
def test_any_payload_without_a_signature_is_only_that(payload):
    """C10. Strangers' bytes meet fixed offsets, and nothing that parses."""
    text = b"1" + CODEC.ready(NOW).primary.kid_text + payload + b"." + b"A" * 43
    well_formed = text.isascii() and len(text) >= 113
    assert refusal(text) is (Status.BAD_SIGNATURE if well_formed else Status.MALFORMED)


@given(st.binary(max_size=200) | st.binary(max_size=200).map(dumps().__add__))
def test_any_text_is_refused_or_is_one_that_we_sign(text):
    """C12. And nothing but `InvalidCookie` is raised."""
    assert reason_of(text) or forge.sign(KEY, text[1:-44]) == text


@given(st.binary(min_size=1, max_size=100))
def test_any_signed_body_is_refused_or_is_one_that_we_write(body):
    """C9, C12."""
    text = forge.cookie_of_body(KEY, body)
    reason = reason_of(text)
    assert reason is Status.BAD_PAYLOAD or pack(CODEC.loads(text, NOW).data) == body


@given(st.binary(min_size=15, max_size=100))
def test_any_signed_inner_block_is_refused_and_nothing_else_is_raised(inner):
    assert reason_of(forge.cookie(KEY, inner)) in (None, Status.BAD_PAYLOAD, Status.EXPIRED)


@given(st.text())
def test_any_text_is_refused_by_the_public_api(text):
    with pytest.raises(InvalidCookie):
        SessionManager(KEY).loads(text)


# Tampering.


BEFORE_DECRYPTION = {
    Status.MALFORMED,
    Status.UNKNOWN_FORMAT,
    Status.UNKNOWN_KEY,
    Status.BAD_SIGNATURE,
}


def test_every_flipped_bit_is_refused_before_anything_is_decrypted():
    """C2. As if the encryption were switched off: the signature refuses by itself."""
    text = dumps()
    for position in range(len(text) * 8):
        flipped = bytearray(text)
        flipped[position // 8] ^= 1 << position % 8
        assert refusal(bytes(flipped)) in BEFORE_DECRYPTION


def test_every_truncation_is_refused():
    """C2. At either end."""
    text = dumps()
    for length in range(len(text)):
        assert refusal(text[:length]) in BEFORE_DECRYPTION
        assert refusal(text[len(text) - length :]) in BEFORE_DECRYPTION


def test_every_flipped_bit_of_the_sealed_block_is_refused_though_signed():
    """C2. As if the signature were switched off: the encryption refuses by itself."""
    raw = forge.raw_of(dumps())
    for position in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[position // 8] ^= 1 << position % 8
        reason = refusal(forge.sign(KEY, forge.encode(bytes(flipped))))
        if position >= 8 * 8:  # what is read before has its own refusals
            assert reason is Status.BAD_CIPHERTEXT


def test_every_flipped_bit_of_the_signature_is_refused_though_sealed():
    """C2. All of its 256 bits count."""
    text = dumps()
    signature = forge.decode(text[-43:])
    for position in range(256):
        flipped = bytearray(signature)
        flipped[position // 8] ^= 1 << position % 8
        assert refusal(text[:-43] + forge.encode(bytes(flipped))) is Status.BAD_SIGNATURE


def fields(text: bytes) -> tuple[bytes, ...]:
    raw = forge.raw_of(text)
    return raw[:3], raw[3:8], raw[8:20], raw[20:-16], raw[-16:], text[-43:]


@pytest.mark.parametrize("other", [KEY, Key(bytes(range(40, 72))[::-1] + KEY._secret)])
def test_no_fields_of_two_cookies_can_be_mixed(other):
    """C2. All mixtures of key id, time, nonce, ciphertext, tag and signature; then signed anew."""
    codec = make_codec(Keyring(dict.fromkeys([KEY, other])))
    one = dumps()
    two = dumps(make_codec(other), {**DATA, "user_id": 8}, STAMP._replace(issued=NOW + 1))
    keys = {key.for_cookie("session", "").kid: key for key in (KEY, other)}
    mixtures = set(product(*zip(fields(one), fields(two), strict=True))) - {
        fields(one),
        fields(two),
    }
    assert len(mixtures) == 2 ** (4 + len(keys)) - 2
    for kid, *raw, signature in mixtures:
        payload = forge.encode(kid + b"".join(raw))
        assert refusal(b"1" + payload + b"." + signature, codec) is Status.BAD_SIGNATURE
        if payload not in (one[1:-44], two[1:-44]):
            assert refusal(forge.sign(keys[kid], payload), codec) is Status.BAD_CIPHERTEXT


@pytest.mark.parametrize("first", [bytes([byte]) for byte in range(128) if byte != ord("1")])
def test_the_first_character_is_the_whole_choice_of_algorithms(first):
    """C6, C17. No other suite or version can be asked for, though the key's owner signs it."""
    payload = dumps()[1:-44]
    sign_key = KEY.for_cookie("session", "").sign_key
    signature = forge.encode(hmac.digest(sign_key, first + payload, "sha256"))
    assert refusal(first + payload + b"." + signature) is Status.UNKNOWN_FORMAT


def test_issued_after_refuses_what_was_issued_before():
    """C2. Forged cookies do not outlive the patch, and no key changes."""
    text = dumps()
    assert make_codec(issued_after=NOW).loads(text, NOW)
    assert refusal(text, make_codec(issued_after=NOW + 1)) is Status.ISSUED_TOO_EARLY


# Contexts and keys.


def test_a_cookie_opens_only_under_its_own_name_and_namespace():
    """C6, C7, C8. The matrix of names and namespaces, with those that concatenate alike."""
    contexts = list(product(["session", "a", "ab", "abc"], ["", "c", "bc", "\0", "session"]))
    codecs = [make_codec(KEY, *context) for context in contexts]
    for writer, reader in product(codecs, codecs):
        if writer is reader:
            assert reader.loads(dumps(writer), NOW).data == DATA
        else:
            assert refusal(dumps(writer), reader) is Status.UNKNOWN_KEY


OTHER_TOKENS = {
    "itsdangerous, as in Flask": lambda secret: itsdangerous.URLSafeTimedSerializer(secret).dumps(
        {"user_id": 7, "text": "x" * 99}
    ),
    "itsdangerous, as in Starlette": lambda secret: itsdangerous.TimestampSigner(secret).sign(
        b64encode(b'{"user_id": 7}' * 9)
    ),
    "Fernet": lambda secret: Fernet(b64encode(secret)).encrypt(b'{"user_id": 7}'),
}


@pytest.mark.parametrize("make", OTHER_TOKENS.values(), ids=OTHER_TOKENS)
def test_another_token_of_the_same_secret_is_no_session(make):
    """C6. NextAuth and Starlette took some for one."""
    token = make(KEY._secret[:32])
    assert refusal(token if isinstance(token, bytes) else token.encode()) in BEFORE_DECRYPTION


def test_the_prefix_of_the_cookies_name_is_not_bound(make_manager):
    """C6. Turning Secure on does not log people out."""
    host, plain = make_manager(), make_manager(cookie=CookieAttributes(secure=False))
    assert host.cookie_name != plain.cookie_name
    assert plain.loads(host.dumps(DATA)) == DATA


@pytest.fixture
def old() -> Key:
    return Key.generate()


def test_rotation_writes_new_and_reads_old(old):
    """K2."""
    text = dumps(make_codec(old))
    codec = make_codec(Keyring([KEY, old]))
    assert codec.loads(text, NOW).data == DATA
    assert codec.loads(text, NOW).key is not codec.ready(NOW).primary
    written = dumps(codec)
    assert kid_of(written) == codec.ready(NOW).primary.kid_text.decode()
    assert forge.raw_of(written)[:3] == KEY.for_cookie("session", "").kid
    assert CODEC.loads(written, NOW).data == DATA
    assert refusal(text) is Status.UNKNOWN_KEY, "the old key was removed"


def test_a_new_key_can_be_read_before_it_writes(old):
    """K2, K5. The first step of a rotation: every server learns to read."""
    codec = make_codec(Keyring([KEY, old], primary=old))
    assert make_codec(old).loads(dumps(codec), NOW).data == DATA
    assert codec.loads(dumps(), NOW).data == DATA


def test_a_retired_key_opens_nothing(old):
    """K2, K4."""
    codec = make_codec(Keyring([KEY], retired=[old]))
    assert refusal(dumps(make_codec(old)), codec) is Status.UNKNOWN_KEY


@pytest.fixture(scope="module")
def colliding() -> tuple[Key, Key]:
    """Two keys whose ids are the same three bytes, found among some 5 000."""
    seen: dict[bytes, Key] = {}
    for number in range(50_000):
        key = Key(hashlib.sha256(b"key %d" % number).digest())
        kid = key.for_cookie("session", "").kid
        if kid in seen:
            return seen[kid], key
        seen[kid] = key
    raise AssertionError("no two ids alike in 50 000: they are not three random bytes")


@pytest.fixture
def macs(monkeypatch) -> list[bytes]:
    """Record the signatures that are computed to verify one."""
    verified: list[bytes] = []
    verify = Signer.verify

    def counting(signer: Signer, text: bytes, signature: bytes) -> bool:
        verified.append(text)
        return verify(signer, text, signature)

    monkeypatch.setattr(Signer, "verify", counting)
    return verified


def test_a_cookie_costs_one_signature_however_many_keys_there_are(macs):
    """C5. The key is looked up by its id; nothing is tried in turn."""
    codec = make_codec(Keyring([Key.generate() for _ in range(50)] + [KEY]))
    assert codec.loads(dumps(), NOW).data == DATA
    assert len(macs) == 1
    refusal(changed(dumps(), -2), codec)
    assert len(macs) == 2
    refusal(dumps(make_codec(Key.generate())), codec)
    assert len(macs) == 2, "an unknown id costs none"


def test_two_keys_of_one_id_cost_one_signature_more(macs, colliding):
    """C5. And each opens its own cookies only, whichever stands first."""
    one, two = colliding
    for ring in (Keyring([one, two]), Keyring([two, one])):
        codec = make_codec(ring)
        for number, key in enumerate(ring.accepted, 1):
            macs.clear()
            assert codec.loads(dumps(make_codec(key)), NOW).data == DATA
            assert len(macs) == number
        macs.clear()
        assert refusal(changed(dumps(codec), -2), codec) is Status.BAD_SIGNATURE
        assert len(macs) == 2
    assert refusal(dumps(make_codec(two)), make_codec(one)) is Status.BAD_SIGNATURE


def test_only_signed_cookies_reach_the_cache_of_ciphers():
    """C4. Strangers cannot fill it."""
    codec = make_codec(issued_after=0)
    for epoch in range(20):
        raw = codec.ready(NOW).primary.cookie_key.kid + (epoch << 14).to_bytes(5, "big") + bytes(60)
        text = b"1" + forge.encode(raw) + b"." + b"A" * 43
        assert refusal(text, codec) is Status.BAD_SIGNATURE
    assert codec.ready(NOW).primary.cookie_key.ciphers == {}


# What is said about a cookie.


@pytest.mark.parametrize(
    ("text", "kid"),
    [
        (b"1AbC-rest", "AbC-"),
        (b"2_b09", "_b09"),
        (b"1AbC", ""),
        (b"1AbC.", ""),
        (b"1\xff\xff\xff\xff", ""),
        (b"1Ab\n9", ""),
        (b"1AbC\n", ""),
        (b"", ""),
    ],
)
def test_a_cookie_names_its_key_or_nothing(text, kid):
    assert kid_of(text) == kid


def test_events_name_a_session_by_a_keyed_hash(old):
    """G1. The same for one session under one key, whatever the cookie's name."""
    key = CODEC.ready(NOW).primary
    named = key.session_hash(forge.SID)
    assert named == make_codec(name="other").ready(NOW).primary.session_hash(forge.SID)
    assert named != make_codec(old).ready(NOW).primary.session_hash(forge.SID)
    assert named != key.session_hash(bytes(9))
    assert len(named) == 16


@pytest.fixture
def strict_manager(make_manager):
    return make_manager(KEY, idle_timeout=600, absolute_timeout=1_000, issued_after=NOW - 2_000)


@refusals
def test_a_refusal_shows_no_key(strict_manager, reason, make):
    """K3. Nor the cookie: in the message, nor any key in the frames that error trackers record."""
    text = make(KEY, dumps())
    with pytest.raises(InvalidCookie) as refused:
        strict_manager.loads(text.decode("latin-1"))
    assert str(refused.value) == f"the cookie was refused: {refused.value.reason.value}"
    error: BaseException | None = refused.value
    while error is not None:
        frames = traceback.TracebackException.from_exception(error, capture_locals=True)
        shown = "".join(frames.format())
        assert " = " in shown, "locals are shown"
        for secret in secrets_of(KEY):
            assert secret not in shown
        error = error.__cause__ or error.__context__


def test_no_traceback_of_a_refusal_leads_to_what_was_decrypted(make_manager, clock):
    """K3. An error page may show the locals of every frame."""
    manager = make_manager(idle_timeout=60)
    text = manager.dumps({"secret": "swordfish"})
    clock.advance(3600)
    with pytest.raises(InvalidCookie) as refusal:
        manager.loads(text)
    shown = traceback.TracebackException.from_exception(refusal.value, capture_locals=True)
    assert "swordfish" not in "".join(shown.format(chain=True))
    assert refusal.value.__context__ is None


# Keys that change.


class Dated:
    """A source of two rings, one until a moment and one from then on."""

    keeps = math.inf

    def __init__(self, before, after):
        self.before, self.after = Keyring([before]), Keyring([after])
        self.misses = 0

    def at(self, now):
        return self.before if now < NOW else self.after

    def missed(self):
        self.misses += 1


def test_the_ring_is_that_of_the_moment():
    """K4. Of the moment that is given, whatever the ring was the time before."""
    old, new = Key.generate(), Key.generate()
    codec = make_codec(Dated(old, new))
    for now, key in ((NOW - 1, old), (NOW, new), (NOW - 1, old)):
        assert codec.ready(now).primary.cookie_key.kid == key.for_cookie("session", "").kid
        text = codec.dumps(pack(DATA), STAMP, now)
        assert reason_of(text, codec, now) is None
        other = NOW - 1 if now == NOW else NOW
        assert refusal(text, codec, other) is Status.UNKNOWN_KEY


def test_a_ring_is_told_of_the_keys_that_it_lacks_and_of_nothing_else():
    """K5. There may be a newer one."""
    keys = Dated(KEY, KEY)
    codec = make_codec(keys)
    text = dumps()
    assert refusal(dumps(make_codec(Key.generate())), codec) is Status.UNKNOWN_KEY
    assert keys.misses == 1
    assert refusal(text[:1] + b"!" + text[2:], codec) is Status.UNKNOWN_KEY  # names no key
    assert refusal(text[:-1] + b"!", codec) is Status.BAD_SIGNATURE
    assert reason_of(text, codec) is None
    assert keys.misses == 1
