"""Holds the tests to the table of weaknesses in `docs/security.md`, and the table to the tests."""

import re

import pytest

from tests.evidence import Row
from tests.removals import PACKAGE, unnoticed, without
from tests.removals.table import REMOVALS
from tests.suite import TESTS, described, ids_of

PAGE = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
LISTED = dict(re.findall(r"^\| ([A-Z][0-9]{1,2}) \|.*\| `([^|`]+)` \|$", PAGE, re.MULTILINE))
"""The ids of the table, each with the test that it names."""
CARRIED = {it.node: it.ids for it in described() if it.is_test}


def test_the_table_lists_each_weakness_once():
    assert len(re.findall(r"^\| [A-Z][0-9]{1,2} \|", PAGE, re.MULTILINE)) == len(LISTED) == 55


@pytest.mark.parametrize("id_", LISTED)
def test_every_id_is_carried_by_the_test_that_the_table_names(id_):
    assert id_ in CARRIED.get(LISTED[id_], ())


def test_no_docstring_carries_an_unknown_id():
    assert {id_ for it in described() for id_ in it.ids} == LISTED.keys()


@pytest.mark.parametrize(
    ("docstring", "ids"),
    [
        ("C2.", {"C2"}),
        ("K2, K4. The emergency.", {"K2", "K4"}),
        ("H1-H3, O4.", {"H1", "H2", "H3", "O4"}),
        ("I7 to I9, C10. Of all bytes.", {"I7", "I8", "I9", "C10"}),
        ("C2 is not at the end of a sentence.", set()),
        ("A test. C2.", set()),
        ("", set()),
    ],
)
def test_a_docstring_begins_with_its_ids(docstring, ids):
    assert ids_of(docstring) == ids


# What happens without a protection; `python -m tests.removals` sees it, and here is what is quick.


def test_every_id_has_a_protection_that_can_be_taken_out():
    assert {removal.id for removal in REMOVALS} == LISTED.keys()


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda it: f"{it.id}: {it.what}")
def test_a_protection_that_is_taken_out_is_where_it_was_and_its_test_carries_its_id(removal):
    path = (PACKAGE if removal.file.endswith(".py") else TESTS) / removal.file
    source = path.read_text(encoding="utf-8")
    assert without(removal, source) != source
    assert removal.id in CARRIED[removal.test]


def test_a_protection_that_is_not_there_cannot_be_taken_out():
    with pytest.raises(LookupError, match="stands 0 times"):
        without(REMOVALS[0], "")


def test_what_nobody_notices_is_said():
    """A removal that changes nothing is one that no test can notice."""
    removal = REMOVALS[0]._replace(edits=dict.fromkeys(REMOVALS[0].edits, ""))
    nothing = removal._replace(edits={old: old for old in removal.edits})
    assert unnoticed([nothing]) == [f"{nothing.id}, {nothing.what}: no test failed"]


def evidence(quick: bool) -> list[Row]:
    """Return how many ids have a test, and how many protections are missed when they are gone."""
    del quick
    with_test = LISTED.keys() & {id_ for ids in CARRIED.values() for id_ in ids}
    problems = unnoticed(REMOVALS)
    noticed = f"{len(REMOVALS) - len(problems)} noticed"
    return [
        Row(
            "lines of the table of weaknesses",
            f"{len(LISTED)} with a test",
            f"{len(with_test)} with a test",
            with_test == LISTED.keys(),
        ),
        Row(
            "protections taken out, one after another",
            f"{len(REMOVALS)} noticed",
            "; ".join([noticed, *problems]),
            not problems,
        ),
    ]
