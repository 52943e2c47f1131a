"""What the processes of a run agree on: where the keys are, and whose clock says what.

It travels in an environment variable. Time runs faster than it does outside, so that days of a key
ring's life fit; each worker has a clock of its own, up to five minutes of that time apart.
"""

import asyncio
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

_VARIABLE = "SOAK_WORLD"
_WORKER = "SOAK_WORKER"
START: Final = 4  # seconds that servers have to start, before a run's time begins
_SKEWS = (-150, -50, 50, 150)  # seconds of the run's time


@dataclass(frozen=True)
class World:
    """One run. Durations are seconds of the run's time, but `refresh` and `swing`."""

    ring: str  # a path, or redis://...
    events: str  # the file into which workers write what their hooks are told
    epoch: float  # when time begins to run; the servers start before
    idle: int
    absolute: int
    speed: float = 60
    refresh: float = 1
    max_cookies: int = 1
    swing: float = 0  # seconds after which worker 3's clock steps back, and again forward; 0: never

    def now(self) -> float:
        """Read the clock that is right."""
        return self.epoch + max(0, time.time() - self.epoch) * self.speed

    def moment(self, seconds: float) -> Any:
        """Wait until so many seconds after the start."""
        return asyncio.sleep(self.epoch + seconds - time.time())

    def workers_clock(self) -> float:
        """Read the clock of the worker that this process is."""
        return self.now() + self._skew(self.worker % len(_SKEWS))

    @property
    def worker(self) -> int:
        """The number of the worker that this process is; each server's first is 1."""
        return int(os.environ[_WORKER])

    def _skew(self, worker: int) -> int:
        swings = worker == len(_SKEWS) - 1 and self.swing
        if swings and int((time.time() - self.epoch) / self.swing) % 2:
            return _SKEWS[0]
        return _SKEWS[worker]

    def environment(self, worker: int = 0) -> dict[str, str]:
        """Return the environment in which a server belongs to this world."""
        return {**os.environ, _VARIABLE: json.dumps(asdict(self)), _WORKER: str(worker)}

    @classmethod
    def here(cls) -> "World":
        """Return the world to which this process belongs."""
        return cls(**json.loads(os.environ[_VARIABLE]))


def post_fork(server, worker):
    """Number gunicorn's workers; this module is its configuration file."""
    os.environ[_WORKER] = str(worker.age)
