"""The test vectors of the format (`tests/vectors/README.md`), read by four.

The library, an opener that shares no code with it, and stock itsdangerous read what is in the
files; and what makes them still makes them.
"""

import ast
import hashlib
import json
import sys
from pathlib import Path

import itsdangerous
import pytest

from cookiesession import Incoming, Key, SessionManager, Status
from cookiesession._base64 import decode
from tests import independent
from tests.independent import Keys, expectation, tagged, texts
from tests.vectors import make

FILES = sorted((Path(__file__).parent / "vectors" / "v1").glob("*.json"))
VECTORS = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in FILES}

BEFORE_STEP_5 = {
    "missing", "incomplete", "malformed", "unknown_format", "unknown_key", "bad_signature",
}  # fmt: skip
NO_COOKIE_S_DOING = {Status.REVOKED, Status.HOST_REFUSED}

every_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)


def opened(vector):
    """Open a vector's cookies as a server would, and say what came of it."""
    manager = SessionManager(
        Key(bytes.fromhex(vector["secret"])),
        clock=lambda: vector["now"],
        **{
            setting: vector[setting]
            for setting in (
                "name", "namespace", "idle_timeout", "absolute_timeout", "remember_timeout",
                "issued_after", "max_cookies",
            )
        },
    )  # fmt: skip
    pairs = [f"{name}={value}" for name, value in vector["cookies"]]
    header = "; ".join(pairs).encode("latin-1")
    with manager.open(Incoming(cookies=[header])) as exchange:
        session = exchange.session
        if session.new:
            assert not session
            return {"status": session.status}
        return session_as_expected(session)


def session_as_expected(session):
    """Write a session in the form of a vector's `expect`."""
    stamp = session._stamp
    return {
        "status": session.status,
        "sid": decode(session.id.encode()).hex(),
        "issued": stamp.issued,
        "created": stamp.created,
        "remembered": stamp.remembered,
        "forgotten": stamp.forgotten,
        "body": session._baseline.hex(),
        "data": tagged(dict(session)),
    }


def same(one, other):
    """Compare as JSON text: 1, 1.0 and true differ there, and so does the order of keys."""
    return json.dumps(one) == json.dumps(other)


@every_vector
def test_the_library_reads_each_vector_as_it_says(vector):
    """C2, C12. Known answers: what is refused has one defect, and the rest of it is right."""
    assert same(opened(vector), vector["expect"])


@every_vector
def test_an_opener_that_shares_no_code_reads_each_vector_as_it_says(vector):
    """C2."""
    assert same(expectation(vector), vector["expect"])


def test_that_opener_imports_the_standard_library_alone():
    tree = ast.parse(Path(independent.__file__).read_text(encoding="utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." * node.level + (node.module or "").partition(".")[0])
    assert imported
    assert imported <= sys.stdlib_module_names


def stock_itsdangerous_verifies(vector):
    """Ask it about the text that decides: of several that are refused, the first."""
    candidates = texts(vector)
    if vector["expect"]["status"] != "valid":
        candidates = candidates[:1]
    signer = itsdangerous.Signer(
        Keys(vector).sign_key, sep=".", key_derivation="none", digest_method=hashlib.sha256
    )
    return any(signer.validate(text.encode("latin-1")) for text in candidates if text)


@pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS.values() if vector["expect"]["status"] not in BEFORE_STEP_5],
    ids=[name for name, it in VECTORS.items() if it["expect"]["status"] not in BEFORE_STEP_5],
)
def test_stock_itsdangerous_verifies_what_passes_step_4(vector):
    assert stock_itsdangerous_verifies(vector)


@pytest.mark.parametrize(
    "name", [name for name, it in VECTORS.items() if it["expect"]["status"] == "bad_signature"]
)
def test_stock_itsdangerous_refuses_what_step_4_refuses_but_for_spellings(name):
    """C12. It decodes before it compares, so it takes what we, who compare text, do not."""
    verified = stock_itsdangerous_verifies(VECTORS[name])
    assert verified == name.startswith("signature-spelling-")


@pytest.fixture(scope="module")
def made_anew():
    return make.vectors()


def test_the_vectors_are_those_that_are_made(made_anew):
    assert set(made_anew) == set(VECTORS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_making_a_vector_anew_gives_the_same_bytes(file, made_anew):
    made = made_anew[file.stem]
    if file.stem.startswith("deflate-"):  # other builds of zlib write other bytes
        made["cookies"] = VECTORS[file.stem]["cookies"]
    assert make.as_text(made) == file.read_text(encoding="utf-8")


def test_every_reason_that_a_cookie_can_cause_has_a_vector():
    shown = {vector["expect"]["status"] for vector in VECTORS.values()}
    assert shown == set(Status) - NO_COOKIE_S_DOING
