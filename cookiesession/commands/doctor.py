"""`cookiesession doctor`: look over an application's sessions before visitors do.

It imports the application, finds its managers, and prints what to mend. The exit status is 1 where
there is a problem, and with `--strict` where there is a warning.
"""

import os
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cookiesession import ConfigurationError, SessionManager
from cookiesession.commands import checks
from cookiesession.commands.checks import Finding
from cookiesession.commands.output import failed, print_json, printable
from cookiesession.commands.targets import (
    RING_VARIABLE,
    managers_of,
    managers_of_django,
    mistakes_of_django,
    ring_in,
)
from cookiesession.commands.times import duration, spelled

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from cookiesession.keyring import LiveKeyring

_SETTINGS_VARIABLE: Final = "DJANGO_SETTINGS_MODULE"
_LEVELS: Final[tuple[checks.Level, ...]] = ("problem", "warning", "hint", "ok")

Found = dict[str, list[Finding]]  # by what the findings are about


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Declare the command."""
    help_ = "look over an application's sessions and keys"
    parser = commands.add_parser("doctor", help=help_, description=help_)
    parser.add_argument(
        "target", metavar="TARGET", nargs="?", help="the application, as module:attribute"
    )
    parser.add_argument(
        "--django",
        metavar="SETTINGS",
        nargs="?",
        const="",
        help=f"a Django project, by its settings; default: what {_SETTINGS_VARIABLE} names",
    )
    parser.add_argument(
        "--ring",
        metavar="FILE",
        default=os.environ.get(RING_VARIABLE),
        help=f"the key ring's file; default: what {RING_VARIABLE} names",
    )
    parser.add_argument(
        "--max-key-age",
        type=duration,
        default="180d",
        metavar="DURATION",
        help="of a key without a successor; default: %(default)s",
    )
    parser.add_argument("--strict", action="store_true", help="fail on warnings, too")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=_run)


def _run(options: Namespace) -> int:
    try:
        found = _found(options)
    except ConfigurationError as error:
        return failed("doctor", error)
    counts = Counter(finding.level for findings in found.values() for finding in findings)
    if options.json:
        rows = [
            {"about": about, **finding._asdict()}
            for about, findings in found.items()
            for finding in findings
        ]
        print_json({"counts": {level: counts[level] for level in _LEVELS}, "findings": rows})
    else:
        print("\n".join(map(printable, _lines(found))))
        print(", ".join(f"{_counted(level, counts[level])}" for level in _LEVELS))
    return int(counts["problem"] > 0 or (options.strict and counts["warning"] > 0))


def _found(options: Namespace) -> Found:
    now = int(time.time())
    found: Found = {}
    managers: list[SessionManager] = []
    if options.target:
        managers = managers_of(options.target)
    elif options.django is not None or (not options.ring and os.environ.get(_SETTINGS_VARIABLE)):
        managers, found["Django"] = _of_django(options.django or os.environ.get(_SETTINGS_VARIABLE))
    elif not options.ring:
        raise ConfigurationError(
            "name the application as module:attribute, or use --django or --ring"
        )
    for manager in managers:
        findings = checks.of_manager(manager, now, options.max_key_age)
        found.setdefault(manager.cookie_name, []).extend(findings)
    if together := [*checks.of_managers(managers)]:
        found["all managers"] = together
    if options.ring:
        found[options.ring] = [*_of_ring(options, managers, now)]
    return found


def _of_django(settings: str | None) -> tuple[list[SessionManager], list[Finding]]:
    if not settings:
        raise ConfigurationError(
            f"name the project's settings with --django, or in {_SETTINGS_VARIABLE}"
        )
    mistakes = mistakes_of_django(settings)
    findings = [Finding("problem", "the settings contradict themselves", each) for each in mistakes]
    if findings:
        return [], findings
    return managers_of_django(), [Finding("ok", "engine, middleware and cookie fit together")]


def _of_ring(options: Namespace, managers: list[SessionManager], now: int) -> Iterator[Finding]:
    try:
        ring = ring_in(options.ring, None)
        assert ring
        yield from checks.of_ring(ring.current, now, options.max_key_age, None)
        yield from checks.of_file(Path(options.ring))
    except (ConfigurationError, OSError) as error:
        yield Finding("problem", str(error))
        return
    for manager in managers:
        yield from _compared(manager, ring, now)


def _compared(manager: SessionManager, ring: "LiveKeyring", now: int) -> Iterator[Finding]:
    if manager.keyring.fingerprint != ring.at(now).fingerprint:
        yield Finding(
            "warning",
            f"{manager.cookie_name} uses other keys than this ring has",
            "read this file with LiveKeyring.from_path, or name the ring that is used",
        )
    try:
        manager.replace(keys=ring)
    except ConfigurationError:
        yield Finding(
            "problem",
            f"{manager.cookie_name}'s sessions live longer than this ring keeps a key "
            f"({spelled(round(ring.keeps))})",
            "cookiesession keys schedule --session-lifetime, with the longest of absolute_timeout "
            "and remember_timeout",
        )


# What is printed.


def _lines(found: Found) -> Iterator[str]:
    for about, findings in found.items():
        yield about
        for finding in sorted(findings, key=lambda finding: _LEVELS.index(finding.level)):
            yield f"  {finding.level:7}  {finding.sentence}"
            if finding.mend:
                yield f"           mend: {finding.mend}"


def _counted(level: str, count: int) -> str:
    if level == "ok":
        return f"{count} ok"
    return f"{count} {level}{'' if count == 1 else 's'}"
