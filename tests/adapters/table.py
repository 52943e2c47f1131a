"""Prints the README's table of frameworks, from a run of their tests.

    pytest tests/adapters --junitxml=run.xml && python tests/adapters/table.py run.xml

Fails where a framework that has an extra has no passing test in that run.
"""

import re
import sys
from collections import Counter
from importlib.metadata import requires, version
from xml.etree import ElementTree as ET

OF_THE_TESTS = {"hypothesis", "pytest"}


def oldest() -> dict[str, str]:
    """Return the lower bound that each extra declares."""
    bounds = {}
    for requirement in requires("cookiesession") or ():
        match = re.match(r"([A-Za-z0-9_-]+)>=([\d.]+).*extra == ['\"]", requirement)
        if match and match[1] not in OF_THE_TESTS:
            bounds[match[1].lower()] = match[2]
    return bounds


def passed(path: str) -> Counter[str]:
    """Count the tests that passed, by framework."""
    counts: Counter[str] = Counter()
    for case in ET.parse(path).iter("testcase"):
        module = re.search(r"tests\.adapters\.test_(\w+)", case.get("classname", ""))
        if module and not len(case):
            counts[module[1]] += 1
    return counts


def main(path: str) -> int:
    """Print the table, three frameworks a row; return 1 where one has no test."""
    counts = passed(path)
    cells, missing = [], []
    for name, bound in sorted(oldest().items()):
        tests = counts["werkzeug" if name == "webob" else name.replace("-", "_")]
        cells.append(f"| {name} {bound} | {version(name)} | {tests} ")
        if not tests:
            missing.append(name)
    columns = 3
    print("| oldest | newest | tests " * columns + "|")
    print("|---|---|---" * columns + "|")
    for row in range(0, len(cells), columns):
        beside = cells[row : row + columns]
        print("".join(beside) + "| | | " * (columns - len(beside)) + "|")
    for name in missing:
        print(f"no test of {name} passed", file=sys.stderr)
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
