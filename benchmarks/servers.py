"""Requests a second and latency over loopback, with and without sessions.

    apt-get install wrk && pip install -r benchmarks/requirements.txt
    python -m benchmarks.servers [--quick]

uvicorn serves raw ASGI, where the sessions beside ours are Starlette's; gunicorn serves Flask, and
there they are Flask's own. Each has one process; all of them run from the beginning to the end, and
wrk asks one after the other, in turns, with a browser's cookie of the typical session. The control
is the application without sessions once more. wrk, the servers and whatever else runs share the
machine: what a request takes of the processor says more than how many there are in a second.
"""

import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.apps import BARE, OURS, OWN, cookie_of
from benchmarks.measure import CONTROL, Effort, effort, print_table

FULL = Effort(rounds=3, seconds=2)
CONNECTIONS = 8
CASES = {"untouched": "/other", "read": "/read", "write": "/write"}
HEADINGS = (
    "case", "sessions", "processor µs each", "at best", "requests a second", "at best",
    "50 % ms", "90 % ms", "99 % ms",
)  # fmt: skip

UVICORN = (
    "import socket, sys, uvicorn; from benchmarks.apps import asgi_app; "
    "config = uvicorn.Config(asgi_app(sys.argv[1]), log_level='error', lifespan='off'); "
    "uvicorn.Server(config).run([socket.socket(fileno=int(sys.argv[2]))])"
)
GUNICORN = ("--worker-class=gthread", "--threads=4", "--log-level=error")
COMMANDS: dict[str, Callable[[str, int], Sequence[str]]] = {
    "uvicorn": lambda kind, fd: ("-c", UVICORN, kind, str(fd)),
    "gunicorn": lambda kind, fd: (
        "-m", "gunicorn", f"benchmarks.apps:flask_app({kind!r})", f"--bind=fd://{fd}", *GUNICORN,
    ),
}  # fmt: skip
_TICKS = os.sysconf("SC_CLK_TCK")  # a second
_COUNT = re.compile(r"^ +(\d+) requests in ", re.MULTILINE)
_RATE = re.compile(r"^Requests/sec: +([\d.]+)$", re.MULTILINE)
_LATENCY = re.compile(r"^ +(50|90|99)% +([\d.]+)(us|ms|s)$", re.MULTILINE)
_MILLISECONDS = {"us": 0.001, "ms": 1, "s": 1000}


class Server(NamedTuple):
    """A running server, which is the leader of its process group."""

    url: str
    pid: int

    def cpu(self) -> float:
        """Return the seconds that its processes have taken of the processor (Linux, proc(5))."""
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # some other process has just ended
                fields = path.read_text().rpartition(")")[2].split()
                if int(fields[2]) == self.pid:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / _TICKS


class Load(NamedTuple):
    """What wrk saw: requests a second; milliseconds at 50, 90 and 99 per cent."""

    rate: float
    cpu: float  # microseconds of the server, each request
    latency: list[float]


@contextmanager
def serving(name: str, kind: str) -> Iterator[Server]:
    """Run a server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        command = [sys.executable, *COMMANDS[name](kind, fd)]
        process = subprocess.Popen(command, pass_fds=[fd], process_group=0)
        try:
            yield Server(f"http://127.0.0.1:{listener.getsockname()[1]}", process.pid)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def cookie_from(server: Server) -> str:
    """Ask for the typical session; wait until the server answers."""
    with urllib.request.urlopen(f"{server.url}/fill-typical", timeout=30) as response:
        return cookie_of(response.headers.items())


def load(server: Server, path: str, cookie: str, seconds: float) -> Load:
    """Have wrk ask as fast as it can."""
    command = ["wrk", "--latency", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s"]
    headers = ["-H", f"Cookie: {cookie}"] if cookie else []
    before = server.cpu()
    output = subprocess.run(
        [*command, *headers, server.url + path], check=True, capture_output=True, text=True
    ).stdout
    count, rate = _COUNT.search(output), _RATE.search(output)
    if not count or not rate or "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(output)
    latency = [float(n) * _MILLISECONDS[unit] for _, n, unit in _LATENCY.findall(output)]
    return Load(float(rate[1]), (server.cpu() - before) / int(count[1]) * 1e6, latency)


def measured(name: str, how: Effort) -> Iterator[tuple[object, ...]]:
    """Return the table's rows for one kind of server."""
    with ExitStack() as stack:
        servers = {kind: stack.enter_context(serving(name, kind)) for kind in (BARE, OWN, OURS)}
        cookies = {kind: cookie_from(server) for kind, server in servers.items()}
        servers[CONTROL] = servers[BARE]
        cookies[BARE] = cookies[CONTROL] = cookies[OURS]
        for case, path in list(CASES.items())[: how.rounds]:
            seen: dict[str, list[Load]] = {kind: [] for kind in servers}
            for _ in range(how.rounds):
                for kind in random.sample([*servers], len(servers)):
                    seen[kind].append(load(servers[kind], path, cookies[kind], how.seconds))
            yield from (row(case, kind, loads) for kind, loads in seen.items())


def row(case: str, kind: str, loads: list[Load]) -> tuple[object, ...]:
    """Return a row of the table: the median and the best of the rounds."""
    rates, cpu = [one.rate for one in loads], [one.cpu for one in loads]
    figures = (statistics.median(cpu), min(cpu), statistics.median(rates), max(rates))
    latency = map(statistics.median, zip(*(one.latency for one in loads), strict=True))
    return case, kind, *(f"{figure:.0f}" for figure in figures), *latency


def main() -> None:
    how = effort(__doc__, FULL)
    if not shutil.which("wrk"):
        sys.exit("wrk is missing: apt-get install wrk")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the servers end with this process
    if how is not FULL:
        how = Effort(rounds=1, seconds=1)  # wrk's least; and of the cases, the first
    for name in COMMANDS:
        print_table(f"{name}, {CONNECTIONS} connections", HEADINGS, measured(name, how))


if __name__ == "__main__":
    main()
