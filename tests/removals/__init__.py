"""Takes each protection out, one after another, and sees a test fail.

    python -m tests.removals [ID ...]        some minutes

    table       each protection, the edit that takes it out, and the test that must notice

All is done to a copy of the package and its tests. The command fails where an edit does not apply
any more, where its test does not fail with it, or fails without it.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from tempfile import TemporaryDirectory

import cookiesession
from tests.removals.table import Removal
from tests.suite import TESTS

SECONDS = 120  # for one test: what hangs is not noticed

PACKAGE = Path(cookiesession.__file__).parent
PAGES = ["docs", "README.md", "SECURITY.md", "CHANGELOG.md", "pyproject.toml"]


class Copy:
    """A copy of the package, its tests and its pages, in which things may be broken."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder / PACKAGE.name
        for source in (PACKAGE, TESTS, *(TESTS.parent / page for page in PAGES)):
            copy_to = folder / source.name
            if source.is_dir():
                leave_out = shutil.ignore_patterns("__pycache__", "node_modules", "v1")
                shutil.copytree(source, copy_to, ignore=leave_out)
            else:
                shutil.copy(source, copy_to)

    def fails(self, tests: Collection[str]) -> bool:
        """Tell whether one of some tests fails; raise where they could not run."""
        pytest = [sys.executable, "-m", "pytest", "-qx", "-p", "no:cacheprovider", "--assert=plain"]
        run = subprocess.run(
            [*pytest, *(f"tests/{test}" for test in tests)],
            cwd=self.folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_PROFILE": "ci"},
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        if run.returncode not in (0, 1):
            raise RuntimeError(f"the tests did not run: {run.stdout[-2000:]}{run.stderr[-2000:]}")
        return run.returncode == 1

    def problem_of(self, removal: Removal) -> str:
        """Take a protection out; say why nobody noticed, or nothing."""
        path = self.package / removal.file
        whole = path.read_text(encoding="utf-8")
        try:
            path.write_text(without(removal, whole), encoding="utf-8")
            return "" if self.fails([removal.test]) else "no test failed"
        except (LookupError, RuntimeError, subprocess.TimeoutExpired) as error:
            return str(error)
        finally:
            path.write_text(whole, encoding="utf-8")


def without(removal: Removal, source: str) -> str:
    """Return what stands in a file once the protection is out."""
    for old, new in removal.edits.items():
        if source.count(old) != 1:
            raise LookupError(f"{old!r} stands {source.count(old)} times in {removal.file}")
        source = source.replace(old, new)
    return source


def unnoticed(removals: Collection[Removal]) -> list[str]:
    """Take protections out, one after another; say which nobody noticed, and why."""
    with TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        if copy.fails({removal.test for removal in removals}):
            raise RuntimeError("a test fails with every protection in place")
        problems = [(removal, copy.problem_of(removal)) for removal in removals]
    return [f"{removal.id}, {removal.what}: {problem}" for removal, problem in problems if problem]
