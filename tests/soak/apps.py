"""The applications under load: one manager, over WSGI and over ASGI.

    /count?user=NAME   count one request; of a session that is new, NAME is the user
        &size=BYTES    with so many random bytes in the session
        &login         under a new session id
        &die           and end this worker before it answers, unless it is the first one
    /logout            end the session
    /oversize          try to save what no cookie can carry, and say so politely (413)
    /ring              look at the keys, and at no session

The answer is JSON, and says what the session held, and when that was by this worker's clock.
"""

import json
import os
import signal
import zlib
from urllib.parse import parse_qs

from cookiesession import SessionManager, SessionTooLarge
from cookiesession.asgi import SessionMiddleware as AsgiMiddleware
from cookiesession.keyring import LiveKeyring
from cookiesession.wsgi import SessionMiddleware as WsgiMiddleware
from tests.soak.world import World

_OVERSIZE = 40_000

world = World.here()
_last = _steps_back = 0


def _clock():
    """Read this worker's clock, and count how often it stood earlier than before."""
    global _last, _steps_back  # noqa: PLW0603  a clock's own memory
    now = world.workers_clock()
    _steps_back += now < _last
    _last = now
    return now


def _write_down(event):
    """Add a line to the file of events; one write of this size is not torn."""
    reason = getattr(event, "reason", getattr(event, "why", ""))
    if type(event).__name__ in ("Refused", "KeyringChanged", "KeyringNotRefreshed"):
        with open(world.events, "a") as file:  # noqa: PTH123  opened often
            file.write(f"{os.getpid()} {type(event).__name__} {reason}\n")


def _keys():
    settings = {"refresh_every": world.refresh, "on_event": _write_down}
    if not world.ring.startswith("redis:"):
        return LiveKeyring.from_path(world.ring, **settings)
    from redis import Redis  # noqa: PLC0415  for this run alone

    client = Redis.from_url(world.ring, socket_timeout=1, socket_connect_timeout=1)
    return LiveKeyring(lambda: client.get("session-keys"), **settings)


manager = SessionManager(
    _keys(),
    idle_timeout=world.idle,
    absolute_timeout=world.absolute,
    max_cookies=world.max_cookies,
    clock=_clock,
    on_event=_write_down,
)


def _act(session, path, query):
    """Do what a request asks for, and return what to answer."""
    if path == "/ring":
        return {"ring": manager.keyring.fingerprint, "key": manager.key_id, "pid": os.getpid()}
    status = session.status
    if path == "/logout":
        session.destroy()
        return {"status": status}
    if path == "/oversize":
        session["blob"] = os.urandom(_OVERSIZE)
        return {"status": status}
    asked = parse_qs(query, keep_blank_values=True)
    session["user"] = session.get("user", asked["user"][0])
    session["count"] = session.get("count", 0) + 1
    before = zlib.crc32(session.get("blob", b""))
    if "size" in asked:
        session["blob"] = os.urandom(int(asked["size"][0]))
    if "login" in asked:
        session.regenerate()
    if "die" in asked and world.worker > 1:
        os.kill(os.getpid(), signal.SIGKILL)
    after = zlib.crc32(session.get("blob", b""))
    told = {"before": before, "after": after, "status": status}
    told |= {"pid": os.getpid(), "now": int(_last), "steps_back": _steps_back}
    return {"user": session["user"], "count": session["count"], **told}


def _wsgi(environ, start_response):
    answer = _act(environ["cookiesession.session"], environ["PATH_INFO"], environ["QUERY_STRING"])
    body = json.dumps(answer).encode()
    headers = [("Content-Length", str(len(body))), ("Content-Type", "application/json")]
    try:
        start_response("200 OK", headers)
    except SessionTooLarge:
        start_response("413 Content Too Large", headers)
    return [body]


async def _asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    body = json.dumps(_act(scope["session"], scope["path"], scope["query_string"].decode()))
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    try:
        await send(start)
    except SessionTooLarge:
        await send({**start, "status": 413})
    await send({"type": "http.response.body", "body": body.encode()})


wsgi = WsgiMiddleware(_wsgi, manager)
asgi = AsgiMiddleware(_asgi, manager)
