"""One harness under the fuzzer: `python -m tests.fuzz.child HARNESS [options of libFuzzer]`."""

import sys
from importlib import import_module

import atheris

if __name__ == "__main__":
    name, *options = sys.argv[1:]
    # The independent opener as well: it branches where the library leaves the work to C.
    with atheris.instrument_imports(include=["cookiesession", "tests.independent"]):
        harness = import_module(f"tests.fuzz.{name}")
    # The first word is what libFuzzer hands to a shell when it wants this program again.
    atheris.Setup([f"{sys.executable} -m tests.fuzz.child {name}", *options], harness.check)
    atheris.Fuzz()
