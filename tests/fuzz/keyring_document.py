"""The key ring's document: JSON whose checksum is put right, so that what it guards is reached.

No usable key stands in the corpus: `KEY0` to `KEY3` in an input are made keys, and `ID0` to `ID3`
their ids. A document raises `ConfigurationError` or is read; what is read is what the text says, is
consistent, and is written and read again as the same. At each date it gives a ring or that error.
"""

import json
from contextlib import suppress

from cookiesession import ConfigurationError, Key
from cookiesession.keyring import DatedKey, KeyringDocument, Schedule
from cookiesession.keyring import document as module
from cookiesession.keyring.rotation import add, promote, retire, revoke, rotate

KEYS = [Key.generate() for _ in range(4)]
WORDS = [
    *((f"KEY{number}", key.reveal()) for number, key in enumerate(KEYS)),
    *((f"ID{number}", key.fingerprint) for number, key in enumerate(KEYS)),
]
NOW = 1_800_000_000
DAY = 86_400


def seeds():
    """Follow a ring through its life."""
    one = add(KeyringDocument(), NOW, key=KEYS[0], note="the first")
    two = add(one, NOW + DAY, key=KEYS[1])
    three = add(two, NOW + 2 * DAY, key=KEYS[2], read_only=True)
    for document in (
        KeyringDocument(), one, two, three,
        promote(two, KEYS[1].fingerprint, NOW + 9 * DAY),
        retire(three, KEYS[2].fingerprint, NOW + 9 * DAY),
        revoke(three, KEYS[0].fingerprint, NOW + 9 * DAY),
        rotate(promote(two, KEYS[1].fingerprint, NOW + 9 * DAY), NOW + 60 * DAY),
        KeyringDocument((DatedKey.of(KEYS[3], 0, activates=0),), Schedule(1, 2, 3)),
    ):  # fmt: skip
        text = document.text()
        for word, value in WORDS:
            text = text.replace(value, word)
        yield text.encode()
        for ours, other in (
            ('"version": 1', '"version": true'),
            ("{", '{"more": 1,'),
            ('"accepted"', '"primary"'),
            ('"accepted"', '"retired"'),
            ('"retired"', '"accepted"'),
            ("ID1", "ID0"),
            ('Z"', '+00:00"'),
        ):
            yield text.replace(ours, other).encode()
            yield text.replace(ours, other, 1).encode()


def check(data):
    """Read a document, and hold what was read to the text."""
    text = data.decode("utf-8", "surrogateescape")
    for word, value in WORDS:
        text = text.replace(word, value)
    text = with_checksum(text)
    try:
        document = KeyringDocument.parse(text)
    except ConfigurationError as error:
        refused(error)
        return
    assert content(document.text()) == content(text), (document.text(), text)
    assert KeyringDocument.parse(document.text()) == document
    is_consistent(document.keys)
    for key in document.keys:
        for moment in (key.created, key.activates, key.retires):
            if moment is not None:
                ring_at(document, moment)


def is_consistent(keys):
    """Hold a document's keys to what its class promises of them."""
    assert len({key.id for key in keys}) == len(keys)
    assert sum(key.state == "primary" for key in keys) <= 1
    for key in keys:
        assert key.key is None or key.id == key.key.fingerprint
        assert (key.key is None) == (key.state == "retired")
        assert key.note.isprintable()


def refused(error):
    assert not any(value in str(error) for _, value in WORDS)


def ring_at(document, moment):
    with suppress(ConfigurationError):
        ring = document.at(moment)
        assert ring.primary in ring.accepted
        assert ring is document.at(moment)


def content(text):
    """Return JSON in one spelling, in which 1, 1.0 and true differ."""
    return json.dumps(json.loads(text), sort_keys=True)


def with_checksum(text):
    with suppress(ValueError, RecursionError):
        parsed = json.loads(text)
        if isinstance(parsed, dict):
            parsed.pop("checksum", None)
            return json.dumps({**parsed, "checksum": module._checksum(parsed)})
    return text
