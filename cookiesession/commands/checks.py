"""What the doctor looks at; every check yields findings, and knows no secret.

    of_manager   a manager's attributes, lifetimes, sizes, behaviour, keys
    of_managers  what several managers of one application get wrong together
    of_ring      a ring's dates, whether or not a manager has it
    of_file      who else may read or write a ring's file

The rules: a problem will lose sessions or give them away; a warning may; a hint is for somebody to
decide. A finding is one sentence and, but for what is fine, how to mend it.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from cookiesession import CookieAttributes, Keyring, SessionManager
from cookiesession.commands.times import minute, spelled
from cookiesession.keyring import DatedKey, KeyringDocument, LiveKeyring, rotation

Level = Literal["ok", "hint", "warning", "problem"]

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400

# OWASP Session Management Cheat Sheet, "Session Expiration", for low-value applications.
_OWASP_IDLE: Final = 30 * _MINUTE
_OWASP_ABSOLUTE: Final = 8 * _HOUR
_NIST_ABSOLUTE: Final = 30 * _DAY  # SP 800-63B-4, section 2.1.3: AAL1, the least strict level

_OUR_IDLE: Final = 14 * _DAY
_OUR_ABSOLUTE: Final = 30 * _DAY

# Defaults of what stands between browser and application, in bytes, looked up in their sources.
_COOKIE: Final = 4093  # the most that one of our cookies has, attributes included
_ONE_FIELD: Final = 8190  # gunicorn's limit_request_field_size; nginx has 8 KiB for one header
_WHOLE_HEAD: Final = 16 * 1024  # h11's, of a head that comes in pieces: hypercorn, uvicorn
_OTHER_HEADERS: Final = 4096  # what we leave for them

_LIVE_READS_EVERY: Final = 300  # seconds, unless it is told otherwise
_CLOCK_SKEW: Final = 300


class Finding(NamedTuple):
    """One sentence, and its mend."""

    level: Level
    sentence: str
    mend: str = ""


def of_manager(manager: SessionManager, now: int, max_key_age: int) -> Iterator[Finding]:
    """Check one manager."""
    settings = manager.settings
    yield from _attributes(manager.cookie_name, settings["cookie"], settings["development"])
    yield from _lifetimes(settings, now)
    yield from _sizes(settings["max_cookies"])
    if settings["save_on_5xx"]:
        yield Finding(
            "hint",
            "save_on_5xx writes the session though the request failed, as far as it got",
            "leave save_on_5xx away, unless a failed request shall leave a trace in the session",
        )
    if settings["on_event"] is None:
        yield Finding(
            "hint",
            "nothing counts refused cookies: no on_event is set",
            "count Refused by reason and Opened by key_id (docs/deploy.md, what to watch)",
        )
    source = settings["keys"]
    if isinstance(source, LiveKeyring):
        yield from _refreshing(source)
        yield from of_ring(source.current, now, max_key_age, source.refresh_every)
    else:
        yield from of_ring(source.at(now), now, max_key_age, None)


def of_managers(managers: Iterable[SessionManager]) -> Iterator[Finding]:
    """Check what several managers get wrong together."""
    for name, count in Counter(manager.cookie_name for manager in managers).items():
        if count > 1:
            yield Finding(
                "problem",
                f"{count} managers write the cookie {name}, each over the other's",
                "make one manager and share it, or give each its own name",
            )


# The cookie.


def _attributes(name: str, cookie: CookieAttributes, development: bool) -> Iterator[Finding]:
    if development:
        yield Finding(
            "problem",
            "development=True serves loopback names only, and sends the cookie without Secure",
            "leave development away in production",
        )
        return
    found = [*_weak_attributes(cookie)]
    yield from found
    if not found:
        kind = "for this host alone" if cookie.host_only else "for its path"
        samesite = cookie.samesite.capitalize()
        yield Finding("ok", f"{name} is Secure, HttpOnly, SameSite={samesite}, and {kind}")


def _weak_attributes(cookie: CookieAttributes) -> Iterator[Finding]:
    if not cookie.secure:
        yield Finding(
            "problem",
            "the cookie is not Secure: over plain http anybody on the way reads and replaces it",
            "serve over https and leave secure away; for http://localhost set development=True",
        )
    if cookie.domain:
        yield Finding(
            "warning",
            f"Domain={cookie.domain} gives the cookie to every host under it, and each of them, or "
            "whoever takes one over, can read and replace it",
            "leave domain away, unless these hosts share the session",
        )
    if cookie.path != "/":
        yield Finding(
            "hint",
            f"Path={cookie.path} keeps no other page of the host from the cookie, and costs it the "
            "prefix __Host-",
            "leave path away, and keep applications apart by name and namespace",
        )
    if cookie.samesite == "none":
        yield Finding(
            "warning",
            "SameSite=None sends the cookie with what other sites ask for, forms included",
            'take samesite="lax"; where the site is embedded in others, have every form and script '
            "carry a CSRF token",
        )


# Lifetimes.


def _lifetimes(settings: Any, now: int) -> Iterator[Finding]:
    idle, absolute = _seconds(settings["idle_timeout"]), _seconds(settings["absolute_timeout"])
    given = settings["remember_timeout"]
    remember = absolute if given is None else _seconds(given)
    lifetimes = f"sessions end after {spelled(idle)} unused, {spelled(absolute)} at most"
    if max(absolute, remember) > _NIST_ABSOLUTE:
        yield Finding(
            "warning",
            f"a session may last {spelled(max(absolute, remember))}, and so does a stolen cookie: "
            "NIST's least strict level ends at 30d",
            "shorten absolute_timeout and remember_timeout (docs/lifetimes.md)",
        )
    if (idle, absolute) == (_OUR_IDLE, _OUR_ABSOLUTE):
        lifetimes += ", the default"
    if idle > _OWASP_IDLE or absolute > _OWASP_ABSOLUTE:
        yield Finding(
            "hint",
            f"{lifetimes}; OWASP has 30m and 8h even where little is at stake",
            "decide whether they suit (docs/lifetimes.md): shorten them, or ask for the password "
            "again before what matters",
        )
    else:
        yield Finding("ok", lifetimes)
    yield from _cut_off(settings["issued_after"], max(absolute, remember), now)


def _cut_off(given: datetime | float | None, longest: int, now: int) -> Iterator[Finding]:
    if given is None:
        return
    moment = int(given.timestamp() if isinstance(given, datetime) else given)
    if moment > now:
        yield Finding(
            "problem",
            f"issued_after lies ahead, at {minute(moment)} UTC: until then every cookie is refused",
            "set it to a moment that has passed",
        )
    elif now - moment > longest:
        yield Finding(
            "hint",
            "issued_after has done its work: no session is as old any more",
            "leave it away",
        )


def _seconds(duration: timedelta | float) -> int:
    return int(duration.total_seconds() if isinstance(duration, timedelta) else duration)


# Sizes.


def _sizes(max_cookies: int) -> Iterator[Finding]:
    most = max_cookies * _COOKIE
    if max_cookies == 1:
        yield Finding(
            "hint",
            f"a full cookie has {_COOKIE} bytes, and nginx may take 4k of response headers by "
            "default: a 502 where the session grows",
            "behind nginx set proxy_buffer_size 16k; and proxy_buffers 8 16k;",
        )
        return
    need = _next_power(most + _OTHER_HEADERS)
    size = f"{need // 1024}k"
    limits = (
        f"nginx takes 8k in one request header and 4k or 8k in a response, gunicorn {_ONE_FIELD} "
        "bytes in one header"
    )
    mend = (
        f"nginx: large_client_header_buffers 4 {size}; proxy_buffer_size {size}; "
        f"proxy_buffers 8 {size}; gunicorn: --limit-request-field_size {need}"
    )
    if most + _OTHER_HEADERS > _WHOLE_HEAD:
        limits += ", uvicorn and hypercorn with h11 16 KiB of all headers"
        mend += f"; uvicorn: --h11-max-incomplete-event-size {2 * need}"
    yield Finding(
        "warning", f"the session's cookies have up to {most} bytes; by default {limits}", mend
    )


def _next_power(size: int) -> int:
    return 1 << (size - 1).bit_length()


# Keys.


def _refreshing(ring: LiveKeyring) -> Iterator[Finding]:
    if ring.refresh_every is None:
        yield Finding(
            "hint",
            "refresh_every=None: the ring changes only where something calls refresh()",
            "leave refresh_every away, unless something does",
        )


def of_ring(
    ring: Keyring | KeyringDocument, now: int, max_key_age: int, refresh_every: float | None
) -> Iterator[Finding]:
    """Check a ring."""
    if isinstance(ring, Keyring):
        yield Finding(
            "hint",
            "the keys have no dates: nobody sees when one is due to be replaced",
            "keep the keys in a file that cookiesession keys add makes, and read it with "
            "LiveKeyring.from_path",
        )
        return
    document = rotation.settle(ring, now)
    found = [*_dates(document, now, max_key_age), *_schedule(document, refresh_every)]
    yield from found
    primary = document.primary(now)
    if not found and primary:
        next_ = rotation.what_next(document, primary, now)
        yield Finding("ok", f"key {primary.id} {next_}")


def _dates(document: KeyringDocument, now: int, max_key_age: int) -> Iterator[Finding]:
    primary = document.primary(now)
    if primary is None:
        yield Finding("problem", "the ring has no key that writes", "run cookiesession keys add")
        return
    has_heir = any(key.activates is not None and key.activates > now for key in document.keys)
    if not has_heir:
        yield from _overdue(primary, document.schedule.lifetime, now, max_key_age)
    for key in document.keys:
        if key.created > now + _CLOCK_SKEW:
            yield Finding(
                "warning",
                f"key {key.id} was created ahead of this clock, at {minute(key.created)} UTC",
                "set the clocks of the servers, and of where the ring is written, by NTP",
            )
        if key.key and key.activates is None and key.retires is None:
            yield Finding(
                "hint",
                f"key {key.id} only reads, and has no date to go",
                f"when no server writes with it any more: cookiesession keys retire {key.id}",
            )


def _overdue(primary: DatedKey, lifetime: int, now: int, max_key_age: int) -> Iterator[Finding]:
    assert primary.activates is not None
    mend = "run cookiesession keys rotate, and have cron run cookiesession keys rotate --schedule"
    written = now - primary.activates
    if written > lifetime:
        yield Finding(
            "warning",
            f"key {primary.id} has written for {written // _DAY} days, though the schedule's "
            f"lifetime is {spelled(lifetime)}, and it has no successor",
            mend,
        )
    elif now - primary.created > max_key_age:
        yield Finding(
            "warning",
            f"key {primary.id} is {(now - primary.created) // _DAY} days old and has no successor",
            mend,
        )


def _schedule(document: KeyringDocument, refresh_every: float | None) -> Iterator[Finding]:
    propagation = document.schedule.propagation
    every = _LIVE_READS_EVERY if refresh_every is None else refresh_every
    if propagation <= every * 1.1:  # a live ring reads a tenth earlier or later
        yield Finding(
            "problem" if refresh_every is not None else "warning",
            f"a new key writes after {spelled(propagation)}, before a server that reads the ring "
            f"every {spelled(round(every))} must know it: its sessions would be refused there",
            "cookiesession keys schedule --propagation 2d, or a shorter refresh_every",
        )


# Files.


def of_file(path: Path) -> Iterator[Finding]:
    """Check who else may write a ring's file; what others may read is refused in reading it."""
    if os.name != "posix":
        return
    mode, folder = path.stat().st_mode, path.parent.stat().st_mode
    found: list[Finding] = []
    if mode & stat.S_IWGRP:
        found.append(
            Finding("warning", f"the group of {path} can replace its keys", f"chmod g-w {path}")
        )
    if folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        found.append(
            Finding(
                "problem",
                f"everybody on this machine can put another file in the place of {path}",
                f"chmod o-w {path.parent}",
            )
        )
    yield from found
    if not found:
        yield Finding("ok", f"nobody else can replace {path} (mode {stat.S_IMODE(mode):04o})")
