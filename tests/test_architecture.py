"""Holds the layout to what the docstrings and `docs/format.md` say of it, by the syntax trees."""

import ast
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

import cookiesession

ROOT = Path(cookiesession.__file__).parent
CORE = re.findall(r"`(\w+)`", (cookiesession.__doc__ or "").partition("they are imported:")[2])
"""The core's modules, in the order in which the package's docstring has them read."""
CORE_FILES = [ROOT / f"{name}.py" for name in CORE]
OTHER_FILES = sorted({*ROOT.rglob("*.py")} - {*CORE_FILES, ROOT / "__init__.py"})
PUBLIC_MODULES = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in OTHER_FILES}
PUBLIC_MODULES |= {"errors", "events"}
HOMES = {  # each third-party package, and where alone the core may use it
    "cryptography": {"_keys", "_seal"},
    "itsdangerous": {"_sign"},
    "msgpack": {"_pack"},
    "zlib": {"_compress"},
}
MOST_CORE_LINES = 1_700
MOST_FUNCTION_LINES = 40


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


core = pytest.mark.parametrize("path", CORE_FILES, ids=name_of)
others = pytest.mark.parametrize("path", OTHER_FILES, ids=name_of)
every = pytest.mark.parametrize("path", [*CORE_FILES, *OTHER_FILES], ids=name_of)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> Iterator[str]:
    """Yield what a file imports, with the names where they may be modules: `a`, `a.b`."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are written in full"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_docstring_lists_the_whole_core():
    private = {path.stem for path in ROOT.glob("_*.py")} - {"__init__", "__main__"}
    assert set(CORE) == private | {"errors", "events"}
    assert len(CORE) == len(set(CORE)) > 10


@core
def test_a_core_module_imports_only_what_stands_before_it(path):
    before = CORE[: CORE.index(path.stem)]
    for name in imports_of(path):
        package, _, rest = name.partition(".")
        if package == "cookiesession":
            assert rest.partition(".")[0] in before


@core
def test_a_third_party_package_is_imported_where_it_belongs(path):
    packages = {name.partition(".")[0] for name in imports_of(path)}
    assert packages <= {"cookiesession", *HOMES, *sys.stdlib_module_names}
    for package, homes in HOMES.items():
        assert (package in packages) == (path.stem in homes)


def test_only_the_core_knows_the_cookies_cryptography():
    for path in OTHER_FILES:
        packages = {name.partition(".")[0] for name in imports_of(path)}
        assert not packages & {*HOMES}, path


@others
def test_what_surrounds_the_core_imports_public_names_only(path):
    """And what stands in its own folder, where it has one."""
    folder = path.relative_to(ROOT).parts[0]
    for name in imports_of(path):
        package, *rest = name.split(".")
        if package == "cookiesession" and rest[0] != folder:
            assert not any(part.startswith("_") for part in rest), name
            assert rest[0] in cookiesession.__all__ or rest[0] in PUBLIC_MODULES, name


def test_importing_the_package_imports_no_framework():
    """And neither a network nor an event loop: in a fresh process, by what it has loaded."""
    program = (
        "import sys; sys.path += sys.argv[1:]; before = {*sys.modules}; import cookiesession;"
        "print(*sorted({*sys.modules} - before))"
    )
    command = [sys.executable, "-c", program, str(ROOT.parent), *sys.path]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {"cookiesession", "cryptography", "itsdangerous", "msgpack"} <= {*loaded}
    assert not {"asyncio", "http", "socket", "ssl", "sqlite3", "subprocess"} & {*loaded}
    mine = {f"cookiesession.{name}" for name in CORE} | {"cookiesession"}
    assert {name for name in loaded if name.startswith("cookiesession")} == mine
    foreign = {name.partition(".")[0] for name in loaded} - {*sys.stdlib_module_names}
    foreign = {name for name in foreign if not re.match(r"_?cython|_cffi|_openssl", name)}
    assert foreign == {"cookiesession", "cryptography", "itsdangerous", "msgpack"}


# Size. What counts is code: no blank line, comment or docstring.

Function = ast.FunctionDef | ast.AsyncFunctionDef
PROSE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines of code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type not in PROSE and token.string:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            lines.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
    return lines


def test_lines_of_code_are_counted_without_prose():
    source = (
        '"""Prose."""\n\n# More.\ndef f(\n    a,\n):\n'
        '    """Prose,\n    two lines."""\n    return [\n        a\n    ]\n'
    )
    assert code_lines(source) == {4, 5, 6, 9, 10, 11}


@every
def test_functions_are_short(path):
    """Their bodies, that is: a manager has as many settings as it has."""
    source = path.read_text(encoding="utf-8")
    code = code_lines(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            body = code.intersection(range(node.body[0].lineno, (node.end_lineno or 0) + 1))
            assert len(body) <= MOST_FUNCTION_LINES, node.name


def test_the_core_can_be_read_in_one_sitting(capsys):
    """Its code, without the name table. Raise the bound only for what is worth reading."""
    counts = {
        path.stem: len(code_lines(path.read_text(encoding="utf-8")))
        for path in CORE_FILES
        if path.stem != "_names"
    }
    with capsys.disabled():
        print(f"\nthe core has {sum(counts.values())} lines of code: {counts}")  # noqa: T201
    assert sum(counts.values()) <= MOST_CORE_LINES


# C11. Secrets are compared in constant time.

SECRET_NAME = re.compile(r"(^|[._])(sig|signature|digest|mac|hmac|checksum|secret)s?$")


def unsafe_comparisons(tree: ast.AST) -> list[str]:
    """Find comparisons by which time would tell how much of a digest was guessed."""
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(isinstance(sign, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for sign in node.ops)
        and any(map(_is_secret, [node.left, *node.comparators]))
    ]


def _is_secret(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):  # len(signature) is none, signature[:8] and self.digest() are
        return SECRET_NAME.search(ast.unparse(node.func)) is not None
    while isinstance(node, ast.Subscript):
        node = node.value
    return SECRET_NAME.search(ast.unparse(node).rpartition(".")[2]) is not None


@every
def test_digests_are_compared_in_constant_time(path):
    """C11. With `hmac.compare_digest` only."""
    assert not unsafe_comparisons(tree_of(path))


@pytest.mark.parametrize(
    ("source", "unsafe"),
    [
        ("signature == expected", True),
        ("expected != self._secret", True),
        ("sig[:8] == start", True),
        ("mac.digest() == text", True),
        ("hmac.digest(key, text, 'sha256') != given", True),
        ("_checksum(secret) == checksum", True),
        ("signature in known", True),
        ("hmac.compare_digest(signature, expected)", False),
        ("len(signature) == 43", False),
        ("kid == other", False),
        ("secret is None", False),
    ],
)
def test_the_search_for_comparisons_finds_them(source, unsafe):
    assert bool(unsafe_comparisons(ast.parse(source))) == unsafe
