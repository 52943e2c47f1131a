"""Prints the README's table of frameworks, from a run of their tests.

    pytest tests/adapters --junitxml=run.xml && python tests/adapters/table.py run.xml

Fails where a framework that has an extra has no passing test in that run.
"""

import re
import sys
from collections import Counter
from importlib.metadata import requires, version
from xml.etree import ElementTree as ET

PACKAGES = {"aiohttp_session": "aiohttp-session", "testing_kit": None, "asgi": None, "wsgi": None}


def oldest() -> dict[str, str]:
    """Return the lower bound that each extra declares."""
    bounds = {}
    for requirement in requires("cookiesession") or ():
        match = re.match(r"([A-Za-z0-9_-]+)>=([\d.]+).*extra == ['\"]", requirement)
        if match:
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
    bounds, counts = oldest(), passed(path)
    print("| framework | oldest tested | newest tested | tests |")
    print("|---|---|---|---|")
    missing = []
    for name, bound in sorted(bounds.items()):
        module = name.replace("-", "_")
        if module in ("pytest", "hypothesis"):
            continue
        tests = counts[module] or (counts["werkzeug"] if module == "webob" else 0)
        print(f"| {name} | {bound} | {version(name)} | {tests} |")
        if not tests:
            missing.append(name)
    for name in missing:
        print(f"no test of {name} passed", file=sys.stderr)
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
