"""Keys: how they look, what they refuse to be, and what is derived from them.

    Key       32 random bytes or more, with a text form that carries a prefix and a checksum
    Keyring   the keys of an application: one primary that writes, others that still read
    KeySource where a ring comes from that changes while it is in use
    CookieKey what a Key becomes for one cookie name and namespace

    text      = "ck1_" base64url(secret || first 4 bytes of SHA-256("ck1_" || secret))
    prk       = HKDF-Extract(salt = "cookiesession/1", secret)
    every key = HKDF-Expand(prk, "cookiesession/1 " purpose 00 context)

The rules: no key is ever made implicitly, no weak one is accepted, and none shows itself: not in
`repr`, not in `vars`, not in a pickle. HKDF is RFC 5869, with SHA-256 throughout.
"""

import hashlib
import hmac
import math
import os
import secrets
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol, Self, runtime_checkable

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cookiesession import _base64
from cookiesession.errors import ConfigurationError

_PREFIX: Final = "ck1_"
_SECRET_BYTES: Final = 32
_CHECKSUM_BYTES: Final = 4
_MAKE_ONE: Final = "make one with the command: cookiesession keygen"

# 32 random bytes hold fewer than 16 different values once in 10^13 keys, and are printable text as
# rarely: what looks like this was typed, repeated or counted.
_FEWEST_DIFFERENT_BYTES: Final = 16

_FEWEST_PASSPHRASE_CHARACTERS: Final = 20
_SAMPLES: Final = (  # placeholders that were found in production, spelled without "-", "_" and " "
    "atleast32characters",
    "changeme",
    "changethis",
    "complexpassword",
    "correcthorsebatterystaple",
    "djangoinsecure",
    "keyboardcat",
    "mysecret",
    "passphrase",
    "placeholder",
    "replaceme",
    "secretkey",
    "supersecret",
    "yoursecret",
)


class _Secretive:
    """Nothing that holds a key may be written down by accident."""

    __slots__ = ()

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} cannot be pickled: it would write down its key")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self


