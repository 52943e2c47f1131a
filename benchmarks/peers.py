"""Other libraries' sessions, sealed and opened as each calls itself in a request.

Each function returns a pair: session data to the text of its cookie, and back. A function imports
what it needs, so that a library that is missing is a line in the table and no error.
"""

import json
import os
import shutil
import subprocess
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

MAX_AGE = 14 * 86_400
SECRET = os.urandom(32).hex()

Data = dict[str, Any]


class Pair(NamedTuple):
    """The two directions."""

    seal: Callable[[Data], str]
    open: Callable[[str], Data]


class Peer(NamedTuple):
    """A library's sessions."""

    make: Callable[[], Pair] | None  # None: in `peers.mjs`
    encrypts: bool
    deflates: bool = False  # the whole session together, secrets and what strangers wrote


def finished(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing, with no event loop to pay for."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise RuntimeError("it waited")


def flask() -> Pair:
    from flask import Flask
    from flask.sessions import SecureCookieSessionInterface

    return _flask_like(Flask(__name__), SecureCookieSessionInterface())


def quart() -> Pair:
    from quart import Quart
    from quart.sessions import SecureCookieSessionInterface

    return _flask_like(Quart(__name__), SecureCookieSessionInterface())


def _flask_like(app: Any, interface: Any) -> Pair:
    app.secret_key = SECRET
    signer = interface.get_signing_serializer  # made anew in each direction of each request
    return Pair(
        lambda data: signer(app).dumps(dict(data)),
        lambda text: signer(app).loads(text, max_age=MAX_AGE),
    )


def django() -> Pair:
    from django.conf import settings

    if not settings.configured:
        settings.configure(SECRET_KEY=SECRET)
    from django.contrib.sessions.backends.signed_cookies import SessionStore

    def seal(data: Data) -> str:
        store = SessionStore()
        store._session_cache = data
        store.save()
        return store.session_key

    return Pair(seal, lambda text: SessionStore(text).load())


def starlette() -> Pair:
    # Its middleware does this inline.
    from starlette.middleware.sessions import SessionMiddleware

    signer = SessionMiddleware(None, SECRET).signer
    return Pair(
        lambda data: signer.sign(b64encode(json.dumps(data).encode())).decode(),
        lambda text: json.loads(b64decode(signer.unsign(text.encode(), max_age=MAX_AGE))),
    )


def litestar() -> Pair:
    from litestar.middleware.session.client_side import (
        ClientSideSessionBackend,
        CookieBackendConfig,
    )

    backend = ClientSideSessionBackend(CookieBackendConfig(secret=os.urandom(32)))
    return Pair(
        lambda data: b"".join(backend.dump_data(data)).decode(),
        lambda text: backend.load_data([text.encode()]),
    )


def pyramid() -> Pair:
    # What its session factory makes, and does in each direction.
    from pyramid.session import JSONSerializer, SignedSerializer

    serializer = SignedSerializer(SECRET, "pyramid.session.", "sha512", JSONSerializer())
    return Pair(
        lambda data: serializer.dumps((time.time(), time.time(), dict(data))).decode(),
        lambda text: serializer.loads(text.encode())[2],
    )


def aiohttp_fernet() -> Pair:
    from aiohttp_session.cookie_storage import EncryptedCookieStorage
    from cryptography.fernet import Fernet

    return _aiohttp(EncryptedCookieStorage(Fernet(Fernet.generate_key()), max_age=MAX_AGE))


def aiohttp_nacl() -> Pair:
    from aiohttp_session.nacl_storage import NaClCookieStorage

    return _aiohttp(NaClCookieStorage(os.urandom(32), max_age=MAX_AGE))


def _aiohttp(storage: Any) -> Pair:
    from aiohttp_session import Session

    written: list[str] = []
    response = SimpleNamespace(set_cookie=lambda _name, value, **_: written.append(value))

    def seal(data: Data) -> str:
        session = Session(None, data={"session": data, "created": None}, new=False)
        finished(storage.save_session(None, response, session))
        return written.pop()

    def load(text: str) -> Data:
        request = SimpleNamespace(cookies={storage.cookie_name: text})
        return finished(storage.load_session(request))._mapping

    return Pair(seal, load)


def beaker() -> Pair:
    # Opening makes the next cookie, too, with the time of this visit.
    from beaker.session import CookieSession

    options = {
        "encrypt_key": SECRET,
        "validate_key": SECRET,
        "crypto_type": "cryptography",
        "data_serializer": "json",
    }

    def seal(data: Data) -> str:
        request: dict[str, Any] = {}
        session = CookieSession(request, **options)
        session.update(data)
        session.save()
        return request["cookie_out"].partition("=")[2].partition(";")[0]

    return Pair(
        seal, lambda text: CookieSession({"cookie": f"beaker.session.id={text}"}, **options)
    )


def tornado() -> Pair:
    from tornado.web import create_signed_value, decode_signed_value

    return Pair(
        lambda data: create_signed_value(SECRET, "session", json.dumps(data)).decode(),
        lambda text: json.loads(decode_signed_value(SECRET, "session", text)),
    )


def itsdangerous() -> Pair:
    from itsdangerous import URLSafeTimedSerializer

    serializer = URLSafeTimedSerializer(SECRET)
    return Pair(serializer.dumps, lambda text: serializer.loads(text, max_age=MAX_AGE))


def fernet() -> Pair:
    from cryptography.fernet import Fernet

    box = Fernet(Fernet.generate_key())
    return Pair(
        lambda data: box.encrypt(json.dumps(data, separators=(",", ":")).encode()).decode(),
        lambda text: json.loads(box.decrypt(text, ttl=MAX_AGE)),
    )


def joserfc() -> Pair:
    from joserfc import jwe
    from joserfc.jwk import OctKey

    key = OctKey.generate_key(256)
    header = {"alg": "dir", "enc": "A256GCM"}
    return Pair(
        lambda data: jwe.encrypt_compact(
            header, json.dumps(data, separators=(",", ":")).encode(), key
        ),
        lambda text: json.loads(jwe.decrypt_compact(text, key).plaintext),
    )


def in_node(how: dict[str, Any]) -> dict[str, Any]:
    """Have `peers.mjs` measure its libraries in a process of its own; see there."""
    script = Path(__file__).with_name("peers.mjs")
    if not shutil.which("node") or not script.with_name("node_modules").is_dir():
        print("skipped: the libraries from npm (npm ci --prefix benchmarks)")
        return {}
    result = subprocess.run(
        ["node", script], input=json.dumps(how), check=True, capture_output=True, text=True
    )
    return json.loads(result.stdout)


FLASK, TIMED, FERNET = "Flask", "itsdangerous URLSafeTimedSerializer", "Fernet with JSON"
PEERS = {
    FLASK: Peer(flask, encrypts=False, deflates=True),
    "Quart": Peer(quart, encrypts=False, deflates=True),
    "Django signed_cookies": Peer(django, encrypts=False, deflates=True),
    "Starlette": Peer(starlette, encrypts=False),
    "Pyramid": Peer(pyramid, encrypts=False),
    "Tornado": Peer(tornado, encrypts=False),
    TIMED: Peer(itsdangerous, encrypts=False, deflates=True),
    "Litestar": Peer(litestar, encrypts=True),
    "aiohttp-session, Fernet": Peer(aiohttp_fernet, encrypts=True),
    "aiohttp-session, NaCl": Peer(aiohttp_nacl, encrypts=True),
    "Beaker": Peer(beaker, encrypts=True, deflates=True),
    FERNET: Peer(fernet, encrypts=True),
    "joserfc, JWE": Peer(joserfc, encrypts=True),
    "cookie-session": Peer(None, encrypts=False),
    "client-sessions": Peer(None, encrypts=True),
    "iron-session": Peer(None, encrypts=True),
    "@fastify/secure-session": Peer(None, encrypts=True),
    "jose": Peer(None, encrypts=True),
}
