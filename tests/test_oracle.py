"""C15. The published attack on compression before encryption (CRIME, BREACH), run for real.

The victim's session holds a secret in one top-level value. The attacker chooses the text of another
and sees the length of each cookie. A guess that repeats more of the secret compresses better, where
both share a compressor: character by character, the shortest cookie tells.

Run against our pipeline, and against the same pipeline with the whole body deflated at once: the
test double `whole_body`, which shows that the attack works where it can.
"""

import random
import string
import zlib
from collections.abc import Callable
from typing import NamedTuple

import pytest

from cookiesession import Key, SessionManager
from cookiesession._pack import pack
from tests.evidence import Row

ALPHABET = "0123456789abcdef"
SECRET_CHARACTERS = 8
KNOWN = "&api_token="
PADS = [0, 16, 32]
FILLERS = 32  # tried lengths of noise: where padding rounds, one of them stands at the edge

PROFILE = (
    "name=Ada Lovelace&street=St James's Square&town=London&born=1815-12-10&language=en&"
    "interests=mathematics, poetry, engines, flying machines, music and horses&newsletter=weekly&"
    "theme=dark&columns=name,price,stock,supplier,delivery&sort=price&page=1&size=50&zone=Europe&"
    "last_seen=2027-01-15T08:00:00&plan=analyst&seats=12&vat=GB123456789&currency=GBP&limit=2500&"
)
"""What stands around the secret in its value: it is long enough to be compressed."""

Lengths = Callable[[dict[str, str]], int]


def value_by_value(pad: int) -> Lengths:
    """Our own pipeline."""
    manager = SessionManager(Key.generate(), pad=pad, on_event=lambda event: None)
    return lambda data: len(manager.dumps(data))


def whole_body(pad: int) -> Lengths:
    """The test double: one compressor sees the attacker's text and the secret."""
    manager = SessionManager(Key.generate(), pad=pad, compress=False, on_event=lambda event: None)

    def length(data: dict[str, str]) -> int:
        deflater = zlib.compressobj(level=9, wbits=-15)
        return len(manager.dumps({"x": deflater.compress(pack(data)) + deflater.flush()}))

    return length


class Attacker:
    """Chooses texts, sees lengths, guesses."""

    def __init__(self, lengths: Lengths, secret: str, seed: int, own_text: str = "") -> None:
        self._lengths = lengths
        self._victim = f"{PROFILE}{PROFILE[::-1]}{KNOWN}{secret}&"
        self._random = random.Random(seed)
        letters = string.ascii_uppercase + string.punctuation
        self._noise = "".join(self._random.choices(letters, k=FILLERS + 8))
        self._own_text = own_text
        self.observed = 0

    def length(self, text: str) -> int:
        self.observed += 1
        return self._lengths({"profile": self._victim, "search": self._own_text + text})

    def score(self, known: str, character: str) -> int:
        """How much longer cookies are with this guess than with its characters apart.

        The same characters in both (the "two tries" of BREACH), so their own cost cancels out.
        """
        apart = self._noise[-8:]
        return sum(
            self.length(self._noise[:filler] + known + character + apart)
            - self.length(self._noise[:filler] + known + apart + character)
            for filler in range(FILLERS)
        )

    def read(self) -> str:
        """Return the secret as the lengths have it; a draw decides where they say nothing."""
        guessed = ""
        for _ in range(SECRET_CHARACTERS):
            scores = {c: self.score((KNOWN + guessed)[-12:], c) for c in ALPHABET}
            best = min(scores.values())
            guessed += self._random.choice([c for c in ALPHABET if scores[c] == best])
        return guessed


class Outcome(NamedTuple):
    characters: float  # the share of characters that were read right
    secrets: float  # the share of secrets that were read whole
    observed: float  # cookies a secret


def attack(lengths: Lengths, secrets: int, own_text: str = "") -> Outcome:
    """Read so many secrets."""
    right = whole = observed = 0
    for seed in range(secrets):
        secret = "".join(random.Random(f"secret {seed}").choices(ALPHABET, k=SECRET_CHARACTERS))
        attacker = Attacker(lengths, secret, seed, own_text)
        guess = attacker.read()
        right += sum(one == other for one, other in zip(guess, secret, strict=True))
        whole += guess == secret
        observed += attacker.observed
    return Outcome(right / secrets / SECRET_CHARACTERS, whole / secrets, observed / secrets)


LONG = "".join(random.Random(1).choices(string.ascii_lowercase + " ", k=900))
"""What the attacker writes first where it wants a text that is compressed, too."""


@pytest.mark.parametrize("pad", PADS)
def test_the_attack_reads_secrets_where_the_whole_body_is_deflated(pad):
    """C15. So the attack is a good one: what follows means something. Padding does not stop it."""
    assert (
        attack(whole_body(pad), 4).characters > 0.5
    )  # chance is 0.06; one wrong guess spoils the rest


@pytest.mark.parametrize("pad", PADS)
@pytest.mark.parametrize("own_text", ["", LONG], ids=["short", "long enough to be compressed"])
def test_the_attack_reads_nothing_where_values_are_deflated_one_by_one(pad, own_text):
    """C15. Chance is one in sixteen."""
    outcome = attack(value_by_value(pad), 4, own_text)
    assert outcome.characters < 0.25
    assert outcome.secrets == 0


@pytest.mark.parametrize("pad", PADS)
def test_every_guess_makes_a_cookie_of_the_same_length(pad):
    """C15. The right one, too: it does not matter what the secret is."""
    lengths = value_by_value(pad)
    victim = f"{PROFILE}{PROFILE[::-1]}{KNOWN}0a"
    guesses = [f"{KNOWN}{one}{other}" for one in ALPHABET for other in ALPHABET]
    assert len({lengths({"profile": victim, "search": guess}) for guess in guesses}) == 1
    whole = whole_body(0)
    assert len({whole({"profile": victim, "search": guess}) for guess in guesses}) > 1


def evidence(quick: bool) -> list[Row]:
    """Return how often the attack succeeds."""
    secrets = 8 if quick else 100
    rows = []
    for pad in PADS:
        for text, own_text in (("short", ""), ("long", LONG)):
            ours = attack(value_by_value(pad), secrets, own_text)
            rows.append(
                Row(
                    f"C15: secrets read from lengths, value by value, pad {pad}, {text} text",
                    "at most 15 % of characters (chance is 6 %)",
                    f"{ours.characters:.0%}; {ours.secrets:.0%} of {secrets} secrets",
                    ours.characters <= 0.15 and ours.secrets == 0,
                )
            )
        double = attack(whole_body(pad), secrets)
        rows.append(
            Row(
                f"C15: the same attack on a whole body, pad {pad}",
                "at least 50 % of characters",
                f"{double.characters:.0%}; {double.secrets:.0%} of {secrets} secrets, "
                f"in {double.observed:,.0f} cookies each",
                double.characters >= 0.5,
            )
        )
    return rows