class Key(_Secretive):
    """A secret from which the keys of a cookie are derived.

    Made by `generate`, `parse` or `from_passphrase`, or from 32 random bytes or more. Raises
    `ConfigurationError` for anything that was evidently not drawn at random.

    >>> key = Key.generate()
    >>> Key.parse(key.reveal()) == key
    True
    """

    __slots__ = ("_prk", "_secret", "fingerprint")

    fingerprint: str
    """12 hexadecimal digits that name the key and tell nothing about it."""

    def __init__(self, secret: bytes) -> None:
        if problem := _weakness(secret):
            raise ConfigurationError(f"this key {problem}: {_MAKE_ONE}") from None
        self._secret = bytes(secret)
        self._prk = hmac.digest(b"cookiesession/1", self._secret, "sha256")
        self.fingerprint = _expand(self._prk, b"cookiesession/1 fingerprint", 6).hex()

    @classmethod
    def generate(cls) -> Self:
        """Make a new key from the operating system's randomness."""
        return cls(secrets.token_bytes(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key from the text that `reveal` or `cookiesession keygen` wrote."""
        if not isinstance(text, str) or not text.strip():
            raise ConfigurationError(f"a session key is missing: {_MAKE_ONE}")
        if not text.startswith(_PREFIX):
            raise ConfigurationError(f"a key starts with {_PREFIX}, this does not: {_MAKE_ONE}")
        try:
            raw = _base64.decode(text.removeprefix(_PREFIX).encode("ascii"))
        except ValueError:
            raw = b""
        secret, checksum = raw[:-_CHECKSUM_BYTES], raw[-_CHECKSUM_BYTES:]
        if not hmac.compare_digest(checksum, _checksum(secret)):
            raise ConfigurationError(
                f"this key's checksum does not hold: copy it whole once more, or {_MAKE_ONE}"
            ) from None
        return cls(secret)

    @classmethod
    def from_passphrase(cls, passphrase: str, *, salt: str) -> Self:
        """Derive a key from a passphrase, slowly: about a third of a second and 128 MiB.

        `salt` is any text that is this application's own, such as its domain: it keeps one guess
        from being tried against many applications. scrypt (RFC 7914) with N = 2^17, r = 8, p = 1,
        as OWASP's Password Storage Cheat Sheet asks. A generated key is better in every way.
        """
        if problem := _passphrase_weakness(passphrase):
            raise ConfigurationError(f"this passphrase {problem}: {_MAKE_ONE}")
        if not isinstance(salt, str) or not salt.strip():
            raise ConfigurationError("from_passphrase needs a salt, such as the site's domain")
        kdf = Scrypt(salt=salt.encode(), length=_SECRET_BYTES, n=2**17, r=8, p=1)
        return cls(kdf.derive(passphrase.encode()))

    def reveal(self) -> str:
        """Return the key's text form, the one thing here that must be kept secret."""
        raw = self._secret + _checksum(self._secret)
        return _PREFIX + _base64.encode(raw).decode()

    def for_cookie(self, name: str, namespace: str) -> "CookieKey":
        """Derive the keys for one cookie name and namespace."""
        return CookieKey(self._prk, _length_prefixed(name) + _length_prefixed(namespace))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return f"<Key {self.fingerprint}>"


class CookieKey(_Secretive):
    """What one key becomes for one cookie name and namespace (`docs/format.md`, "Keys")."""

    __slots__ = ("_enc_root", "ciphers", "kid", "log_key", "sign_key")

    kid: bytes
    sign_key: bytes
    log_key: bytes
    ciphers: dict[int, Any]  # by epoch; `_seal` fills and bounds it

    def __init__(self, prk: bytes, context: bytes) -> None:
        self.kid = _expand(prk, b"cookiesession/1 kid\0" + context, 3)
        self.sign_key = _expand(prk, b"cookiesession/1 sign\0" + context, 32)
        self._enc_root = _expand(prk, b"cookiesession/1 enc\0" + context, 32)
        self.log_key = _expand(prk, b"cookiesession/1 log", 32)
        self.ciphers = {}

    def epoch_key(self, epoch: int) -> bytes:
        """Derive the encryption key for one epoch."""
        info = b"cookiesession/1 epoch\0" + epoch.to_bytes(4, "big")
        return _expand(self._enc_root, info, 32)

    def __repr__(self) -> str:
        return f"<CookieKey {self.kid.hex()}>"


class Keyring(_Secretive):
    """The keys that an application accepts, newest first.

    `primary` is the one that writes, the first key unless named. The others still open cookies, and
    what they open is written anew under the primary key when it is next saved or touched. `retired`
    keys open nothing; they are kept to say so. Raises `ConfigurationError` when there is no key, or
    when one stands here twice.

    >>> new, old = Key.generate(), Key.generate()
    >>> ring = Keyring([new, old])
    >>> ring.primary == new and ring.accepted == (new, old)
    True
    """

    __slots__ = ("accepted", "primary", "retired")

    accepted: tuple[Key, ...]
    primary: Key
    retired: tuple[Key, ...]
    keeps: float = math.inf  # what stands here stays: see `KeySource`

    def __init__(
        self,
        keys: Iterable[Key | str],
        *,
        primary: Key | None = None,
        retired: Iterable[Key | str] = (),
    ) -> None:
        self.accepted = _parsed(keys)
        self.retired = _parsed(retired)
        if not self.accepted:
            raise ConfigurationError(f"a key ring needs a key: {_MAKE_ONE}")
        if len({*self.accepted, *self.retired}) != len(self.accepted) + len(self.retired):
            raise ConfigurationError("the same key stands twice in the ring: remove one of them")
        self.primary = primary or self.accepted[0]
        if self.primary not in self.accepted:
            raise ConfigurationError("the primary key must be one of the accepted keys")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read keys from text: newest first, separated by white space or commas.

        The word `primary` or `retired` behind a key gives its state; `#` starts a comment.

        >>> new, old = Key.generate(), Key.generate()
        >>> ring = Keyring.parse(f"{new.reveal()}, {old.reveal()} primary  # new is not out yet")
        >>> ring.primary == old
        True
        """
        lines = [line.partition("#")[0].replace(",", " ") for line in text.splitlines()]
        states: dict[Key, str] = {}
        keys: list[Key] = []
        for word in " ".join(lines).split():
            if word not in ("primary", "accepted", "retired"):
                keys.append(Key.parse(word))
            elif not keys or keys[-1] in states:
                raise ConfigurationError(f"the state {word!r} must follow the key that it is for")
            else:
                states[keys[-1]] = word
        primaries = [key for key in keys if states.get(key) == "primary"]
        if len(primaries) > 1:
            raise ConfigurationError("two keys are primary: leave the word behind one of them")
        retired = [key for key in keys if states.get(key) == "retired"]
        accepted = [key for key in keys if states.get(key) != "retired"]
        return cls(accepted, primary=primaries[0] if primaries else None, retired=retired)

    @classmethod
    def from_env(cls, variable: str) -> Self:
        """Read keys from an environment variable, as `parse` does."""
        text = os.environ.get(variable, "")
        if not text.strip():
            raise ConfigurationError(
                f"the environment variable {variable} holds no session key: {_MAKE_ONE}, "
                f"and set {variable} to what it prints, the same on every server"
            )
        return cls.parse(text)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read keys from a file, as `parse` does; one key a line reads well."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is not text"
            raise ConfigurationError(f"cannot read session keys from {path}: {why}") from None
        if not text.strip():
            raise ConfigurationError(f"the file {path} holds no session key: {_MAKE_ONE}")
        return cls.parse(text)

    def at(self, now: int) -> "Keyring":
        """Return itself: see `KeySource`."""
        del now
        return self

    def missed(self) -> None:
        """Do nothing: there is no newer ring to be had."""

    @property
    def fingerprint(self) -> str:
        """12 hexadecimal digits, equal on two servers exactly when they hold the same ring."""
        parts = (
            [self.primary.fingerprint],
            sorted(key.fingerprint for key in self.accepted),
            sorted(key.fingerprint for key in self.retired),
        )
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]

    def __repr__(self) -> str:
        return (
            f"<Keyring {self.fingerprint}: primary {self.primary.fingerprint}, "
            f"{len(self.accepted)} accepted, {len(self.retired)} retired>"
        )


@runtime_checkable
class KeySource(Protocol):
    """Where a manager gets its ring from; `cookiesession.keyring.LiveKeyring` is one.

    Asked in every request, so it neither waits nor does input or output.

    >>> isinstance(Keyring([Key.generate()]), KeySource)
    True
    """

    @property
    def keeps(self) -> float:
        """How many seconds a key is accepted after it last wrote."""
        ...

    def at(self, now: int) -> Keyring:
        """Return the ring of this moment (Unix seconds): the same object until it changes."""
        ...

    def missed(self) -> None:
        """Take note that a cookie named a key that the ring lacks: there may be a newer ring."""


def _parsed(keys: Iterable[Key | str]) -> tuple[Key, ...]:
    return tuple(key if isinstance(key, Key) else Key.parse(key) for key in keys)


def _expand(prk: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(SHA256(), length, info).derive(prk)


def _checksum(secret: bytes) -> bytes:
    return hashlib.sha256(_PREFIX.encode() + secret).digest()[:_CHECKSUM_BYTES]


def _length_prefixed(text: str) -> bytes:
    # With its length before it, ("a", "bc") is never ("ab", "c") (Django CVE-2026-6873).
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _weakness(secret: object) -> str:
    """Say what betrays that a secret was not drawn at random, or "" when nothing does."""
    if not isinstance(secret, bytes):
        return "is not bytes (Key.parse reads a key's text)"
    if len(secret) < _SECRET_BYTES:
        return f"is shorter than {_SECRET_BYTES} bytes"
    if all(0x20 <= byte < 0x7F for byte in secret):
        return "is text, not random bytes"
    if len(set(secret)) < _FEWEST_DIFFERENT_BYTES:
        return "repeats itself"
    if len({(after - before) % 256 for before, after in pairwise(secret)}) == 1:
        return "counts up or down"
    return ""


def _passphrase_weakness(passphrase: object) -> str:
    if not isinstance(passphrase, str) or len(passphrase.strip()) < _FEWEST_PASSPHRASE_CHARACTERS:
        return f"is shorter than {_FEWEST_PASSPHRASE_CHARACTERS} characters"
    if len(set(passphrase)) < _FEWEST_DIFFERENT_BYTES // 2:
        return "repeats itself"
    plain = passphrase.casefold().translate({ord(mark): None for mark in "-_ "})
    if any(sample in plain for sample in _SAMPLES):
        return "holds a well-known sample"
    return ""
