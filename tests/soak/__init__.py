"""Sessions under load, on real servers, while keys rotate and things break.

    python -m tests.soak rotation [--short] [--preload]    keys rotate, workers are killed
    python -m tests.soak redis [--short]                   from Redis, which stops meanwhile
    python -m tests.soak faults [--short]                  whatever else can go wrong

    world       what the processes of a run agree on: the ring, each worker's clock
    apps        the applications, over WSGI and over ASGI, with one manager
    servers     gunicorn and uvicorn, and how they are killed
    sources     where the ring is read from
    load        the users

Each run is bounded, stays on this machine, ends by itself, and prints what it found; it fails
where anything falls short. Linux only: it reads /proc.
"""

from tests.evidence import Row


def none_of(what: str, count: int) -> Row:
    """Return the row of something that must never happen."""
    return Row(what, "0", f"{count:,}", count == 0)


def at_least(what: str, count: int, least: int) -> Row:
    """Return the row of something without which the run would prove little.

    The least is what a machine does that is several times slower than most: it counts, and judges
    no machine.
    """
    return Row(what, f"at least {least:,}", f"{count:,}", count >= least)


def evidence(quick: bool) -> list[Row]:
    """Return the rows of every run, for `python -m tests.evidence`."""
    from tests.soak import faults, rotation  # noqa: PLC0415  they import this

    runs = {
        "rotation": lambda: rotation.run(short=quick),
        "rotation, preloaded": lambda: rotation.run(short=True, preload=True),
        "rotation from Redis": lambda: rotation.run_redis(short=quick),
        "faults": lambda: faults.run(short=quick),
    }
    return [row._replace(what=f"{name}: {row.what}") for name, run in runs.items() for row in run()]
