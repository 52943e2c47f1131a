"""Puts the tables of `docs/speed.md` and the README there anew: runs every benchmark they name.

    python -m benchmarks.page

A table stands under a comment that names the benchmark and the table's title:
`<!-- codec: Session: typical -->`. Under `<!-- measured -->` stands when, where and
with what they were made. Takes about twelve minutes on a quiet machine.
"""

import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "docs" / "speed.md", ROOT / "README.md")
TABLE = re.compile(r"^(?P<title>\S.*)\n\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE)
PLACE = re.compile(r"^<!-- (?P<script>\w+): (?P<title>.*) -->\n(?P<rows>(?:\|.*\n)*)", re.MULTILINE)

MEASURED = re.compile(r"^<!-- measured -->\n(?:Measured .*\n)?", re.MULTILINE)


def tables_in(output: str) -> dict[str, str]:
    """Return the tables that a benchmark printed, by their titles."""
    return {match["title"]: match["rows"] for match in TABLE.finditer(output)}


def run(script: str) -> str:
    command = [sys.executable, "-m", f"benchmarks.{script}"]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def filled(page: str, tables: dict[str, dict[str, str]]) -> str:
    """Return the page with each table replaced by the one of its script and title."""

    def table(place: re.Match[str]) -> str:
        mark = place[0].partition("\n")[0]
        return f"{mark}\n{tables[place['script']][place['title']]}"

    return MEASURED.sub(lambda _: f"<!-- measured -->\n{measured()}\n", PLACE.sub(table, page))


def measured() -> str:
    """Say when, where and with what the tables were made."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("cryptography", "msgpack"))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"Measured {datetime.now(UTC):%Y-%m-%d} on {processor()}: {python}, {libraries}."


def processor() -> str:
    """Return the processor's name, from Linux where it has one."""
    listed = Path("/proc/cpuinfo")
    text = listed.read_text() if listed.exists() else ""
    found = re.search(r"^model name\s*: (.+)", text, re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


def main() -> None:
    places = [place for page in PAGES for place in PLACE.finditer(page.read_text())]
    scripts = dict.fromkeys(place["script"] for place in places)
    tables = {script: tables_in(run(script)) for script in scripts}
    for page in PAGES:
        page.write_text(filled(page.read_text(), tables))


if __name__ == "__main__":
    main()
