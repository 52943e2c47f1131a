"""Mutation testing can fail. The whole run is `python -m tests.mutation`."""

import ast
import subprocess
import sys
from collections import Counter

import pytest

pytest.importorskip("mutmut")

from tests.evidence import Row
from tests.mutation import rows
from tests.mutation.mutants import mutants_of, source_of
from tests.mutation.survivors import LIST, Name, Outcome, listed, verdict

ONE, OTHER = Name("_seal.seal", "- a\n+ b"), Name("_seal.seal", "- a\n+ c")


def test_a_mutant_that_survives_without_a_reason_fails_the_run():
    result = verdict([(ONE, Outcome.SURVIVED), (OTHER, Outcome.SURVIVED)], [OTHER])
    assert (result.ok, result.unlisted, result.stale) == (False, {ONE}, set())


def test_a_reason_for_a_mutant_that_is_killed_fails_the_run():
    result = verdict([(ONE, Outcome.KILLED), (OTHER, Outcome.KILLED)], [OTHER])
    assert (result.ok, result.unlisted, result.stale) == (False, set(), {OTHER})


@pytest.mark.parametrize("outcome", [Outcome.ENDLESS, Outcome.SURVIVED])
def test_a_listed_mutant_that_survives_or_takes_too_long_fails_nothing(outcome):
    """A slow machine is no reason."""
    assert verdict([(ONE, outcome)], [ONE]).ok


def test_what_did_not_run_is_not_missed():
    assert verdict([(ONE, Outcome.KILLED)], [OTHER]).ok


def test_lines_that_read_alike_may_fare_differently():
    assert verdict([(ONE, Outcome.KILLED), (ONE, Outcome.SURVIVED)], [ONE]).ok


@pytest.mark.parametrize(
    ("ran", "sampled", "falls_short"),
    [
        ([Outcome.KILLED] * 19 + [Outcome.SURVIVED], False, []),
        ([Outcome.KILLED] * 18 + [Outcome.ENDLESS, Outcome.SURVIVED], False, []),
        ([Outcome.KILLED] * 18 + [Outcome.SURVIVED] * 2, False, ["20 mutants, killed"]),
        ([Outcome.KILLED] * 18 + [Outcome.SURVIVED] * 2, True, []),
    ],
)
def test_95_per_cent_of_all_mutants_are_required(ran, sampled, falls_short):
    result = verdict([(ONE, outcome) for outcome in ran], [ONE])
    found = rows(f"some output\n{result}\n", sampled=sampled)
    assert [row.what for row in found if not row.ok] == falls_short


def test_the_evidence_says_what_the_verdict_says():
    result = verdict([(ONE, Outcome.SURVIVED), (OTHER, Outcome.KILLED)], [OTHER])
    assert rows(str(result), sampled=True) == [
        Row("2 mutants, killed", "", "50.0%", ok=True),
        Row("mutants that survive without a reason", "0", "1", ok=False),
        Row("reasons for mutants that are killed", "0", "1", ok=False),
    ]


def test_the_list_names_mutants_of_today_s_source_each_once():
    names = listed()
    assert len(names) == len(set(names)) == LIST.read_text("utf-8").count("```diff")
    modules = {name.place.partition(".")[0] for name in names}
    known = {mutant.name for module in modules for mutant in mutants_of(module)}
    assert [str(name) for name in names if name not in known] == []


def test_a_mutant_s_name_tells_what_differs():
    source = lines(source_of("_sign"))
    mutants = [*mutants_of("_sign")]
    assert len(mutants) > 40
    for mutant in mutants:
        diff = mutant.name.diff.splitlines()
        mutated = lines(mutant.source)
        assert source - mutated == Counter(line[2:] for line in diff if line[0] == "-")
        assert mutated - source == Counter(line[2:] for line in diff if line[0] == "+")


def lines(source: str) -> Counter[str]:
    ast.parse(source)
    return Counter(map(str.strip, source.splitlines()))


FORKS = """
from tests.mutation import forks
from tests.mutation.mutants import mutants_of, unmutated

forks.TESTS = ("base64",)
_, killed, *_ = mutants_of("_sign")
print(*(outcome for _, outcome in forks.outcomes([unmutated("_sign"), killed], 1)))
forks.SECONDS = 1
print(*(outcome for _, outcome in forks.outcomes([killed._replace(source="while 1: 1")], 1)))
"""


def test_the_tests_of_a_module_pass_without_a_defect_and_fail_with_one():
    """In a process that has imported nothing of the library, as mutants take a module's place."""
    run = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["survived", "killed", "endless"]
