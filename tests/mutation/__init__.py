"""The tests of the tests: they must fail with each mutant of the core.

    python -m tests.mutation                          all mutants, by hand and nightly
    python -m tests.mutation _seal _sign              those of two modules
    python -m tests.mutation --sample 60 --seed 211   some, in continuous integration

On two idle cores the first takes 13 minutes, and the last less than one.

A mutant is a module with one small defect, made by mutmut's operators. Either a test fails with it,
or `survivors.md` says why it does no harm. The run fails where a mutant survives that the list does
not name, and where a test fails with one that the list does name. (That the list names no mutant of
an older source is for `tests/test_mutation.py` to say, at once.)

    mutants      source -> mutants
    forks        mutants -> outcomes: the tests, in a fork of this process for each
    survivors    outcomes, and the list -> a verdict
"""

import subprocess
import sys

from tests.evidence import Row

SAMPLE = 60
REQUIRED = 0.95


def evidence(quick: bool) -> list[Row]:
    """Run all mutants, or a sample where it must be quick, and return what was found."""
    sample = ["--sample", str(SAMPLE)] if quick else []
    # In a process of its own: the package must not be imported before it is mutated.
    command = [sys.executable, "-m", "tests.mutation", *sample]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return rows(run.stdout, sampled=quick)


def rows(output: str, *, sampled: bool) -> list[Row]:
    """Read the last line of a run, which counts."""
    counts = {name: int(n) for name, n in (pair.split("=") for pair in output.split()[-6:])}
    ran, unlisted, stale = counts["ran"], counts["unlisted"], counts["stale"]
    share = (counts["killed"] + counts["endless"]) / ran
    enough = sampled or share >= REQUIRED
    return [
        Row(f"{ran:,} mutants, killed", "" if sampled else "95 %", f"{share:.1%}", enough),
        Row("mutants that survive without a reason", "0", f"{unlisted}", unlisted == 0),
        Row("reasons for mutants that are killed", "0", f"{stale}", stale == 0),
    ]
