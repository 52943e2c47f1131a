"""What the tests say of themselves, read from their syntax trees; nothing is imported.

A docstring that begins with ids, as `C1.`, `K2, K4.` or `H1-H3.`, says which lines of the table in
`docs/security.md` a test holds up.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent

_ID = r"[A-Z][0-9]{1,2}"
_IDS = re.compile(rf"({_ID}(?:(?:, |-| to ){_ID})*)\.(?:\s|$)")
_RANGE = re.compile(r"([A-Z])([0-9]+)(?:-| to )[A-Z]([0-9]+)")


class Described(NamedTuple):
    """A module, class or function of the tests, and the ids that its docstring begins with."""

    node: str  # "test_codec.py::test_every_truncation_is_refused"
    ids: frozenset[str]

    @property
    def is_test(self) -> bool:
        return self.node.partition("::")[2].startswith("test_")


def described() -> list[Described]:
    """Return everything in the tests that may have a docstring."""
    files = [path for path in sorted(TESTS.rglob("*.py")) if "node_modules" not in path.parts]
    return [it for file in files for it in _described(file)]


def ids_of(docstring: str) -> frozenset[str]:
    """Return the ids that a docstring begins with."""
    begins = _IDS.match(docstring)
    if begins is None:
        return frozenset()
    written = _RANGE.sub(_listed, begins[1])
    return frozenset(written.split(", "))


def _described(file: Path) -> Iterator[Described]:
    name = file.relative_to(TESTS).as_posix()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module):
            yield Described(name, ids_of(ast.get_docstring(node) or ""))
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield Described(f"{name}::{node.name}", ids_of(ast.get_docstring(node) or ""))


def _listed(written: re.Match[str]) -> str:
    letter, first, last = written.groups()
    return ", ".join(f"{letter}{number}" for number in range(int(first), int(last) + 1))
