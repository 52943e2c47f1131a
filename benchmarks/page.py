"""Puts the tables of `docs/speed.md` and the README there anew: runs every benchmark they name.

    python -m benchmarks.page

A table stands under a comment that names the benchmark and the table's title:
`<!-- codec: Session: typical -->`. Takes about twelve minutes on a quiet machine.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = (ROOT / "docs" / "speed.md", ROOT / "README.md")
TABLE = re.compile(r"^(?P<title>\S.*)\n\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE)
PLACE = re.compile(r"^<!-- (?P<script>\w+): (?P<title>.*) -->\n(?P<rows>(?:\|.*\n)*)", re.MULTILINE)


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

    return PLACE.sub(table, page)


def main() -> None:
    places = [place for page in PAGES for place in PLACE.finditer(page.read_text())]
    scripts = dict.fromkeys(place["script"] for place in places)
    tables = {script: tables_in(run(script)) for script in scripts}
    for page in PAGES:
        page.write_text(filled(page.read_text(), tables))


if __name__ == "__main__":
    main()
