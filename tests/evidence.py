"""One table of what was measured, and of what is required.

    python -m tests.evidence --quick      some minutes        python -m tests.evidence      an hour

Each of the modules named in `SOURCES` has a function `evidence(quick) -> list[Row]`. A module that
is missing, that fails, or whose measurement falls short makes the command end with 1.
"""

import argparse
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from typing import NamedTuple

SOURCES = [
    "tests.test_ids",
    "tests.mutation",
    "tests.fuzz",
    "tests.soak",
    "tests.test_oracle",
    "tests.statistics",
]


class Row(NamedTuple):
    """One measurement."""

    what: str
    required: str
    measured: str
    ok: bool


def rows_of(source: str, *, quick: bool) -> list[Row]:
    """Return what a module measures; one that cannot is a row that falls short."""
    try:
        return [Row(*row) for row in import_module(source).evidence(quick)]
    except Exception as error:  # noqa: BLE001  whatever it is, the table says so
        if not isinstance(error, ModuleNotFoundError):
            traceback.print_exc()
        return [Row(source, "runs", f"{type(error).__name__}: {error}", ok=False)]


def table(rows: Iterable[Row]) -> str:
    lines = [("what", "required", "measured", "")]
    lines += [(row.what, row.required, row.measured, "ok" if row.ok else "FAILS") for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="take minutes, not an hour")
    parser.add_argument("--only", nargs="+", default=SOURCES, metavar="MODULE", help="of these")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    for source in options.only:
        print(f"measuring {source}", file=sys.stderr, flush=True)
        rows += rows_of(source, quick=options.quick)
    print(table(rows))
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
