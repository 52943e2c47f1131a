"""Where the workers read the key ring from: a mount as Kubernetes makes it, or Redis."""

import shutil
import subprocess
import time
from pathlib import Path
from socket import create_server


class Mount:
    """A mounted secret: `keyring.json` leads through `..data` to a folder that is swapped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self.ring = str(folder / "keyring.json")
        (folder / "keyring.json").symlink_to("..data/keyring.json")

    def publish(self, text: str) -> None:
        """Swap in a folder with this text, in one step, and take the one of before away."""
        self._count += 1
        version = self._folder / f"..{self._count}"
        version.mkdir()
        file = version / "keyring.json"
        file.touch(mode=0o600)
        file.write_text(text)
        link = self._folder / "..data_tmp"
        link.symlink_to(version.name)
        link.replace(self._folder / "..data")
        shutil.rmtree(self._folder / f"..{self._count - 1}", ignore_errors=True)


class RedisServer:
    """A Redis of our own, without persistence; what it held is written again when it is back."""

    def __init__(self, folder: Path) -> None:
        with create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self._folder = folder
        self._text = ""
        self.ring = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Start it, wait until it answers, and write what it held."""
        words = ["redis-server", "--bind", "127.0.0.1", "--port", str(self._port)]
        words += ["--save", "", "--appendonly", "no", "--dir", str(self._folder)]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self._write()
            except OSError:  # refused until it listens
                time.sleep(0.05)
            else:
                return
        raise RuntimeError("redis-server did not start")

    def stop(self) -> None:
        """Terminate it."""
        self._process.terminate()
        self._process.wait(10)

    @property
    def is_up(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def publish(self, text: str) -> None:
        """Put this text where the workers look; later, where it is down."""
        self._text = text
        if self.is_up:
            self._write()

    def _write(self) -> None:
        from redis import Redis  # noqa: PLC0415  for this run alone
        from redis.exceptions import ConnectionError as NotYet  # noqa: PLC0415

        with Redis.from_url(self.ring) as client:
            try:
                client.ping()
            except NotYet as error:
                raise OSError from error
            if self._text:
                client.set("session-keys", self._text)


def has_redis() -> bool:
    """Tell whether redis-server is installed."""
    return shutil.which("redis-server") is not None
