"""`cookiesession keys`: look at a key ring, and change it.

Each command prints the ring as it is afterwards, without its secrets.
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from cookiesession import ConfigurationError, Keyring
from cookiesession.commands.output import failed, print_json, table
from cookiesession.commands.targets import RING_VARIABLE
from cookiesession.commands.times import duration, minute, spelled
from cookiesession.keyring import KeyringDocument, KeyringFile, Schedule, rotation

if TYPE_CHECKING:
    from argparse import _SubParsersAction

Change = Callable[[KeyringDocument, int, Namespace], KeyringDocument]


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Declare the command."""
    keys = commands.add_parser("keys", help="look at a key ring and change it")
    actions = keys.add_subparsers(metavar="ACTION", required=True)

    def action(name: str, change: Change, help_: str) -> ArgumentParser:
        parser = actions.add_parser(name, help=help_, description=help_)
        parser.add_argument(
            "--ring",
            metavar="FILE",
            default=os.environ.get(RING_VARIABLE),
            help=f"the key ring's file; default: what {RING_VARIABLE} names",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")
        parser.set_defaults(command=_run, change=change, name=name)
        return parser

    def with_id(parser: ArgumentParser) -> ArgumentParser:
        parser.add_argument("id", metavar="ID", help="a key's id, or how it starts")
        return parser

    action("list", _list, "show the keys, their dates, and what happens next")
    add = action("add", _add, "add a new key, which writes after the propagation window")
    add.add_argument("--note", default="", help="a line that is kept with the key")
    add.add_argument("--read-only", action="store_true", help="it never writes")
    add.add_argument("--stdin", action="store_true", help="read the key, or keys, from there")
    promote = with_id(action("promote", _promote, "have a key write from now on"))
    promote.add_argument("--at-once", action="store_true", help="before every server knows it")
    with_id(action("retire", _retire, "let a key go when no session can be under it any more"))
    with_id(action("revoke", _revoke, "let a key go now, and end every session under it"))
    action("prune", _prune, "forget the keys that have gone")
    rotate = action("rotate", _rotate, "add the next key, and forget those that have gone")
    rotate.add_argument("--schedule", action="store_true", help="only when it is due; for cron")
    schedule = action("schedule", _schedule, "change how long each stage of a rotation takes")
    for name in asdict(Schedule()):
        schedule.add_argument(
            f"--{name.replace('_', '-')}", type=duration, metavar="DURATION", help="as 90d, 12h"
        )


def _run(options: Namespace) -> int:
    now = int(time.time())
    try:
        if not options.ring:
            raise ConfigurationError(f"name the key ring's file with --ring, or in {RING_VARIABLE}")
        file = KeyringFile(options.ring)
        if options.name == "list":
            document = rotation.settle(file.read(), now)
        else:
            document = file.edit(
                lambda before: options.change(before, now, options), create=options.name == "add"
            )
    except ConfigurationError as error:
        return failed(f"keys {options.name}", error)
    if options.json:
        print_json(as_json(document, now))
    else:
        print(as_table(document, now))
    return 0


# What each action does to the document.


def _list(document: KeyringDocument, now: int, _options: Namespace) -> KeyringDocument:
    return rotation.settle(document, now)


def _add(document: KeyringDocument, now: int, options: Namespace) -> KeyringDocument:
    if not options.stdin:
        return rotation.add(document, now, note=options.note, read_only=options.read_only)
    ring = Keyring.parse(sys.stdin.read())
    for key in sorted(ring.accepted, key=lambda key: key != ring.primary):
        read_only = options.read_only or key != ring.primary
        document = rotation.add(document, now, key=key, note=options.note, read_only=read_only)
    return document


def _promote(document: KeyringDocument, now: int, options: Namespace) -> KeyringDocument:
    return rotation.promote(document, options.id, now, at_once=options.at_once)


def _retire(document: KeyringDocument, now: int, options: Namespace) -> KeyringDocument:
    return rotation.retire(document, options.id, now)


def _revoke(document: KeyringDocument, now: int, options: Namespace) -> KeyringDocument:
    return rotation.revoke(document, options.id, now)


def _prune(document: KeyringDocument, now: int, _options: Namespace) -> KeyringDocument:
    return rotation.prune(document, now)


def _rotate(document: KeyringDocument, now: int, options: Namespace) -> KeyringDocument:
    return rotation.rotate(document, now, on_schedule=options.schedule)


def _schedule(document: KeyringDocument, now: int, options: Namespace) -> KeyringDocument:
    given = {name: getattr(options, name) for name in asdict(document.schedule)}
    changes = {name: seconds for name, seconds in given.items() if seconds is not None}
    return rotation.settle(replace(document, schedule=replace(document.schedule, **changes)), now)


# What is printed.


def as_table(document: KeyringDocument, now: int) -> str:
    """Return the ring as a table, and its schedule."""
    rows = [
        (
            key.id,
            key.state,
            minute(key.created),
            minute(key.activates),
            rotation.what_next(document, key, now),
            key.note,
        )
        for key in document.keys
    ]
    durations = {name: spelled(value) for name, value in asdict(document.schedule).items()}
    schedule = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in durations.items())
    header = ("ID", "STATE", "CREATED", "ACTIVATES", "NEXT", "NOTE")
    return f"{table(header, rows)}\nschedule: {schedule}; times are UTC"


def as_json(document: KeyringDocument, now: int) -> dict[str, Any]:
    """Return the ring without its secrets; moments are Unix seconds."""
    keys = [
        {
            "id": key.id,
            "state": key.state,
            "created": key.created,
            "activates": key.activates,
            "retires": key.retires,
            "next": rotation.what_next(document, key, now),
            "note": key.note,
        }
        for key in document.keys
    ]
    return {"schedule": asdict(document.schedule), "keys": keys}
