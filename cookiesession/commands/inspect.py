"""`cookiesession inspect`: what a cookie says, and what becomes of it.

Without a key it tells what stands openly in every cookie. With the key ring, or the application's
own manager, also whether it is accepted and until when, or why not and since when.

The rules: the cookie comes from standard input unless it is an argument. Session data is shown only
on request, the names of its top-level keys without. What was pasted is never printed.
"""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cookiesession import ConfigurationError, Key, Session, SessionManager, Status
from cookiesession.commands import pasted
from cookiesession.commands.output import failed, print_json, printable
from cookiesession.commands.targets import RING_VARIABLE, managers_of, ring_in
from cookiesession.commands.times import distance, duration, minute
from cookiesession.keyring import KeyringDocument, LiveKeyring, rotation

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from cookiesession.events import Event

_MOST_BYTES: Final = 1 << 20
_DAY: Final = 86_400
_VERSION: Final = "1"

_ENDS: Final = {Status.VALID: "ends", Status.EXPIRED: "ended", Status.IDLE_EXPIRED: "ended"}

_WORDS: Final[dict[Status, str]] = {
    Status.MISSING: "it is longer than any cookie can be",
    Status.INCOMPLETE: "a part did not come",
    Status.MALFORMED: "it is not a whole cookie: something was cut off or added",
    Status.UNKNOWN_FORMAT: "its first character names a format that this version does not read",
    Status.UNKNOWN_KEY: "its key is not in the ring, or retired; or name or namespace are others",
    Status.BAD_SIGNATURE: "it was changed, or made with another key",
    Status.BAD_PAYLOAD: "it is signed, but holds nothing that this version would have written",
    Status.NOT_YET_VALID: "it was issued in the future: a server's clock is wrong",
    Status.ISSUED_TOO_EARLY: "it was issued before issued_after",
    Status.BAD_CIPHERTEXT: "it is signed with our key, yet not sealed with it",
    Status.IDLE_EXPIRED: "it was not used for longer than the idle timeout",
    Status.EXPIRED: "its session reached its greatest age",
}


