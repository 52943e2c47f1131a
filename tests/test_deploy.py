"""What `docs/deploy.md` and `examples/deploy` rely on: schemas, modes, and the job's script."""

import ast
import json
import os
import re
import stat
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from cookiesession.keyring import KeyringDocument, KeyringFile, LiveKeyring, rotation

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples" / "deploy"
PAGE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
RESOURCES = {
    f"{path.stem}-{resource['kind']}": resource
    for path in sorted(FOLDER.glob("*.yaml"))
    for resource in yaml.safe_load_all(path.read_text(encoding="utf-8"))
}
KUBERNETES = "1.34"
DAY = 86_400

POD = RESOURCES["web-Deployment"]["spec"]["template"]["spec"]
JOB = RESOURCES["rotate-CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
pods = pytest.mark.parametrize("pod", [POD, JOB], ids=["web", "rotate"])


def containers_of(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


def variables_of(container):
    return {each["name"]: each["value"] for each in container["env"]}


# The manifests.


@pytest.mark.parametrize("name", RESOURCES)
def test_a_manifest_follows_the_schema_of_kubernetes(name):
    """Strictly: a field that Kubernetes does not know is an error."""
    validator = pytest.importorskip("kubernetes_validate")
    validator.validate(RESOURCES[name], KUBERNETES, strict=True)


def test_no_manifest_holds_the_secret():
    """Who applied it again would put an old ring in the place of the rotated one."""
    assert {resource["kind"] for resource in RESOURCES.values()} == {
        *("Deployment", "CronJob", "ServiceAccount", "Role", "RoleBinding")
    }


@pods
def test_the_ring_is_mounted_so_that_only_the_group_reads_it_and_changes_arrive(pod):
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["session-keyring"]["secret"]["defaultMode"] == 0o440
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]
    mounts = [mount for each in containers_of(pod) for mount in each["volumeMounts"]]
    (mount,) = [mount for mount in mounts if mount["name"] == "session-keyring"]
    assert mount["readOnly"] is True
    assert "subPath" not in mount
    (path,) = [
        value
        for each in containers_of(pod)
        for value in variables_of({"env": [], **each}).values()
        if value.startswith(mount["mountPath"])
    ]
    assert path == f"{mount['mountPath']}/keyring.json"


@pods
def test_a_container_has_no_more_rights_than_it_needs(pod):
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in containers_of(pod):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_job_may_touch_the_one_secret():
    (rule,) = RESOURCES["rotate-Role"]["rules"]
    assert rule["resourceNames"] == ["session-keyring"]
    assert rule["verbs"] == ["get", "patch"]
    account = RESOURCES["rotate-ServiceAccount"]["metadata"]["name"]
    binding = RESOURCES["rotate-RoleBinding"]
    assert [subject["name"] for subject in binding["subjects"]] == [account]
    assert binding["roleRef"]["name"] == RESOURCES["rotate-Role"]["metadata"]["name"]
    assert JOB["serviceAccountName"] == account
    assert POD["automountServiceAccountToken"] is False
    assert RESOURCES["rotate-CronJob"]["spec"]["concurrencyPolicy"] == "Forbid"


# The job's script, run.


@pytest.fixture
def rotate(tmp_path):
    """Run the script on a ring whose key was added so many days ago; return both rings."""

    def run(days):
        mounted, ring, patch = (tmp_path / each for each in ("mounted", "ring", "patch"))
        then = int(time.time()) - days * DAY
        KeyringFile(mounted).edit(lambda document: rotation.add(document, then), create=True)
        mounted.chmod(0o440)
        (rotating,) = JOB["initContainers"]
        paths = {"MOUNTED": mounted, "SESSION_KEYRING": ring, "PATCH": patch}
        assert variables_of(rotating).keys() == paths.keys()
        result = subprocess.run(
            rotating["command"],
            env={**environment(), **{name: str(path) for name, path in paths.items()}},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        assert stat.S_IMODE(patch.stat().st_mode) == 0o600
        after = json.loads(patch.read_text())["stringData"]
        assert after.keys() == {"keyring.json"}
        (key,) = KeyringFile(mounted).read().keys
        assert key.key.reveal() not in result.stdout + result.stderr
        return mounted.read_text(), after["keyring.json"]

    return run


def environment():
    scripts = [sysconfig.get_path("scripts"), str(Path(sys.executable).parent), os.environ["PATH"]]
    path = os.pathsep.join(each for each in sys.path if each)
    return {"PATH": os.pathsep.join(scripts), "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.mark.skipif(os.name != "posix", reason="a shell's script")
def test_the_job_writes_the_next_key_when_it_is_due(rotate):
    before, after = map(KeyringDocument.parse, rotate(days=89))
    assert len(after.keys) == 2
    assert before.keys[0].key in [each.key for each in after.keys]


@pytest.mark.skipif(os.name != "posix", reason="a shell's script")
def test_the_job_leaves_the_ring_alone_while_nothing_is_due(rotate):
    before, after = rotate(days=10)
    assert before == after


def test_the_job_patches_the_secret_with_what_the_script_wrote():
    (writing,) = JOB["containers"]
    *_, patch = writing["command"]
    assert patch == variables_of(JOB["initContainers"][0])["PATCH"]
    assert {mount["name"] for mount in writing["volumeMounts"]} == {"rotation"}


# The application.


def test_the_application_serves_the_mounted_ring(tmp_path):
    """As Kubernetes mounts it: a link to a link to the file."""
    ring = tmp_path / "..1" / "keyring.json"
    ring.parent.mkdir()
    KeyringFile(ring).edit(lambda document: rotation.add(document, 0), create=True)
    ring.chmod(0o440)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "keyring.json").symlink_to("..data/keyring.json")
    command = [sys.executable, "-m", "cookiesession", "doctor", POD["containers"][0]["command"][-1]]
    result = subprocess.run(
        command,
        cwd=FOLDER,
        env={**environment(), "SESSION_KEYRING": str(tmp_path / "keyring.json")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "__Host-session is Secure" in result.stdout


# The page.


def test_the_commands_of_the_page_are_those_of_the_manifests():
    created = re.search(r"create secret generic (\S+) --from-file=(\S+)", PAGE)
    assert created
    for pod in (POD, JOB):
        secrets = [each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each]
        assert secrets == [created[1]]
    assert f"/{created[2]}" in variables_of(POD["containers"][0])["SESSION_KEYRING"]
    for name in re.findall(r"-f (\S+\.yaml)", PAGE):
        assert (FOLDER / name).exists(), name


@pytest.mark.parametrize(
    "source", re.findall(r"^```python\n(?!>>>)(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
)
def test_a_recipe_is_python_and_calls_the_live_ring_rightly(source):
    """The services themselves are not asked: `docs/deploy.md` says so."""
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and "LiveKeyring" in ast.unparse(node.func)
    ]
    assert len(calls) == 1
    for keyword in calls[0].keywords:
        assert keyword.arg in LiveKeyring.__init__.__kwdefaults__


def test_the_compose_file_names_the_secret_it_mounts():
    (compose,) = [
        yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    ]
    (service,) = compose["services"].values()
    assert service["secrets"] == [*compose["secrets"]]
    (name,) = compose["secrets"]
    assert service["environment"]["SESSION_KEYRING"] == f"/run/secrets/{name}"
