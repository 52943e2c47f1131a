"""Coverage-guided fuzzing of what reads a stranger's text: `python -m tests.fuzz [--seconds N]`.

    cookie_text        a cookie, signed and sealed right where that helps, whatever is inside
    cookie_headers     Cookie headers with valid cookies, parts of them, and anything else
    keyring_document   key-ring documents whose checksum holds

Each harness is a module with two functions: `seeds` yields inputs to start from, and `check` takes
any bytes and raises if the library does not keep its word. It imports no fuzzer, so that
`tests/test_fuzz.py` can replay the inputs in `corpus/`: what earlier runs found beyond the seeds.
`python -m tests.fuzz --grow` looks for more of them.
"""


def evidence(quick):
    """Return what each harness ran and broke, for `python -m tests.evidence`."""
    from tests.fuzz.__main__ import HARNESSES, fuzzed  # noqa: PLC0415  the command's module

    return [fuzzed(name, 60 if quick else 600) for name in HARNESSES]
