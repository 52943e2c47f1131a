"""Makes mutants of a module: the same source with one small defect.

The operators are mutmut's. Not mutated is what no test should look at: annotations, `__slots__`,
imports, decorators, docstrings, and the words of an error. Nor are calls of `len` and `isinstance`,
which raise for most other arguments, and of `cast`, which is an annotation.
"""

import difflib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import libcst as cst
from libcst import matchers as m
from libcst.metadata import CodeRange, MetadataWrapper, WhitespaceInclusivePositionProvider
from mutmut.mutation.mutators import mutation_operators

from tests.mutation.survivors import Name

WORDS = m.SimpleString() | m.FormattedString() | m.ConcatenatedString()
ERROR = m.Call(args=[m.ZeroOrMore(m.Arg(WORDS))])
UNTOUCHED = m.OneOf(
    m.Annotation(),
    m.Import(),
    m.ImportFrom(),
    m.Decorator(),
    m.Assign(targets=[m.AssignTarget(m.Name("__slots__"))]),
    m.Call(m.Name("len") | m.Name("isinstance") | m.Name("cast")),
    m.Expr(WORDS),
)


class Mutant(NamedTuple):
    """A module with one defect."""

    module: str
    name: Name
    source: str


def source_of(module: str) -> str:
    """Read a module's source, without importing anything of the package."""
    (package,) = find_spec("cookiesession").submodule_search_locations
    return Path(package, f"{module}.py").read_text("utf-8")


def unmutated(module: str) -> Mutant:
    """Make what should survive."""
    return Mutant(module, Name(module, ""), source_of(module))


def mutants_of(module: str) -> Iterator[Mutant]:
    """Make all mutants of a module."""
    source = source_of(module)
    tree = MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    ranges = tree.resolve(WhitespaceInclusivePositionProvider)
    lines = source.splitlines(keepends=True)
    for place, indent, node, mutated in _walk(tree.module, module, ""):
        where = ranges[node]
        first, last = where.start.line - 1, where.end.line
        before = lines[first:last]
        replacement = tree.module.code_for_node(mutated).replace("\n", f"\n{indent}")
        after = _replaced(before, where, replacement)
        name = Name(place, _diff(before, after))
        yield Mutant(module, name, "".join([*lines[:first], *after, *lines[last:]]))


def _walk(
    node: cst.CSTNode, place: str, indent: str
) -> Iterator[tuple[str, str, cst.CSTNode, cst.CSTNode]]:
    if m.matches(node, UNTOUCHED):
        return
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        place = f"{place}.{node.name.value}"
    if isinstance(node, cst.IndentedBlock):
        indent += " " * 4
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            yield from ((place, indent, node, mutated) for mutated in operator(node))
    for child in node.children:
        if isinstance(node, cst.Raise) and m.matches(child, ERROR):
            continue
        yield from _walk(child, place, indent)


def _replaced(lines: list[str], where: CodeRange, replacement: str) -> list[str]:
    start, end = lines[0][: where.start.column], lines[-1][where.end.column :]
    return f"{start}{replacement}{end}".splitlines(keepends=True)


def _diff(before: list[str], after: list[str]) -> str:
    """Return the lines that differ, without their indentation."""
    lines = difflib.unified_diff(before, after, n=0)
    return "\n".join(f"{line[0]} {line[1:].strip()}" for line in [*lines][2:] if line[0] != "@")
