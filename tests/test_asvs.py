"""Holds the tables of OWASP ASVS 5.0 in `docs/security.md` to the standard and to the tests."""

import re

import pytest

from tests.suite import TESTS, described

PAGE = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
NUMBER = r"[0-9]+\.[0-9]\.[0-9]"
ROWS = re.findall(
    rf"^\| ({NUMBER}) \| ([123]) \| ([^|]+) \| ([^|]+) \|(?: `([^|`]+)`)? \|$", PAGE, re.MULTILINE
)
LEVELS = {  # of each section's requirements, in their order
    "3.3": "12223",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "9.1": "111", "9.2": "1222",
    "11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23",
    "11.7": "33",
}  # fmt: skip
ANSWERS = ("Met", "Partly", "Not met", "Yours", "Does not apply")
NODES = {it.node for it in described()}


def test_every_requirement_of_the_chapters_is_there_once_with_its_level():
    assert len(re.findall(rf"^\| {NUMBER} \|", PAGE, re.MULTILINE)) == len(ROWS)
    assert [(number, level) for number, level, *_ in ROWS] == [
        (f"{section}.{place}", level)
        for section, levels in LEVELS.items()
        for place, level in enumerate(levels, 1)
    ]


@pytest.mark.parametrize(("answer", "test"), [row[3:] for row in ROWS], ids=[it[0] for it in ROWS])
def test_every_requirement_has_an_answer_and_what_is_met_has_a_test(answer, test):
    assert answer.startswith(ANSWERS)
    assert test or not answer.startswith(("Met", "Partly"))
    assert not test or test in NODES


def test_what_is_not_met_at_level_1_is_said_before_the_tables():
    """Nobody should have to look for it."""
    introduction = PAGE.partition("## OWASP ASVS")[2].partition("###")[0]
    missed = [row[0] for row in ROWS if row[1] == "1" and row[3].startswith("Not met")]
    assert missed
    assert [number for number in missed if number not in introduction] == []
