"""Holds the way from the source to a user's machine to what SECURITY.md says of it.

What can be read off the files, on any machine. `.ci/run` does the rest: it builds twice, lists what
the wheel brings, asks about vulnerabilities and has the workflows looked over.
"""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import cookiesession

ROOT = Path(__file__).parent.parent
CI = ROOT / ".ci"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
SECURITY = (ROOT / "SECURITY.md").read_text("utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
INPUTS = {"release.txt": ["release.in"], "tools.txt": ["tools.in", "servers.in"]}
HASH = re.compile(r"\s+--hash=sha256:[0-9a-f]{64}")

workflows = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
locks = pytest.mark.parametrize("lock", INPUTS)


def names(requirements: list[str]) -> list[str]:
    """Return the names of requirements, normalized as PEP 503 has it."""
    found = [re.match(r"[A-Za-z0-9._-]+", line)[0] for line in requirements]
    return [re.sub(r"[-_.]+", "-", name).lower() for name in found]


def locked(lock: str) -> dict[str, list[str]]:
    """Return the requirements of a lock file, each with its hashes."""
    text = re.sub(r"^ *#.*\n", "", (CI / lock).read_text("utf-8"), flags=re.MULTILINE)
    entries = [re.split(r" \\\n", entry) for entry in re.split(r"\n(?=\S)", text.rstrip("\n"))]
    return {requirement: hashes for requirement, *hashes in entries}


def test_there_are_exactly_three_run_time_dependencies():
    assert names(PROJECT["dependencies"]) == ["cryptography", "itsdangerous", "msgpack"]


@locks
def test_everything_that_is_locked_has_one_version_and_its_hashes(lock):
    entries = locked(lock)
    assert len(entries) > 20
    for requirement, hashes in entries.items():
        assert re.fullmatch(r"[a-z0-9-]+==[a-z0-9.]+( ; .+)?", requirement)
        assert hashes
        assert all(HASH.fullmatch(each) for each in hashes)


@locks
def test_a_lock_file_holds_what_its_inputs_ask_for(lock):
    """`.ci/lock` was run after the last change of an input."""
    pinned = {requirement.partition(" ;")[0] for requirement in locked(lock)}
    for source in INPUTS[lock]:
        for line in (CI / source).read_text("utf-8").splitlines():
            wanted = line.partition("#")[0].strip()
            if wanted:
                version = wanted.partition("==")[2]
                assert f"{names([wanted])[0]}=={version}" in pinned


def test_ci_installs_each_tool_by_its_hash():
    run = (CI / "run").read_text("utf-8")
    unlocked = [
        line
        for line in re.findall(r"^.*pip\"? install .*$", run, re.MULTILINE)
        if not re.search(r"--require-hashes -r \.ci/(release|tools)\.txt$", line)
    ]
    assert len(unlocked) == 2  # a user's first steps; the wheel, with the newest of each framework
    assert "install -q -e '.[test]'" in unlocked[0]
    assert unlocked[1].endswith('"cookiesession[$extras] @ file://$wheel"')


@workflows
def test_an_action_is_pinned_to_a_commit(workflow):
    used = re.findall(r"^[\s-]*uses: *(.+)$", workflow.read_text("utf-8"), re.MULTILINE)
    assert used
    for action in used:
        assert action.startswith("./.github/workflows/") or re.fullmatch(
            r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action
        )


@workflows
def test_a_workflow_may_do_nothing_and_each_of_its_jobs_only_what_it_names(workflow):
    top, _, jobs = workflow.read_text("utf-8").partition("\njobs:\n")
    assert re.findall(r"^permissions:.*$", top, re.MULTILINE) == ["permissions: {}"]
    for job in re.split(r"^  (?=[\w-]+:$)", jobs, flags=re.MULTILINE)[1:]:
        assert re.search(r"^    permissions:$", job, re.MULTILINE)
        assert re.search(r"^    timeout-minutes: \d+$|^    uses: \./", job, re.MULTILINE)
        assert job.count("actions/checkout@") == job.count("persist-credentials: false")
    assert "secrets." not in jobs
    assert "pull_request_target" not in top


def test_only_the_job_that_publishes_may_speak_for_the_project():
    allowed = {
        (workflow.name, permission)
        for workflow in WORKFLOWS
        for permission in re.findall(r"^ +([a-z-]+): write\b", workflow.read_text(), re.MULTILINE)
    }
    assert allowed == {
        ("release.yml", "id-token"),
        ("release.yml", "attestations"),
        ("release.yml", "contents"),
    }
    publish, attach = re.search(
        r"^  publish:\n(.+?)^  attach:\n(.+)",
        (ROOT / ".github/workflows/release.yml").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    ).groups()
    assert "id-token: write" in publish
    assert "name: pypi" in publish
    assert "run: .ci" not in publish + attach
    assert "contents: write" in attach


def test_security_md_supports_this_version_on_the_pythons_that_the_package_names():
    supported = re.search(r"^\| ([\d.]+) \| ([\d., ]+) \| yes \|$", SECURITY, re.MULTILINE)
    minor = ".".join(PROJECT["version"].split(".")[:2])
    pythons = [
        name.rpartition(" ")[2]
        for name in PROJECT["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", name)
    ]
    assert supported.groups() == (minor, ", ".join(pythons))
    assert PROJECT["requires-python"] == f">={pythons[0]}"


def test_security_md_names_the_oldest_dependencies_that_are_allowed():
    bounds = dict(requirement.split(">=") for requirement in PROJECT["dependencies"])
    assert f"| `cryptography` {bounds['cryptography']}.0 |" in SECURITY
    assert f"| `msgpack` {bounds['msgpack']}.0 |" in SECURITY


def test_the_files_that_security_md_names_are_there():
    for name in re.findall(r"(?<![\w/])(\.(?:ci|github)/[\w./]+)", SECURITY):
        assert (ROOT / name).is_file()


def trees():
    for path in Path(cookiesession.__file__).parent.rglob("*.py"):
        yield ast.parse(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("package", "called"),
    [
        ("cryptography", {"AESGCM", "HKDFExpand", "InvalidTag", "SHA256", "Scrypt"}),
        ("msgpack", {"ExtType", "Packer", "Unpacker", "unpackb"}),
    ],
)
def test_the_library_calls_only_the_parts_of_a_dependency_that_security_md_names(package, called):
    used = set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}."):
                used |= {alias.name for alias in node.names}
            elif isinstance(node, ast.Import):
                used |= {alias.name for alias in node.names if alias.name.startswith(package)}
    assert used == called


def test_an_unpacker_is_new_each_time():
    """An older `msgpack` may crash where one is used again after an error."""
    calls = [
        node
        for tree in trees()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("Unpacker(")
    ]
    named = sum(
        isinstance(node, ast.Name) and node.id == "Unpacker"
        for tree in trees()
        for node in ast.walk(tree)
    )
    assert len(calls) == named > 0
    assert all(isinstance(target, ast.Name) for call in calls for target in call.targets)
