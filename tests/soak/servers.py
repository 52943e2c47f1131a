"""The servers of a run: gunicorn with four workers, and four processes of uvicorn.

The rules: loopback only; every process is started, stopped and killed by its id, and none outlives
the `with` block. This process holds the listening sockets, so that a server that is down makes its
clients wait and refuses nobody.
"""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from socket import create_server
from typing import Self

from tests.soak.world import World

WORKERS = 4
_ROOT = Path(__file__).parents[2]
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Servers:
    """Both servers; `addresses` holds gunicorn's as often as all of uvicorn's together."""

    def __init__(self, world: World, *, preload: bool = False) -> None:
        self._world = world
        self._preload = preload
        self.uvicorns: list[subprocess.Popen] = []
        self.addresses: list[tuple[str, int]] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            listen = partial(create_server, ("127.0.0.1", 0), backlog=2048)
            sockets = [stack.enter_context(listen()) for _ in range(1 + WORKERS)]
            self._files = [socket.fileno() for socket in sockets]
            names = [socket.getsockname() for socket in sockets]
            self.addresses = [names[0]] * WORKERS + names[1:]
            self.gunicorn = self._start_gunicorn()
            stack.callback(self._end)
            self.uvicorns += [self._start_uvicorn(number) for number in range(1, 1 + WORKERS)]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _end(self) -> None:
        for process in (self.gunicorn, *self.uvicorns):
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in (self.gunicorn, *self.uvicorns):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start_gunicorn(self) -> subprocess.Popen:
        options = ["--preload"] if self._preload else []
        words = ["gunicorn", "-c", "python:tests.soak.world", "--log-level", "error", *options]
        words += ["--no-control-socket"]
        words += ["--bind", f"fd://{self._files[0]}", "--workers", str(WORKERS)]
        words += ["--limit-request-field_size", "65536"]  # for split cookies
        words += ["--graceful-timeout", "2"]
        return self._start([*words, "tests.soak.apps:wsgi"], 0)

    def _start_uvicorn(self, number: int) -> subprocess.Popen:
        words = ["uvicorn", "--fd", str(self._files[number]), "--log-level", "error"]
        words += ["--timeout-graceful-shutdown", "2"]
        return self._start([*words, "tests.soak.apps:asgi"], number)

    def _start(self, words: list[str], number: int) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            pass_fds=self._files,
            cwd=_ROOT,
            env=self._world.environment(number),
        )

    # Faults.

    @property
    def gunicorn_workers(self) -> list[int]:
        """The ids of gunicorn's workers, the oldest first."""
        master = self.gunicorn.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [int(pid) for pid in children.split()]  # in the order of birth; ids start again

    def kill_gunicorn_worker(self) -> None:
        """Kill the worker that is newest, but never the first; gunicorn starts another one."""
        for pid in self.gunicorn_workers[1:][-1:]:
            send(pid, signal.SIGKILL)

    def revive(self) -> None:
        """Start a process of uvicorn wherever one has ended, as gunicorn does with its own."""
        if self.gunicorn.poll() is not None:
            raise RuntimeError("gunicorn ended")
        for place, process in enumerate(self.uvicorns):
            if process.poll() is not None:
                self.uvicorns[place] = self._start_uvicorn(1 + place)

    def memory(self) -> dict[int, int]:
        """Return how many bytes each worker holds in memory, by process id."""
        ids = [*self.gunicorn_workers, *(process.pid for process in self.uvicorns)]
        return {pid: _resident(pid) for pid in ids}


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to one of our processes, which may have ended just now."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):  # it ended just now
        return 0
