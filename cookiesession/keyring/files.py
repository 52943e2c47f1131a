"""Secrets in files: read only where nobody else can, written whole or not at all.

    read_private    a file, or a folder of them, as text
    KeyringFile     the file that holds a key-ring document

The rules: a file that others may read or write is refused. A write is a new file of mode 0600 that
takes the old one's place in one step, so that a reader sees the one or the other; a lock keeps two
writers apart. Every error is a `ConfigurationError` that says how to mend it.
"""

import os
import stat
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cookiesession import ConfigurationError
from cookiesession.keyring.document import KeyringDocument

try:
    import fcntl
except ImportError:  # not POSIX
    fcntl = None  # type: ignore[assignment]

_MOST_BYTES: Final = 1 << 20  # of a key ring; one with 1 000 keys has a quarter of it
_OTHERS: Final = stat.S_IROTH | stat.S_IWOTH


def read_private(path: str | os.PathLike[str]) -> str:
    """Return the text of a file, or of all the files of a folder, the last by name first.

    So with keys in files that are named by date, as in a mount of secrets, the newest is the first.
    A folder that is a mount of Kubernetes is read as of one moment, though it be swapped meanwhile.
    """
    path = Path(path)
    try:
        if not path.is_dir():
            return _read(path)
        current = path / "..data"  # what Kubernetes swaps
        folder = (current if current.is_dir() else path).resolve(strict=True)
        files = sorted((file for file in folder.iterdir() if file.name[0] != "."), reverse=True)
        return "\n".join(map(_read, files))
    except ConfigurationError:  # a ValueError, too
        raise
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise ConfigurationError(f"cannot read session keys from {path}: {why}") from None


def _read(path: Path) -> str:
    # Opened without waiting, as a named pipe would have one wait.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:  # noqa: PTH123  it is open already
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{path} holds no session keys: it is not a file")
        if os.name == "posix" and status.st_mode & _OTHERS:
            raise ConfigurationError(
                f"everybody on this machine can read or change {path}: chmod o-rwx {path} "
                "(in a mount of secrets, defaultMode: 0440), and rotate its keys"
            )
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(f"{path} is larger than any key ring: is it the right file?")
    return content.decode()


class KeyringFile:
    """The file that holds a key-ring document.

    >>> import tempfile
    >>> from cookiesession.keyring import rotation
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = KeyringFile(f"{folder}/keyring.json")
    ...     document = file.edit(lambda document: rotation.add(document, now=0), create=True)
    ...     file.read() == document
    True
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)

    def read(self) -> KeyringDocument:
        """Read the document."""
        try:
            is_folder = stat.S_ISDIR(self.path.stat().st_mode)
        except FileNotFoundError:
            raise ConfigurationError(
                f"cannot read session keys from {self.path}: No such file; "
                f"make one with cookiesession keys add --ring {self.path}"
            ) from None
        except (OSError, ValueError):  # as in a folder that one may not enter: the read says it
            is_folder = False
        if is_folder:
            raise ConfigurationError(f"{self.path} is a folder: name the key ring's file in it")
        return KeyringDocument.parse(read_private(self.path))

    def edit(
        self, change: Callable[[KeyringDocument], KeyringDocument], *, create: bool = False
    ) -> KeyringDocument:
        """Put what `change` makes of the document in its place; nothing else can write meanwhile.

        With `create`, a file that is missing counts as an empty document.
        """
        try:
            with _locked(self.path):
                is_new = create and not self.path.exists()
                before = KeyringDocument() if is_new else self.read()
                after = change(before)
                if is_new or after != before:
                    _replace(self.path.resolve(), after.text().encode())
        except OSError as error:
            raise ConfigurationError(
                f"cannot write the key ring {self.path}: {error.strerror}; it is as it was"
            ) from None
        return after

    def __repr__(self) -> str:
        return f"<KeyringFile {self.path}>"


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold the lock beside the file; the system lets go of it when this process ends, however."""
    if fcntl is None:
        raise ConfigurationError("a key ring can be changed on POSIX systems only, and read on any")
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  it is open already
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)  # noqa: PTH105  beside its kin
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
