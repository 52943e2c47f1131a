"""What the commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows in columns that are as wide as they must be."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def printable(text: str) -> str:
    r"""Return a text of unknown origin as a terminal may have it: printable ASCII.

    >>> printable("\x1b[2Jcaf\xe9")
    '\\x1b[2Jcaf\\xe9'
    """
    return "".join(each if " " <= each <= "~" else ascii(each)[1:-1] for each in text)


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=2))


def failed(command: str, sentence: object) -> int:
    """Print a sentence on standard error, and return the exit status."""
    print(f"cookiesession {command}: {sentence}", file=sys.stderr)
    return 1
