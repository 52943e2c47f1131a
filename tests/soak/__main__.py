"""The command line: run one soak, print its table, and fail where anything falls short."""

import argparse
import sys

from tests.evidence import table
from tests.soak import faults, rotation


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("what", choices=["rotation", "redis", "faults"])
    parser.add_argument("--short", action="store_true", help="the version that runs in CI")
    parser.add_argument("--preload", action="store_true", help="gunicorn loads before it forks")
    given = parser.parse_args()
    if given.what == "rotation":
        rows = rotation.run(short=given.short, preload=given.preload)
    elif given.what == "redis":
        rows = rotation.run_redis(short=given.short)
    else:
        rows = faults.run(short=given.short)
    sys.stdout.write(table(rows) + "\n")
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
