"""The command line: take the protections of some ids out, or all, and fail where none noticed."""

import sys

from tests.removals import unnoticed
from tests.removals.table import REMOVALS


def main(ids: list[str]) -> int:
    """Print what nobody noticed, and a count."""
    removals = [removal for removal in REMOVALS if not ids or removal.id in ids]
    problems = unnoticed(removals)
    for problem in problems:
        sys.stdout.write(f"FAIL  {problem}\n")
    noticed = len(removals) - len(problems)
    sys.stdout.write(f"{len(removals)} protections taken out, {noticed} noticed\n")
    return 1 if problems or not removals else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
