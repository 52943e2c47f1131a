"""The demo's HTML: what a session holds, costs and says about itself.

    home        a session, and the cookie it came from -> the page
    too_large   an error                               -> a page in the same design
    problem     a status and a sentence                -> the same

The rules: what came from outside goes through `_escape`, names of functions that return HTML say
what part of the page they make, and `home.html` holds whatever does not depend on the session.
"""

from __future__ import annotations

from datetime import datetime, timezone
from html import escape as _escape
from importlib.resources import files
from pprint import pformat
from string import Template
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cookiesession import (
    Key,
    Session,
    SessionManager,
    SessionTooLarge,
    Status,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookiesession.events import Event

LIMIT: Final = 4093  # bytes of a cookie, its name and attributes included

REASONS: Final[dict[Status, str]] = {
    Status.VALID: "The cookie came, its signature holds, and this is what was inside.",
    Status.MISSING: "Your browser sent no session cookie. Store something, and it gets one.",
    Status.INCOMPLETE: "A part of a session that was split over several cookies is missing.",
    Status.MALFORMED: "This is not the shape of a session cookie: something was cut off or added.",
    Status.UNKNOWN_FORMAT: "The first character names a format that this version does not read.",
    Status.UNKNOWN_KEY: "It names a key that this process does not have. A cookie from an earlier "
    "run of this demo looks like that, too.",
    Status.BAD_SIGNATURE: "The signature does not fit: somebody changed a character, and nothing "
    "behind it was looked at.",
    Status.BAD_PAYLOAD: "The signature holds, but the inside is nothing we would have written.",
    Status.NOT_YET_VALID: "It was issued in the future. Is a clock wrong?",
    Status.ISSUED_TOO_EARLY: "It was issued before the moment from which cookies are accepted.",
    Status.BAD_CIPHERTEXT: "It is signed with our key, but was not encrypted with it.",
    Status.IDLE_EXPIRED: "Nobody used the session for half an hour, so it ended.",
    Status.EXPIRED: "The session reached its greatest age, so it ended.",
    Status.REVOKED: "The session was revoked.",
    Status.HOST_REFUSED: "This demo gives sessions on loopback names only, such as 127.0.0.1.",
}


def home(session: Session, cookie: str, manager: SessionManager, events: Iterable[Event]) -> str:
    """Return the page."""
    return _layout(
        "cookiesession demo",
        _template("home.html").substitute(
            status=_status_banner(session),
            meter=_meter(session, manager),
            facts=_facts(session),
            keys=_keys(session, cookie, manager),
            cookie=_cookie(cookie),
            events=_events(events),
            account=_account(session),
            disabled="" if cookie else " disabled",
        ),
    )


def too_large(error: SessionTooLarge) -> str:
    """Return the page for a session that does not fit its cookie."""
    rows = "".join(
        f'<tr><th scope="row"><code>{_escape(name)}</code></th><td>{size:,} bytes</td></tr>'
        for name, size in error.largest
    )
    return _problem_page(
        "Too large for a cookie",
        f"""<p class="lead">The session would take <strong>{error.size:,}</strong> characters, and
        {error.limit:,} fit beside the cookie's name and attributes. Nothing was written: your
        browser keeps the session that it had.</p>
        <table class="largest"><caption>The biggest keys, packed and compressed</caption>
        {rows}</table>
        <p class="note">This was a <code>SessionTooLarge</code>. Keep large data on the server and
        its name in the session, or raise <code>max_cookies</code>.</p>""",
    )


def problem(title: str, sentence: str) -> str:
    """Return a page for whatever else went wrong."""
    return _problem_page(_escape(title), f'<p class="lead">{_escape(sentence)}</p>')


def _problem_page(title: str, content: str) -> str:
    return _layout(
        title,
        f"""<section class="card problem"><h2>{title}</h2>{content}
        <p><a class="button" href="/">Back to the session</a></p></section>""",
    )


def _layout(title: str, main: str) -> str:
    return _template("layout.html").substitute(title=title, main=main)


def _template(name: str) -> Template:
    return Template((files(__package__ or "") / name).read_text(encoding="utf-8"))


# What became of the cookie.


def _status_banner(session: Session) -> str:
    status = session.status
    refused = status not in (Status.VALID, Status.MISSING)
    heading = {Status.VALID: "A valid session", Status.MISSING: "No session yet"}.get(
        status, f"Cookie refused: <code>{status}</code>"
    )
    return f"""<section class="banner {"refused" if refused else status}" aria-label="Status">
        <div><h2>{heading}</h2><p>{_escape(REASONS[status])}</p>
        {_AFTERMATH if refused else ""}</div>{_START_ANEW if refused else ""}</section>"""


_AFTERMATH: Final = """<p>For this request the session is therefore empty. The cookie is left alone:
    a server that lacks a new key must not log people out. What is stored next overwrites it.</p>"""

_START_ANEW: Final = """<form method="post" action="/start-anew">
    <button class="primary">Start anew</button></form>"""


# What each key costs.


class _Share(NamedTuple):
    kind: str  # a class of the style sheet
    label: str
    size: int


def _meter(session: Session, manager: SessionManager) -> str:
    if not session:
        return f"""{_total(0)}{_bar([], "wide")}
            <p class="empty">Nothing is stored. An empty session is no cookie.</p>"""
    keys = _key_sizes(session)
    others = _other_sizes(session, manager, keys)
    used = sum(share.size for share in [*keys, *others])
    rows = "".join(_key_row(share, session[share.label]) for share in keys)
    rows += "".join(_other_row(share) for share in [*others, _Share("free", "free", LIMIT - used)])
    return f"""{_total(used)}{_bar([*keys, *others], "wide")}
        <table class="sizes">
        <caption>What the cookie holds, and how many bytes each key takes</caption>
        <thead><tr><th scope="col">Key</th><th scope="col">Value</th><th scope="col">Bytes</th>
        <th scope="col"><span class="hidden">Delete</span></th></tr></thead>
        <tbody>{rows}</tbody></table>"""


def _total(used: int) -> str:
    return f'<p class="total"><strong>{used:,}</strong> of {LIMIT:,} bytes</p>'


def _key_sizes(session: Session) -> list[_Share]:
    """Measure each key by what it adds to a cookie that holds those before it."""
    held: dict[str, Any] = {}
    shares: list[_Share] = []
    before = len(_RULER.dumps(held))
    for name, value in session.items():
        held[name] = value
        after = len(_RULER.dumps(held))
        shares.append(_Share("key", name, after - before))
        before = after
    return shares


_RULER: Final = SessionManager(Key.generate(), development=True, pad=0)  # measures, and no more


def _other_sizes(session: Session, manager: SessionManager, keys: list[_Share]) -> list[_Share]:
    envelope = len(_RULER.dumps({}))
    padding = session.size - envelope - sum(share.size for share in keys)
    return [
        _Share("padding", "padding, to hide the exact length", padding),
        _Share("envelope", "key id, times, session id, nonce, tag, signature", envelope),
        _Share("envelope", "the cookie's name and attributes", LIMIT - manager.capacity),
    ]


_LEAST_VISIBLE: Final = 40  # bytes: what a bar shows at least, however small a key is


def _key_row(share: _Share, value: object) -> str:
    name = _escape(share.label)
    return f"""<tr class="key"><th scope="row"><code>{name}</code></th><td>{_value(value)}</td>
        <td class="bytes"><span>{share.size:,}</span>{_row_bar(share)}</td>
        <td><form method="post" action="/delete"><input type="hidden" name="name" value="{name}">
        <button class="quiet" aria-label="Delete {name}">Delete</button></form></td></tr>"""


def _other_row(share: _Share) -> str:
    return f"""<tr class="{share.kind}"><th scope="row" colspan="2">{share.label}</th>
        <td class="bytes"><span>{share.size:,}</span>{_row_bar(share)}</td><td></td></tr>"""


def _row_bar(share: _Share) -> str:
    return _bar([share._replace(size=max(share.size, _LEAST_VISIBLE))])


def _bar(shares: list[_Share], extra: str = "") -> str:
    """Return a bar as long as the limit; an SVG, since the style sheet knows no sizes."""
    rectangles, x = "", 0
    for share in shares:
        rectangles += f'<rect class="{share.kind}" x="{x}" width="{share.size}" height="1"/>'
        x += share.size
    return f"""<svg class="bar {extra}" viewBox="0 0 {LIMIT} 1" preserveAspectRatio="none"
        aria-hidden="true">{rectangles}</svg>"""


_LONG: Final = 240  # characters; what is longer is folded


def _value(value: object) -> str:
    text = pformat(value, width=44, sort_dicts=False)
    pre = f"<pre>{_escape(text)}</pre>"
    if len(text) <= _LONG:
        return pre
    kind = type(value).__name__
    return f"<details><summary>{kind}, {len(text):,} characters</summary>{pre}</details>"


# What the session says about itself.


def _facts(session: Session) -> str:
    if session.new:
        return '<p class="empty">A session begins when something is stored in it.</p>'
    now = datetime.now(timezone.utc)
    return f"""<dl><dt>Id</dt><dd><code>{session.id}</code></dd>
        <dt>Created</dt><dd>{_time(session.created, now)}</dd>
        <dt>Touched</dt><dd>{_time(session.touched, now)}</dd>
        <dt>Expires</dt><dd>{_time(session.expires, now)}</dd></dl>"""


def _time(moment: datetime, now: datetime) -> str:
    seconds = round((moment - now).total_seconds())
    relative = f"in {_duration(seconds + 59)}" if seconds > 0 else f"{_duration(-seconds)} ago"
    return f"""<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%d %b %Y, %H:%M:%S} UTC
        <small>{relative}</small></time>"""


def _duration(seconds: int) -> str:
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count = seconds // length
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "a moment"


def _key_id(cookie: str) -> str:
    return cookie[1:5]


def _keys(session: Session, cookie: str, manager: SessionManager) -> str:
    ring = [manager.replace(keys=key).key_id for key in manager.keyring.accepted]
    wrote = "" if session.new else _key_id(cookie)
    rows = "".join(
        _ring_row(key_id, {"writes": key_id == ring[0], "reads": True, "yours": key_id == wrote})
        for key_id in ring
    )
    moved = f"""<p class="moved">This cookie came under <code>{_escape(wrote)}</code>; with this
        very page it went back to you under <code>{ring[0]}</code>.</p>"""
    return f'<ul class="ring">{rows}</ul>{moved if wrote and wrote != ring[0] else ""}'


def _ring_row(key_id: str, marks: dict[str, bool]) -> str:
    spans = "".join(f'<span class="mark {mark}">{mark}</span>' for mark, on in marks.items() if on)
    return f"<li><code>{key_id}</code> {spans}</li>"


def _cookie(cookie: str) -> str:
    if not cookie:
        return '<p class="empty">None was sent.</p>'
    sealed, dot, signature = cookie[5:].rpartition(".")
    parts = [
        ("format", cookie[:1]),
        ("kid", cookie[1:5]),
        ("sealed", sealed + dot),
        ("signature", signature),
    ]
    spans = "".join(f'<span class="{kind}">{_escape(text)}</span>' for kind, text in parts)
    return f"""<p class="raw" tabindex="0" role="group" aria-label="Raw cookie">
        <code>{spans}</code></p>
        <ul class="legend"><li class="format">format</li><li class="kid">key id</li>
        <li class="sealed">encrypted session</li><li class="signature">signature</li></ul>"""


def _events(events: Iterable[Event]) -> str:
    rows = "".join(_event(event) for event in reversed(tuple(events)))
    return f'<ol class="events">{rows}</ol>' if rows else '<p class="empty">None yet.</p>'


def _event(event: Event) -> str:
    reason = getattr(event, "reason", "")
    notes = [f"key {event.key_id}" if event.key_id else "", event.session, reason]
    text = " · ".join(_escape(note) for note in notes if note)
    return f"<li><strong>{type(event).__name__}</strong> <code>{text}</code></li>"


def _account(session: Session) -> str:
    if "logged_in_at" not in session:
        return _LOG_IN
    return _LOG_OUT.format(user=_escape(str(session.get("user"))))


_LOG_OUT: Final = """<p class="code"><code>session.destroy()</code></p>
    <form method="post" action="/log-out" class="line">
    <p>Logged in as <strong>{user}</strong></p><button>Log out</button></form>"""

_LOG_IN: Final = """<p class="code"><code>session.regenerate()<br>session["user"] = "ann"<br>
    session.remember()</code></p>
    <form method="post" action="/log-in"><div class="line"><p><label for="user">Name</label>
    <input id="user" name="user" value="ann" required autocomplete="off" maxlength="80"></p>
    <button>Log in</button></div>
    <p class="check"><input type="checkbox" id="remember" name="remember">
    <label for="remember">Remember me for 30 days</label></p></form>"""
