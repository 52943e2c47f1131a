"""Runs the tests with each mutant, in a fork of a process that has imported all else already.

A mutant's own tests come first, and the first failure is enough. The package must not have been
imported: each fork does so, and finds the mutant in the place of its module.
"""

import os
import resource
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from io import StringIO

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.survivors import Outcome

TESTS = (  # after the module's own
    "promises", "session", "manager", "compress", "sign", "seal", "cookie", "codec", "exchange",
    "pack", "keys", "vectors",
)  # fmt: skip
IMPORTED = (  # before the forks
    "_hypothesis_pytestplugin",
    "cryptography.hazmat.primitives.ciphers.aead", "cryptography.hazmat.primitives.kdf.hkdf",
    "cryptography.hazmat.primitives.kdf.scrypt", "hypothesis.strategies", "itsdangerous", "msgpack",
)  # fmt: skip
QUIETLY = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # of what was imported before
SECONDS = 60  # of a processor; the tests take ten
MEMORY = 2**32  # bytes, for a loop that collects


def outcomes(mutants: Iterable[Mutant], processes: int) -> Iterator[tuple[Mutant, Outcome]]:
    """Yield what the tests say of each mutant, in the order in which they say it."""
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"
    sys.dont_write_bytecode = False  # else each fork would compile the tests
    for module in IMPORTED:
        import_module(module)
    with redirect_stdout(StringIO()):
        pytest.main(["--version", "--disable-plugin-autoload"])  # which imports its parts
    running: dict[int, Mutant] = {}
    for mutant in mutants:
        if len(running) == processes:
            yield _next(running)
        running[_start(mutant)] = mutant
    while running:
        yield _next(running)


def _next(running: dict[int, Mutant]) -> tuple[Mutant, Outcome]:
    child, status = os.wait()
    return running.pop(child), _outcome(os.waitstatus_to_exitcode(status))


def _outcome(code: int) -> Outcome:
    if -code in (signal.SIGXCPU, signal.SIGALRM):
        return Outcome.ENDLESS
    return Outcome.KILLED if code else Outcome.SURVIVED


def _start(mutant: Mutant) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _confine()
        sys.meta_path.insert(0, _Finder(f"cookiesession.{mutant.module}", mutant.source))
        import_module("cookiesession")  # before pytest, whose finder would be asked first
        own = mutant.module.removeprefix("_")
        code = _run([own]) or _run([test for test in TESTS if test != own])
    finally:
        os._exit(code)


def _confine() -> None:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.alarm(20 * SECONDS)  # for one that waits, on a machine that may be busy


def _run(tests: list[str]) -> int:
    paths = [f"tests/test_{test}.py" for test in tests]
    return int(pytest.main(["-qx", "--tb=no", "-p", "no:cacheprovider", *QUIETLY, *paths]))


class _Finder(MetaPathFinder):
    """Finds the mutant in place of the module."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def find_spec(self, name, path, target=None):
        if name != self.name:
            return None
        spec = PathFinder.find_spec(name, path)
        spec.loader = _Loader(name, spec.origin)
        spec.loader.source = self.source
        return spec


class _Loader(SourceFileLoader):
    """Loads the mutant, and keeps no bytecode."""

    source: str

    def get_data(self, path):
        return self.source.encode()

    def path_stats(self, path):
        raise OSError
