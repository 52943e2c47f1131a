"""The key-ring document: what it says at a moment, and what it refuses to be."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookiesession import ConfigurationError, Key
from cookiesession.keyring import DatedKey, KeyringDocument, Schedule, rotation
from cookiesession.keyring.document import _checksum
from tests.conftest import NOW

SCHEMA = Path(__file__).parent.parent / "docs" / "keyring.schema.json"
FIRST, SECOND, THIRD = Key.generate(), Key.generate(), Key.generate()


def ring(*operations):
    """Return a document with one key, after these functions of a document."""
    document = rotation.add(KeyringDocument(), NOW, key=FIRST)
    for operation in operations:
        document = operation(document)
    return document


ROTATED = ring(lambda document: rotation.add(document, NOW, key=SECOND, note="next"))
REVOKED = rotation.revoke(ROTATED, SECOND.fingerprint, NOW)


def edited(document, change):
    """Return the document's text after a change of its content, with a checksum that holds."""
    content = json.loads(document.text())
    change(content)
    del content["checksum"]
    return json.dumps({**content, "checksum": _checksum(content)})


@pytest.mark.parametrize("document", [KeyringDocument(), ring(), ROTATED, REVOKED])
def test_a_document_comes_back_as_it_was(document):
    again = KeyringDocument.parse(document.text())
    assert again == document
    assert again.text() == document.text()


@pytest.mark.parametrize("document", [KeyringDocument(), ring(), ROTATED, REVOKED])
def test_every_document_follows_the_schema(document):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(document.text()), schema)


def test_a_document_cut_short_at_any_byte_is_refused():
    text = ROTATED.text().rstrip()
    for length in range(len(text)):
        with pytest.raises(ConfigurationError, match=r"whole JSON|no key ring of version 1"):
            KeyringDocument.parse(text[:length])


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_any_other_text_is_refused_with_a_sentence(text):
    with pytest.raises(ConfigurationError):
        KeyringDocument.parse(text)


def test_a_document_edited_by_hand_is_refused():
    text = ROTATED.text().replace("next", "last")
    with pytest.raises(ConfigurationError, match="checksum"):
        KeyringDocument.parse(text)


def key_at(number, **changes):
    return lambda content: content["keys"][number].update(changes)


DEFECTS = {
    "another version": (lambda content: content.update(version=2), "version 1"),
    "two primary": (key_at(0, state="primary"), "two keys of the key ring are primary"),
    "twice the same": (lambda content: content["keys"].append(content["keys"][0]), "twice"),
    "another's id": (key_at(0, id="0" * 12), "under the id of another one"),
    "an unknown state": (key_at(0, state="waiting"), "a state that it cannot have"),
    "retired, with a secret": (key_at(1, state="retired"), "a state that it cannot have"),
    "no secret, accepted": (key_at(0, secret=None), "a state that it cannot have"),
    "a broken secret": (key_at(0, secret="ck1_" + "A" * 48), "checksum does not hold"),
    "one moment for two": (
        lambda content: content["keys"][0].update(activates=content["keys"][1]["activates"]),
        "activate at the same moment",
    ),
    "the last to write goes": (
        lambda content: content["keys"][0].update(retires=content["keys"][1]["retires"]),
        "no successor",
    ),
    "a note of two lines": (key_at(0, note="a\nb"), "a line of at most"),
    "a local time": (key_at(0, created="2026-11-25T08:00:00+01:00"), "lacks a field"),
    "a field too many": (key_at(0, more=1), "lacks a field"),
    "a field too few": (lambda content: content["keys"][0].pop("note"), "lacks a field"),
    "no keys": (lambda content: content.pop("keys"), "lacks a field"),
    "more than a document": (lambda content: content.update(more=1), "lacks a field"),
    "a text for seconds": (lambda content: content["schedule"].update(lifetime="90d"), "seconds"),
    "no schedule": (lambda content: content["schedule"].clear(), "lacks a field"),
}


@pytest.mark.parametrize(("change", "message"), DEFECTS.values(), ids=DEFECTS)
def test_a_defect_is_refused_with_its_mend(change, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        KeyringDocument.parse(edited(ROTATED, change))
    assert "ck1_" not in str(caught.value)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"propagation": 0}, "1 or more"),
        ({"lifetime": 1.5}, "1 or more"),
        ({"session_lifetime": 2**31}, "1 or more"),
        ({"propagation": 100, "lifetime": 100}, "shorter than its lifetime"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(schedule, message):
    with pytest.raises(ConfigurationError, match=message):
        Schedule(**schedule)


# What holds at a moment.


def test_each_date_counts_from_its_second_on():
    """K4. A key is accepted at once, writes from its activation, and goes with its successor's."""
    activation = NOW + ROTATED.schedule.propagation
    end = activation + ROTATED.schedule.overlap
    expected = {
        NOW: (FIRST, (SECOND, FIRST)),
        activation - 1: (FIRST, (SECOND, FIRST)),
        activation: (SECOND, (SECOND, FIRST)),
        end - 1: (SECOND, (SECOND, FIRST)),
        end: (SECOND, (SECOND,)),
    }
    for moment, (primary, accepted) in expected.items():
        assert (ROTATED.at(moment).primary, ROTATED.at(moment).accepted) == (primary, accepted)


def test_a_ring_is_the_same_object_until_a_date_passes():
    activation = NOW + ROTATED.schedule.propagation
    assert ROTATED.at(NOW) is ROTATED.at(activation - 1)
    assert ROTATED.at(activation) is not ROTATED.at(activation - 1)


def test_a_server_whose_clock_is_behind_writes_with_the_first_key():
    """L7. Before any key has activated, by its clock."""
    assert ring().at(NOW - 300).primary == FIRST


def test_a_document_without_a_key_that_writes_is_no_ring():
    document = KeyringDocument((DatedKey.of(FIRST, NOW),))
    for empty in (KeyringDocument(), document):
        with pytest.raises(ConfigurationError, match="cookiesession keys add"):
            empty.at(NOW)


def test_no_document_shows_or_pickles_its_keys():
    """K3."""
    assert FIRST.reveal() not in f"{ROTATED!r} {ROTATED} {ROTATED.keys}"
    with pytest.raises(TypeError, match="cannot be pickled"):
        ROTATED.__reduce_ex__(4)
