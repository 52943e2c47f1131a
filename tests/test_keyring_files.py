"""Key rings in files: private, and whole whenever somebody reads them."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cookiesession import ConfigurationError, Key, SessionManager
from cookiesession.keyring import KeyringDocument, KeyringFile, LiveKeyring, rotation
from cookiesession.keyring.files import read_private
from tests.conftest import NOW

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and locks are POSIX's")


@pytest.fixture
def file(tmp_path):
    file = KeyringFile(tmp_path / "keyring.json")
    file.edit(lambda document: rotation.add(document, NOW), create=True)
    return file


def add(file, note=""):
    return file.edit(lambda document: rotation.add(document, NOW, note=note))


def test_a_ring_is_written_for_its_owner_alone(file):
    """K3."""
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert add(file) == file.read()
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in file.path.parent.iterdir()} == {
        "keyring.json",
        "keyring.json.lock",
    }


def test_what_changes_nothing_writes_nothing(file):
    before = file.path.stat()
    file.edit(lambda document: rotation.rotate(document, NOW))
    assert file.path.stat().st_ino == before.st_ino


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o644, 0o666])
def test_a_ring_that_others_can_read_or_write_is_refused(mode, file):
    """K3."""
    file.path.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod o-rwx"):
        LiveKeyring.from_path(file.path)
    file.path.chmod(0o640)
    assert file.read()


def test_a_ring_that_is_missing_is_not_made_by_accident(tmp_path):
    """K6."""
    missing = KeyringFile(tmp_path / "missing.json")
    for act in (missing.read, lambda: add(missing)):
        with pytest.raises(ConfigurationError, match="No such file"):
            act()


def test_a_path_that_the_system_will_not_look_up_is_an_error_that_says_why(tmp_path):
    file = KeyringFile(tmp_path / ("x" * 300))
    for use in (file.read, lambda: file.edit(lambda document: document)):
        with pytest.raises(ConfigurationError, match="too long"):
            use()


def test_whatever_is_no_file_is_refused(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    large = tmp_path / "large"
    large.touch(0o600)
    os.truncate(large, (1 << 20) + 1)
    binary = tmp_path / "binary"
    binary.touch(0o600)
    binary.write_bytes(b"\xff\xfe")
    for path, message in [
        (pipe, "is not a file"),
        (large, "larger than any key ring"),
        (binary, "is not text"),
        (tmp_path / "none", "No such file"),
    ]:
        with pytest.raises(ConfigurationError, match=message):
            read_private(path)
    with pytest.raises(ConfigurationError, match="name the key ring's file in it"):
        KeyringFile(tmp_path).read()


BREAKS = {
    "cut short": lambda path: os.truncate(path, 100),
    "empty": lambda path: os.truncate(path, 0),
    "readable by others": lambda path: path.chmod(0o644),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("break_", BREAKS.values(), ids=BREAKS)
def test_what_breaks_a_ring_is_an_error_at_the_start_and_an_event_later(break_, file):
    """K4."""
    told = []
    live = LiveKeyring.from_path(file.path, refresh_every=None, on_event=told.append)
    manager = SessionManager(live)
    cookie = manager.dumps({"a": 1})
    break_(file.path)
    assert not live.refresh()
    assert dict(manager.loads(cookie)) == {"a": 1}
    assert [type(event).__name__ for event in told] == ["KeyringNotRefreshed"]
    with pytest.raises(ConfigurationError):
        LiveKeyring.from_path(file.path)


# Folders, as secrets are mounted.


def write(path, text):
    path.touch(0o600)
    path.write_text(text)


def test_the_files_of_a_folder_are_read_the_last_by_name_first(tmp_path):
    old, new = Key.generate(), Key.generate()
    write(tmp_path / "2026-08-01", old.reveal())
    write(tmp_path / "2026-11-01", new.reveal())
    write(tmp_path / ".hidden", "no key")
    assert LiveKeyring.from_path(tmp_path, refresh_every=None).at(0).accepted == (new, old)


def test_a_mount_is_read_as_of_one_moment(tmp_path):
    """As Kubernetes makes it: names lead through `..data`, which is swapped in one step."""

    def publish(version, *keys):
        folder = tmp_path / f"..{version}"
        folder.mkdir()
        for number, key in enumerate(keys):
            write(folder / f"key-{number}", key.reveal())
            if not (tmp_path / f"key-{number}").is_symlink():
                (tmp_path / f"key-{number}").symlink_to(f"..data/key-{number}")
        (tmp_path / "..new").symlink_to(folder.name)
        (tmp_path / "..new").replace(tmp_path / "..data")

    old, new = Key.generate(), Key.generate()
    publish(1, old)
    live = LiveKeyring.from_path(tmp_path, refresh_every=None)
    assert live.at(0).accepted == (old,)
    publish(2, old, new)
    assert live.refresh()
    assert live.at(0).accepted == (new, old)


# Writers and readers at once.


def test_no_change_is_lost_when_many_write_at_once(file):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add(file, note=f"{number}"), range(24)))
    notes = {key.note for key in file.read().keys}
    assert notes == {"", *(str(number) for number in range(24))}


def test_a_reader_always_sees_a_whole_ring(file):
    ended = threading.Event()

    def read():
        count = 0
        while not ended.is_set():
            assert file.read().at(NOW)
            count += 1
        return count

    with ThreadPoolExecutor(2) as pool:
        reading = pool.submit(read)
        try:
            for _ in range(30):
                add(file)
        finally:
            ended.set()
        assert reading.result() > 0


_FULL = """
import resource, sys
from cookiesession.keyring import KeyringFile, rotation
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    KeyringFile(sys.argv[1]).edit(lambda document: rotation.add(document, 0))
except ValueError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_ring_as_it_was(file):
    pytest.importorskip("resource")
    before = file.path.read_bytes()
    ran = subprocess.run(
        [sys.executable, "-c", _FULL, file.path], capture_output=True, text=True, check=True
    )
    assert "it is as it was" in ran.stdout
    assert file.path.read_bytes() == before
    assert not list(file.path.parent.glob(".keyring*"))


def test_what_a_change_raises_leaves_the_ring_as_it_was(file):
    before = file.read()

    def change(document):
        raise KeyError

    with pytest.raises(KeyError):
        file.edit(change)
    assert file.read() == before
    assert repr(file) == f"<KeyringFile {file.path}>"
    assert KeyringDocument() != before
