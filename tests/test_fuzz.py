"""The fuzzers' properties (`tests/fuzz/`) hold for their seeds, and for what they found before."""

from importlib import import_module

import pytest

from tests.fuzz.__main__ import CORPUS, HARNESSES


@pytest.mark.parametrize("name", HARNESSES)
def test_a_fuzzer_s_seeds_and_corpus_break_nothing(name):
    """C2, C10, C12, I8."""
    harness = import_module(f"tests.fuzz.{name}")
    corpus = [file.read_bytes() for file in sorted(CORPUS.joinpath(name).iterdir())]
    assert corpus
    for data in [*harness.seeds(), *corpus]:
        harness.check(data)
