"""The command: runs each harness for a bounded time, and says what it ran, reached and broke.

It fails where an input broke a promise, took ten seconds or 2 GiB, or where a fuzzer did not run.
"""

import re
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from base64 import b64encode
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.evidence import Row, table

HARNESSES = ("cookie_text", "cookie_headers", "keyring_document")
CORPUS = Path(__file__).parent / "corpus"
LIMITS = ("-max_len=8192", "-timeout=10", "-rss_limit_mb=2048")
SMALL, FEW = 1000, 20  # bytes of a file of the corpus; how many are taken at a time


def main():
    parser = ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("harness", nargs="*", default=HARNESSES, help=", ".join(HARNESSES))
    parser.add_argument("--seconds", type=int, default=60, help="for each (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the fuzzer; 0 draws one")
    parser.add_argument("--grow", action="store_true", help="add small inputs that reach more")
    options = parser.parse_args()
    settings = {"seed": options.seed, "grows": options.grow}
    rows = [fuzzed(name, options.seconds, **settings) for name in options.harness]
    print(table(rows))
    return 0 if all(row.ok for row in rows) else 1


def fuzzed(name, seconds, *, seed=0, grows=False):
    """Run one harness; what breaks something is printed, so that anyone can run it again."""
    with TemporaryDirectory() as folder:
        found, known, crashes = (Path(folder, part) for part in ("found", "known", "crashes"))
        for each in (found, known, crashes):
            each.mkdir()
        write_known(name, known)
        bounds = (f"-max_total_time={seconds}", f"-seed={seed}")
        output = run(name, *bounds, f"-artifact_prefix={crashes}/", found, known)
        inputs = sorted(crashes.iterdir())
        executions = last(r"number_of_executed_units: (\d+)", output)
        ran = executions >= len(list(known.iterdir()))
        if inputs or not ran:
            print(output)
            for each in inputs:
                print(f"{each.name}: {b64encode(each.read_bytes()).decode()}")
        elif grows:
            grow(name, known, found)
    return Row(
        f"fuzzing, {seconds} s: {name}",
        "0 crashes",
        f"{len(inputs)} in {executions:,} executions; {last(r'cov: ([0-9]+)', output):,} edges",
        ran and not inputs,
    )


def run(name, *arguments):
    """Run the fuzzer and return all that it says."""
    command = [sys.executable, "-m", "tests.fuzz.child", name]
    command += [*LIMITS, "-print_final_stats=1", *map(str, arguments)]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        check=False,
    ).stdout  # fmt: skip


def write_known(name, folder):
    harness = import_module(f"tests.fuzz.{name}")
    for number, seed in enumerate(harness.seeds()):
        (folder / f"seed-{number}").write_bytes(seed)
    for file in (CORPUS / name).glob("*"):
        shutil.copy(file, folder)


def grow(name, known, found):
    """Keep what was found, is small, and reaches what the seeds and the corpus do not."""
    for file in found.iterdir():
        if file.stat().st_size > SMALL:
            file.unlink()
    before = set(known.iterdir())
    run(name, "-merge=1", known, found)
    (CORPUS / name).mkdir(parents=True, exist_ok=True)
    reaching = sorted(set(known.iterdir()) - before, key=lambda file: file.stat().st_size)
    for file in reaching[-FEW:]:
        shutil.copy(file, CORPUS / name / file.name[:12])


def last(pattern, output):
    """Return the last number of that kind that the fuzzer named, or 0."""
    matches = re.findall(pattern, output)
    return int(matches[-1]) if matches else 0


if __name__ == "__main__":
    sys.exit(main())
