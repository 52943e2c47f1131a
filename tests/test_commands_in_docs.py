"""What the pages show of the command line is what it prints.

The blocks marked `console` of a page run in their order, in one fresh folder that holds the page's
Python blocks whose first line is a file name (`# shop.py`). Everything that differs from run to run
is the same length in every run, so columns stand as they are, and only its characters are compared
as patterns: ids, keys, moments.
"""

import os
import re
import subprocess
import sys
import sysconfig
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    page
    for page in [*ROOT.glob("docs/*.md"), ROOT / "README.md"]
    if "```console" in page.read_text()
)
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARYING = {
    "KEY": r"ck1_[A-Za-z0-9_-]+(?:\.\.\.)?",
    "MOMENT": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "MINUTE": r"\d{4}-\d\d-\d\d \d\d:\d\d",
    "AGO": r"\b\d+ seconds? ago",
    "ID": r"\b[0-9a-f]{12}\b",
    "key       KID": r"^key {7}[A-Za-z0-9_-]{4}",
    "session   SID": r"^session {3}[A-Za-z0-9_-]{12}",
}


class Step(NamedTuple):
    command: str
    output: str


def steps_of(text: str) -> list[Step]:
    """Return the commands of a page, with what it says that they print."""
    steps = []
    for block in BLOCK.findall(text):
        marks = [match.start() for match in re.finditer(r"^\$ ", block, re.MULTILINE)]
        for start, end in pairwise([*marks, len(block)]):
            lines = block[start:end].splitlines(keepends=True)
            length = next(n for n, line in enumerate(lines, 1) if not line.endswith("\\\n"))
            steps.append(Step("".join(lines[:length])[2:], "".join(lines[length:])))
    return steps


def normal(output: str) -> str:
    for word, pattern in VARYING.items():
        output = re.sub(pattern, word, output, flags=re.MULTILINE)
    return output


@pytest.mark.skipif(os.name != "posix", reason="the pages show a POSIX shell")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_commands_print(page, tmp_path):
    text = page.read_text()
    for name, source in FILE.findall(text):
        (tmp_path / name).write_text(source)
    path = os.pathsep.join(each for each in sys.path if each)
    scripts = os.pathsep.join([sysconfig.get_path("scripts"), str(Path(sys.executable).parent)])
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.pathsep.join([scripts, os.environ["PATH"]]),
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for step in steps_of(text):
        result = subprocess.run(
            ["sh", "-uc", step.command],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert normal(result.stdout) == normal(step.output), step.command


def test_a_page_has_commands():
    assert "deploy" in [page.stem for page in PAGES]
    assert all(steps_of(page.read_text()) for page in PAGES)


def test_what_varies_is_all_that_is_forgiven():
    text = "```console\n$ one \\\n  two\n\n$ three\n9c1d5a0be7f2 at 2026-11-25 08:00\n```\n"
    assert steps_of(text) == [
        Step("one \\\n  two\n", "\n"),
        Step("three\n", "9c1d5a0be7f2 at 2026-11-25 08:00\n"),
    ]
    assert normal("9c1d5a0be7f2 at 2026-11-25 08:00") == normal("000000000000 at 2030-01-01 00:00")
    assert normal("3 keys, primary") != normal("4 keys, primary")
