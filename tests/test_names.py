import re
from pathlib import Path

from cookiesession._names import INDEX, NAMES

FORMAT = (Path(__file__).parent.parent / "docs" / "format.md").read_text(encoding="utf-8")


def test_the_table_has_112_different_names():
    assert len(NAMES) == len(set(NAMES)) == 112
    assert all(type(name) is str and name for name in NAMES)


def test_the_index_is_the_tables_inverse():
    assert [NAMES[INDEX[name]] for name in NAMES] == list(NAMES)
    assert len(INDEX) == len(NAMES)


def test_the_documented_table_is_the_one_in_use():
    """The table is frozen: to change the code alone or the page alone fails here."""
    rows = re.findall(
        r"^\| (\d+)-(\d+) \| (.+?) \|", FORMAT.partition("## The name table")[2], re.MULTILINE
    )
    documented = []
    for first, last, cell in rows:
        names = re.findall(r"`([^`]+)`", cell)
        assert int(first) == len(documented)
        documented += names
        assert int(last) == len(documented) - 1
    assert documented == list(NAMES)
