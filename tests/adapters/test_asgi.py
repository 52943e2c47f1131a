"""The contract for plain ASGI, on uvicorn."""

import json

import pytest

from cookiesession import SessionManager
from cookiesession.asgi import SessionMiddleware
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text

pytest.importorskip("uvicorn")
pytestmark = pytest.mark.server

TEXT = [(b"content-type", b"text/plain")]
ANSWERS = {
    "/untouched": (200, TEXT, b"hello"),
    "/headers": (200, [*TEXT, (b"vary", b"Accept"), (b"cache-control", b"public, max-age=60"),
                       (b"set-cookie", b"own=1; Path=/")], b""),
    "/redirect": (303, [(b"location", b"/read")], b""),
    "/status-500": (500, TEXT, b"sorry"),
    "/big": (200, TEXT, b"never sent"),
}  # fmt: skip


async def application(scope, receive, send):
    session = scope["session"]
    path = scope["path"].removeprefix("/mounted")
    if path in ("/do", "/read"):
        data = await done(session, receive) if path == "/do" else dict(session)
        await answer(send, 200, [(b"content-type", b"application/json")], json.dumps(data).encode())
        return
    if path != "/untouched":
        session["a"] = 1
    if path == "/raise":
        raise RuntimeError("the application's own")
    if path == "/big":
        session["big"] = random_text(20_000)
    if path in ANSWERS:
        await answer(send, *ANSWERS[path])
    else:
        await stream(session, send, late=path == "/late")


async def done(session, receive):
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return apply(session, json.loads(body))


async def answer(send, status, headers, body):
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def stream(session, send, *, late):
    await send({"type": "http.response.start", "status": 200, "headers": TEXT})
    for chunk in (b"one", b"two"):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    if late:
        session["late"] = 1
    await send({"type": "http.response.body", "body": b"three"})


class TestASGI(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return servers.asgi(SessionMiddleware(application, manager))
