"""The command line: `cookiesession COMMAND`, which is also `python -m cookiesession COMMAND`.

A command is a function that takes its options and returns the exit status; `_parser` names it, or
its module in `cookiesession.commands`. What a person can mend ends in one sentence on standard
error, never in a traceback.
"""

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from contextlib import suppress

from cookiesession import Key
from cookiesession.commands import doctor, inspect, keys
from cookiesession.commands.output import failed, print_json
from cookiesession.demo import make_server


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that `argv` names, and return its exit status."""
    options = _parser().parse_args(argv)
    command: Callable[[Namespace], int] = options.command
    try:
        return command(options)
    except BrokenPipeError:  # whoever read the output has seen enough, as in `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="cookiesession",
        description="Encrypted, signed sessions in a cookie: a demo, keys, and checks.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    demo = commands.add_parser("demo", help="serve a page on which to try everything out")
    demo.add_argument(
        "--port", type=_port, default=8000, help="default: %(default)s; 0 takes any that is free"
    )
    demo.set_defaults(command=_demo)

    keygen = commands.add_parser("keygen", help="print a new key")
    keygen.add_argument("--json", action="store_true", help="print JSON, with the key's id")
    keygen.set_defaults(command=_keygen)

    keys.add_to(commands)
    inspect.add_to(commands)
    doctor.add_to(commands)
    return parser


def _demo(options: Namespace) -> int:
    try:
        server = make_server(options.port)
    except OSError as error:
        why = error.strerror or "it cannot be used"
        return failed("demo", f"port {options.port}: {why}; choose another with --port")
    with server, suppress(KeyboardInterrupt):
        address = f"http://127.0.0.1:{server.server_port}/"
        print(f"cookiesession demo: {address}  (Ctrl-C stops it)", flush=True)
        server.serve_forever()
    return 0


def _keygen(options: Namespace) -> int:
    key = Key.generate()
    if options.json:
        print_json({"id": key.fingerprint, "key": key.reveal()})
    else:
        print(key.reveal())
    return 0


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65_535):
        raise ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
