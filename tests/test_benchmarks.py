"""The benchmarks run and print their tables. What they measure is for people to judge."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

from benchmarks.measure import Target, print_targets
from benchmarks.page import MEASURED, PAGES, PLACE, filled, tables_in

pytestmark = pytest.mark.server

ROOT = Path(__file__).parent.parent
NODE_MODULES = ROOT / "benchmarks" / "node_modules"
FRAMEWORKS = (
    "aiohttp aiohttp_session beaker django flask litestar pyramid quart starlette tornado werkzeug"
)
LIBRARIES = f"{FRAMEWORKS} itsdangerous joserfc nacl"


def tables_of(script, packages="", commands=""):
    """Run a benchmark quickly; return its tables, each a list of rows, by their titles."""
    missing = [package for package in packages.split() if not find_spec(package)]
    missing += [command for command in commands.split() if not which(command)]
    if "node" in commands and not NODE_MODULES.is_dir():
        missing.append("npm ci --prefix benchmarks")
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    run = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{script}", "--quick"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout
    tables = {title: cells_of(rows) for title, rows in tables_in(run.stdout).items()}
    for place in PLACE.finditer("".join(page.read_text() for page in PAGES)):
        if place["script"] == script and "concurrent" not in place["title"]:  # fewer, when quick
            assert cells_of(place["rows"])[0] == tables[place["title"]][0]  # the page is of today
    return tables


def cells_of(rows):
    """Return a Markdown table's cells, row by row."""
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows.splitlines()]
    assert len({len(row) for row in cells}) == 1, rows  # one shape
    return [cells[0], *cells[2:]]


def test_the_page_says_when_and_with_what_it_was_measured():
    assert any(MEASURED.search(page.read_text()) for page in PAGES)
    once = filled("Text.\n\n<!-- measured -->\n\nMore.\n", {})
    found = re.fullmatch(r"Text.\n\n<!-- measured -->\n(Measured .*)\n\nMore.\n", once)
    assert found
    assert re.search(r"Python \d.*, cryptography \d.*, msgpack \d", found[1])
    assert filled(once, {}) == once


def test_a_target_is_printed_in_digits(capsys):
    print_targets([Target("a read", "long", 1000, 1052.3), Target("a read", "short", 1000, 50.34)])
    assert "| a read | 1000 | 50.3 to 1050 |  | all but long |" in capsys.readouterr().out


def first_column(table):
    return [row[0] for row in table[1:]]


def test_the_codec_stands_beside_every_other_library():
    tables = tables_of("codec", LIBRARIES, "node")
    targets = tables.pop("Targets")
    assert len(tables.pop("What encrypts")[1:]) == 11  # ours and ten others
    assert len(tables) == 6
    for table in tables.values():
        assert len(table[1:]) == 21  # eighteen others, ours, the floor, and the floor once more
    lengths = [row for row in targets if "characters" in row[0]]
    assert [row[-1] for row in lengths] == ["yes", "yes"]  # unlike time, the same everywhere


def test_a_request_is_measured_in_every_framework_and_every_case():
    tables = tables_of("requests", FRAMEWORKS)
    assert len(tables.pop("Targets")[1:]) == 14
    assert len(tables.popitem()[1][1:]) == len(tables) == 8  # the summary stands last
    for table in tables.values():
        cases = first_column(table)
        assert cases[0] == "no cookie"
        assert len(cases) == 13


def test_servers_answer_with_and_without_sessions():
    tables = tables_of("servers", "uvicorn gunicorn flask starlette", "wrk")
    assert [title.split(",")[0] for title in tables] == ["uvicorn", "gunicorn"]
    for table in tables.values():
        assert [row[1] for row in table[1:]] == ["bare", "own", "ours", "control"]
        assert all(float(row[2]) > 0 for row in table[1:])


def test_scaling_has_a_table_for_everything_that_grows():
    tables = tables_of("scaling")
    assert len(tables) == 9
    targets = {row[0]: row for row in tables["Targets"]}
    assert targets["the same: bytes more allocated"][-1] == "yes"


def test_the_stages_of_a_seal_an_open_and_a_request_are_told_apart():
    tables = tables_of("profile")
    assert len(tables) == 15
    for table in tables.values():
        stages = first_column(table)
        assert stages[0] == "the whole"
        assert stages[-2:] == ["between the stages", "control"]
