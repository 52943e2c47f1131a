"""Coverage-guided fuzzing of what reads a stranger's text: `python -m tests.fuzz [--seconds N]`.

    cookie_text        a cookie, signed and sealed right where that helps, whatever is inside
    cookie_headers     Cookie headers with valid cookies, parts of them, and anything else
    keyring_document   key-ring documents whose checksum holds

Each harness is a module with two functions: `seeds` yields inputs to start from, and `check` takes
any bytes and raises if the library does not keep its word. It imports no fuzzer, so that
`tests/test_fuzz.py` can replay the inputs in `corpus/`: what earlier runs found beyond the seeds.
`python -m tests.fuzz --grow` looks for more of them.
"""
