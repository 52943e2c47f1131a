"""An opener in another language, written from docs/format.md alone, agrees on every vector."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.node

INTEROP = Path(__file__).parent / "interop"
VECTORS = Path(__file__).parent / "vectors" / "v1"


def test_the_javascript_opener_agrees_on_every_vector():
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js")
    run = subprocess.run(
        [node, INTEROP / "run.mjs"], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stdout + run.stderr
    summary = re.search(r"(\d+) passed, 0 failed", run.stdout)
    assert summary, run.stdout
    assert int(summary[1]) == len(list(VECTORS.glob("*.json"))) > 300