def add_to(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Declare the command."""
    help_ = "tell what a cookie says, and why it is refused"
    parser = commands.add_parser("inspect", help=help_, description=help_)
    parser.add_argument(
        "cookie",
        metavar="COOKIE",
        nargs="?",
        default="-",
        help="its value, name=value, or header lines; default: standard input, which no shell's "
        "history and no list of processes shows",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--ring",
        metavar="FILE",
        help=f"the key ring, or a file of keys; default: what {RING_VARIABLE} names",
    )
    source.add_argument("--env", metavar="VARIABLE", help="the environment variable with the keys")
    source.add_argument(
        "--app", metavar="MODULE:ATTRIBUTE", help="the application, for all its settings"
    )
    parser.add_argument("--name", help="the cookie's name; default: as it came, or session")
    parser.add_argument("--namespace", default="", help="default: none")
    for timeout in ("idle", "absolute", "remember"):
        parser.add_argument(
            f"--{timeout}-timeout", type=duration, metavar="DURATION", help="as 14d, 30m"
        )
    parser.add_argument("--show-data", action="store_true", help="show what the session holds")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=_run)


def _run(options: Namespace) -> int:
    try:
        found = pasted.read(_text(options.cookie), options.name or "")
        if found is None:
            raise ConfigurationError(
                "no cookie was found in what was given: paste its value, name=value, or the whole "
                "Cookie or Set-Cookie line, and say --name where it has another name"
            )
        report = _report(found, _manager(options, found), options)
    except ConfigurationError as error:
        return failed("inspect", error)
    if options.json:
        print_json({key: value for key, value in report.items() if value is not None})
    else:
        print("\n".join(_lines(report, int(time.time()))))
    return 0 if report["status"] in (Status.VALID, None) else 1


def _text(argument: str) -> str:
    if argument != "-":
        return os.fsencode(argument).decode("latin-1")
    if sys.stdin.isatty():
        print("paste the cookie, then press Enter and Ctrl-D", file=sys.stderr)
    return sys.stdin.buffer.read(_MOST_BYTES).decode("latin-1")


# The manager that judges.


def _manager(options: Namespace, found: pasted.Pasted) -> SessionManager | None:
    if options.app:
        managers = managers_of(options.app)
        named = [each for each in managers if each.cookie_name == found.name]
        return (named or managers)[0]
    default = None if options.env else os.environ.get(RING_VARIABLE)
    ring = ring_in(options.ring or default, options.env)
    if ring is None:
        return None
    absolute, idle = options.absolute_timeout, options.idle_timeout
    if absolute is None:
        absolute = int(min(30 * _DAY, ring.keeps))
    if idle is None:
        idle = min(14 * _DAY, max(absolute, 1))
    return SessionManager(
        ring,
        name=options.name or found.base or "session",
        namespace=options.namespace,
        idle_timeout=idle,
        absolute_timeout=absolute,
        remember_timeout=options.remember_timeout,
        max_cookies=20,
    )


# What is reported: a dict of plain values, of which those that nobody knows are None.


def _report(
    found: pasted.Pasted, manager: SessionManager | None, options: Namespace
) -> dict[str, Any]:
    header = pasted.header(found)
    report: dict[str, Any] = {
        "name": found.name or None,
        "characters": found.size,
        "parts": found.count,
        "missing_parts": found.missing,
        "version": header and header.version,
        "key_id": header and header.key_id,
        "issued": header and header.issued,
        "status": None,
    }
    if manager is None:
        return {**report, "status": _form(found)}
    visit = _Visit.of(manager, found)
    report["status"] = visit.session.status
    if header is None:
        return report
    report |= _key(manager, header.key_id)
    then = header.issued
    as_issued = visit
    if visit.session.new:  # as it was when it was issued, where it is authentic at all
        as_issued = _Visit.of(manager.replace(clock=lambda: then, issued_after=None), found)
    report["authentic"] = not as_issued.session.new
    if report["authentic"]:
        report |= _contents(as_issued.session, show_data=options.show_data)
        report["rewritten_when_used"] = None if visit.session.new else visit.due
    return report


@dataclass(frozen=True)
class _Visit:
    """The cookie as a request would bring it."""

    session: Session
    due: bool

    @classmethod
    def of(cls, manager: SessionManager, found: pasted.Pasted) -> "_Visit":
        with manager.replace(on_event=_ignore).open(
            found.incoming(manager.cookie_name)
        ) as exchange:
            return cls(exchange.session, exchange.due)


def _ignore(_event: "Event") -> None:
    pass


def _form(found: pasted.Pasted) -> Status | None:
    """Return what is wrong with a cookie's form, by a manager that cannot have its key."""
    manager = SessionManager(Key.generate(), max_cookies=20)
    status = _Visit.of(manager, found).session.status
    return None if status in (Status.UNKNOWN_KEY, Status.BAD_SIGNATURE) else status


def _key(manager: SessionManager, key_id: str) -> dict[str, Any]:
    """Return which key of the ring the cookie names; two may share an id, and the first is said."""
    for fingerprint, key, state, what_next in _known_keys(manager):
        if manager.replace(keys=key).key_id == key_id:
            return {"key": fingerprint, "key_state": state, "key_next": what_next}
    return {"key": None, "key_state": None, "key_next": None, "retired_keys": _spent(manager)}


def _spent(manager: SessionManager) -> list[str] | None:
    """Return the ids of retired keys whose secrets are gone, so that nothing can be compared."""
    document = _document(manager)
    return [each.id for each in document.keys if not each.key] or None if document else None


def _document(manager: SessionManager) -> KeyringDocument | None:
    source = manager.settings["keys"]
    document = source.current if isinstance(source, LiveKeyring) else source
    return document if isinstance(document, KeyringDocument) else None


def _known_keys(manager: SessionManager) -> Iterator[tuple[str, Key, str, str | None]]:
    if document := _document(manager):
        now = int(manager.clock())
        settled = {each.id: each for each in rotation.settle(document, now).keys}
        for each in document.keys:
            if each.key:  # settled, one whose time has passed has none any more
                today = settled[each.id]
                yield each.id, each.key, today.state, rotation.what_next(document, today, now)
        return
    ring = manager.keyring
    for key in ring.accepted:
        yield key.fingerprint, key, "primary" if key == ring.primary else "accepted", None
    for key in ring.retired:
        yield key.fingerprint, key, "retired", None


def _contents(session: Session, *, show_data: bool) -> dict[str, Any]:
    contents: dict[str, Any] = {
        "session": session.id,
        "created": int(session.created.timestamp()),
        "ends": int(session.expires.timestamp()),
        "names": list(session),
    }
    if show_data:
        contents["data"] = {name: repr(value) for name, value in session.items()}
    return contents


# As lines.


def _lines(report: dict[str, Any], now: int) -> Iterator[str]:
    moment: Callable[[str], str] = lambda name: (
        f"{minute(report[name])} UTC, {distance(report[name], now)}"
    )
    return (f"{label:8}  {printable(text)}" for label, text in _rows(report, moment))


def _rows(report: dict[str, Any], moment: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    parts = f", in {report['parts']} parts" if report["parts"] > 1 else ""
    lacking = ", ".join(map(str, report["missing_parts"]))
    missing = f", of which these are missing: {lacking}" if lacking else ""
    yield (
        "cookie",
        f"{report['name'] or '(no name)'}, {report['characters']} characters{parts}{missing}",
    )
    if report["version"] is not None:
        other = "" if report["version"] == _VERSION else ", which this release does not read"
        yield "format", f"{report['version']}{other}"
    if report["version"] == _VERSION:
        yield "key", _key_words(report)
        yield "written", moment("issued")
    if "key" in report or report["status"]:
        yield "status", _status_words(report["status"])
    if report.get("authentic"):
        yield "session", f"{report['session']}, created {moment('created')}"
        if report["status"] in _ENDS:
            yield _ENDS[report["status"]], moment("ends")
        if report["rewritten_when_used"] is not None:
            yield "next", _next_words(report)
        yield "holds", ", ".join(report["names"]) or "nothing"
    for name, value in report.get("data", {}).items():
        yield "", f"{name} = {value}"


def _key_words(report: dict[str, Any]) -> str:
    if "key" not in report:
        return f"{report['key_id']} (with --ring, --env or --app: which one, and what is inside)"
    if report["key"] is None:
        spent = ", ".join(report["retired_keys"] or [])
        unless = f", unless it is the retired {spent}" if spent else ""
        return f"{report['key_id']}, which no key of the ring goes by{unless}"
    what_next = f": {report['key_next']}" if report["key_next"] else ""
    return f"{report['key_id']}, which is {report['key']}, {report['key_state']}{what_next}"


def _status_words(status: Status) -> str:
    return f"{status}: {_WORDS[status]}" if status in _WORDS else str(status)


def _next_words(report: dict[str, Any]) -> str:
    if not report["rewritten_when_used"]:
        return "used now, it stays as it is"
    if report.get("key_state") == "accepted":
        return "used now, it is written anew, under the primary key"
    return "used now, it is written anew, and its idle timeout begins again"
