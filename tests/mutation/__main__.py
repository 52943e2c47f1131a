"""The command: runs mutants, prints those that break the rule, and counts in its last line."""

import os
import random
import sys
from argparse import ArgumentParser

from tests.mutation.forks import outcomes
from tests.mutation.mutants import mutants_of, unmutated
from tests.mutation.survivors import Outcome, listed, verdict

MODULES = ("_cookie", "_codec", "_seal", "_keys", "_sign", "_pack", "_compress", "_session")


def main() -> int:
    parser = ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("module", nargs="*", default=MODULES, help=", ".join(MODULES))
    parser.add_argument("--sample", type=int, help="run so many mutants, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="default: all cores")
    options = parser.parse_args()
    mutants = [mutant for module in options.module for mutant in mutants_of(module)]
    if options.sample:
        mutants = random.Random(options.seed).sample(mutants, min(options.sample, len(mutants)))
    for _, outcome in outcomes([unmutated("_cookie")], 1):
        if outcome is not Outcome.SURVIVED:
            print("the tests fail without a mutant")
            return 2
    known = listed()
    ran = []
    for mutant, outcome in outcomes(mutants, options.processes):
        ran.append((mutant.name, outcome))
        if outcome is Outcome.SURVIVED and mutant.name not in known:
            print(f"survived:\n{mutant.name}", flush=True)
    result = verdict(ran, known)
    for name in sorted(result.stale):
        print(f"listed, but killed:\n{name}")
    print(result)
    return 0 if result.ok else 1


if __name__ == "__main__":
    sys.exit(main())
