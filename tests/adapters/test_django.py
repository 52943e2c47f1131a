"""Django: the contract with our middleware over WSGI and ASGI, and with the engine alone.

Beside it Django's own words: its applications, its test clients, its settings, its checks.
"""

import gc
import http.client
import json
import subprocess
import sys
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("django")
pytest.importorskip("uvicorn")
pytestmark = [
    pytest.mark.server,
    # Django's ASGI handler leaves the request's body to the garbage collector.
    pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning"),
]

from django.conf import settings

from cookiesession import (
    ConfigurationError,
    CookieAttributes,
    Incoming,
    Key,
    SessionClosedError,
    SessionManager,
    SessionTooLarge,
    UnsavableSession,
)
from cookiesession.testing import get_session, session_transaction
from tests.adapters import servers
from tests.adapters.contract import (
    ABSOLUTE,
    IDLE,
    NEW,
    OLD,
    TOUCH,
    AdapterContract,
    apply,
    random_text,
)
from tests.adapters.django_settings import COOKIE, DJANGOS, OTHERS, OURS, configure
from tests.conftest import NOW

configure()

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.core import checks
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import (
    FileResponse,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.middleware.csrf import get_token
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import include, path
from django.utils.safestring import mark_safe

from cookiesession.django import SessionMiddleware, SessionStore, get_manager

# The contract's application.

WORDS = {
    "regenerate": lambda session: session.cycle_key(),
    "remember": lambda session, seconds: session.set_expiry(seconds),
    "forget": lambda session: session.set_expiry(0),
    "destroy": lambda session: session.flush(),
}


def visible(session) -> dict[str, Any]:
    return {name: value for name, value in session.items() if name != "_session_expiry"}


def do(request):
    results = []
    for name, *arguments in json.loads(request.body):
        if name in WORDS:
            results.append(WORDS[name](request.session, *arguments))
        else:
            results += apply(request.session, [[name, *arguments]])["results"]
    return JsonResponse({"results": results, "session": visible(request.session)})


def read(request):
    return JsonResponse(visible(request.session))


def untouched(request):
    return HttpResponse("hello")


def headers(request):
    request.session["a"] = 1
    response = HttpResponse(headers={"Vary": "Accept", "Cache-Control": "public, max-age=60"})
    response.set_cookie("own", "1")
    return response


def redirect(request):
    request.session["a"] = 1
    response = HttpResponseRedirect("/read")
    response.status_code = HTTPStatus.SEE_OTHER
    return response


def stream(request, *, late=False):
    request.session["a"] = 1
    make = asynchronous_chunks if hasattr(request, "scope") else chunks
    return StreamingHttpResponse(make(request.session, late=late))


def chunks(session, *, late):
    yield "one"
    yield "two"
    if late:
        session["late"] = 1
    yield "three"


async def asynchronous_chunks(session, *, late):
    for chunk in chunks(session, late=late):
        yield chunk


def status_500(request):
    request.session["a"] = 1
    return HttpResponse("sorry", status=500)


def failing(request):
    request.session["a"] = 1
    raise RuntimeError("the application's own")


def big(request):
    request.session["big"] = random_text(20_000)
    return HttpResponse("never sent")


def asynchronous(view):
    async def call(request, **more):
        return view(request, **more)

    return call


VIEWS = {
    "do": do, "read": read, "untouched": untouched, "headers": headers, "redirect": redirect,
    "stream": stream, "status-500": status_500, "raise": failing, "big": big,
}  # fmt: skip


def urls(wrap=lambda view: view):
    """Return a urlconf: the routes, also under a prefix, each view wrapped."""
    routes = [path(name, wrap(view)) for name, view in VIEWS.items()]
    routes.append(path("late", wrap(stream), {"late": True}))
    return type("Urls", (), {"urlpatterns": [*routes, path("mounted/", include(routes))]})


@contextmanager
def serve(manager, middleware, server, handler, urlconf, **more):
    options = {
        "keys": manager.keyring,
        "idle_timeout": IDLE,
        "absolute_timeout": ABSOLUTE,
        "touch_after": TOUCH,
        "clock": manager.clock,
        **more,
    }
    with (
        override_settings(COOKIESESSION=options, MIDDLEWARE=[middleware], ROOT_URLCONF=urlconf),
        server(handler()) as address,
    ):
        yield address
    gc.collect()


class TestDjango(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return serve(manager, OURS, servers.wsgi, WSGIHandler, urls(), max_cookies=3)


class TestDjangoASGI(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return serve(manager, OURS, servers.asgi, ASGIHandler, urls(asynchronous), max_cookies=3)

    def test_several_cookie_headers_are_read_as_one(self, address, contract_manager):
        connection = http.client.HTTPConnection(urlsplit(address).netloc)
        connection.putrequest("GET", "/read")
        for cookie in (b"other=a,b", self.mint(contract_manager, {"a": 1}), b"another=1"):
            connection.putheader("Cookie", cookie)
        connection.endheaders()
        assert json.load(connection.getresponse()) == {"a": 1}
        connection.close()


class TestDjangoEngine(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        return serve(manager, DJANGOS, servers.wsgi, WSGIHandler, urls())


# In Django's own words, with our middleware and with Django's.


@pytest.fixture(params=[OURS, DJANGOS], ids=["ours", "djangos"])
def client(request, clock):
    with override_settings(
        COOKIESESSION={"keys": NEW, "clock": clock}, MIDDLEWARE=[request.param, *OTHERS]
    ):
        yield Client()


@pytest.fixture(scope="module")
def database():
    call_command("migrate", run_syncdb=True, verbosity=0)


@pytest.fixture
def user(database):
    user = User.objects.create_superuser("ann", password="secret")
    yield user
    user.delete()


def page(view):
    """Return a urlconf of one page, the result of whose view is the page or stands in it."""

    def show(request):
        result = view(request)
        return result if isinstance(result, HttpResponseBase) else HttpResponse(str(result))

    return type("Urls", (), {"urlpatterns": [path("", show)]})


def visit(client, view, method="get", **more):
    with override_settings(ROOT_URLCONF=page(view)):
        return getattr(client, method)("/", secure=True, **more)


def put(**data):
    return lambda request: request.session.update(data)


def session_of(client):
    return get_session(client, get_manager())


def test_logging_in_gives_a_new_id_and_keeps_the_data(client, user):
    """L5."""
    visit(client, put(cart=["tea"]))
    before = session_of(client)
    client.force_login(user)
    after = session_of(client)
    assert before.id != after.id
    assert after["cart"] == ["tea"]
    assert visit(client, lambda request: request.user).content == b"ann"


def test_the_admin_logs_in_and_out(client, user):
    site = type("Urls", (), {"urlpatterns": [path("admin/", admin.site.urls)]})
    credentials = {"username": "ann", "password": "secret"}
    with override_settings(ROOT_URLCONF=site):
        response = client.post("/admin/login/?next=/admin/", credentials, secure=True, follow=True)
        assert response.redirect_chain == [("/admin/", 302)]
        assert b"Site administration" in response.content
        client.post("/admin/logout/", secure=True)
        assert not client.cookies[COOKIE].value
        assert client.get("/admin/", secure=True).status_code == HTTPStatus.FOUND
    assert not checks.run_checks()


def test_djangos_test_client_logs_in_and_out(client, user):
    assert client.login(username="ann", password="secret")
    assert client.session["_auth_user_id"] == str(user.pk)
    client.logout()
    assert visit(client, lambda request: request.user).content == b"AnonymousUser"


def test_a_test_changes_the_session_of_djangos_test_client(client):
    session = client.session
    session["cart"] = ["tea"]
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    assert visit(client, lambda request: request.session["cart"]).content == b"['tea']"
    with session_transaction(client, get_manager()) as session:
        session["cart"] = ["milk"]
    assert visit(client, lambda request: request.session["cart"]).content == b"['milk']"


def test_another_framework_reads_what_django_wrote(client, user, clock):
    client.force_login(user)
    visit(client, lambda request: request.session.set_expiry(300))
    session = SessionManager(NEW, clock=clock).loads(client.cookies[COOKIE].value)
    assert session["_auth_user_id"] == str(user.pk)
    assert session["_session_expiry"] == 300


def test_messages_and_safe_strings_last_until_they_are_read(client):
    visit(client, lambda request: messages.success(request, mark_safe("<b>saved</b>")))
    assert "_messages" in session_of(client)
    shown = visit(client, lambda request: [str(each) for each in messages.get_messages(request)])
    assert b"<b>saved</b>" in shown.content
    visit(client, put(html=mark_safe("<i>")))
    assert hasattr(session_of(client)["html"], "__html__")


def test_csrf_tokens_may_live_in_the_session(client):
    client.handler.enforce_csrf_checks = True
    with override_settings(CSRF_USE_SESSIONS=True):
        token = visit(client, get_token).content.decode()
        assert "_csrftoken" in session_of(client)
        headers = {"HTTP_REFERER": "https://testserver/"}
        assert visit(client, read, "post", **headers).status_code == HTTPStatus.FORBIDDEN
        headers["HTTP_X_CSRFTOKEN"] = token
        assert visit(client, read, "post", **headers).status_code == HTTPStatus.OK


def test_the_test_cookie_works(client):
    assert visit(client, lambda request: request.session.set_test_cookie()).status_code == 200
    assert visit(client, lambda request: request.session.test_cookie_worked()).content == b"True"
    visit(client, lambda request: request.session.delete_test_cookie())
    assert session_of(client) == {}


DAY = timedelta(days=1)


@pytest.mark.parametrize("expiry", [3 * 86_400, 3 * DAY, 20 * DAY, "datetime"])
def test_set_expiry_says_when_the_session_ends(client, expiry):
    if expiry == "datetime":
        expiry = datetime.now(timezone.utc) + 3 * DAY
    length = 20 * DAY if expiry == 20 * DAY else 3 * DAY
    visit(client, put(a=1))
    visit(client, lambda request: request.session.set_expiry(expiry))
    end = datetime.fromtimestamp(NOW, timezone.utc) + length
    assert abs(session_of(client).expires - end) < timedelta(minutes=1)
    assert abs(int(client.cookies[COOKIE]["max-age"]) - length.total_seconds()) < 60


def test_an_expiry_in_seconds_counts_from_the_last_change_and_is_enforced_here(client, clock):
    """L1."""
    visit(client, lambda request: request.session.set_expiry(300))
    clock.advance(200)
    visit(client, put(a=1))
    clock.advance(300)
    assert visit(client, lambda request: request.session["a"]).content == b"1"
    clock.advance(61)
    assert visit(client, lambda request: request.session.get("a")).content == b"None"


def test_an_expiry_in_the_past_ends_the_session(client):
    visit(client, put(a=1))
    visit(client, lambda request: request.session.set_expiry(-DAY))
    assert not visit(client, lambda request: request.session.get("a")).cookies
    assert "a" not in session_of(client)


def test_an_expiry_of_0_has_the_browser_forget_and_none_takes_it_back(client):
    visit(client, put(a=1))
    visit(client, lambda request: request.session.set_expiry(0))
    assert client.cookies[COOKIE]["max-age"] == ""
    assert visit(client, closes).content == b"True"
    visit(client, lambda request: request.session.set_expiry(None))
    assert int(client.cookies[COOKIE]["max-age"]) == 14 * 86_400
    assert visit(client, closes).content == b"False"
    assert session_of(client) == {"a": 1}


def closes(request):
    return request.session.get_expire_at_browser_close()


def test_none_takes_an_expiry_back(client, clock):
    visit(client, lambda request: request.session.set_expiry(300))
    visit(client, lambda request: request.session.set_expiry(None))
    visit(client, put(a=1))
    session = session_of(client)
    assert session.expires - session.touched == 14 * DAY


def test_logging_in_keeps_the_expiry(client, user):
    visit(client, lambda request: request.session.set_expiry(300))
    client.force_login(user)
    session = session_of(client)
    assert session.expires - session.created == timedelta(seconds=300)


def test_setting_modified_has_the_session_written(client):
    visit(client, put(a=1))
    assert not visit(client, put(a=1)).cookies
    assert visit(client, lambda request: setattr(request.session, "modified", True)).cookies


def test_flush_deletes_the_cookie(client):
    visit(client, put(a=1))
    visit(client, lambda request: request.session.flush())
    assert client.cookies[COOKIE].value == ""
    assert client.cookies[COOKIE]["max-age"] in (0, "0")


def test_clear_keeps_an_empty_session(client):
    visit(client, put(a=1))
    before = session_of(client).id
    visit(client, lambda request: request.session.clear())
    assert session_of(client) == {}
    assert session_of(client).id == before


def test_what_cannot_be_saved_is_an_error_and_the_old_session_stays(client):
    """G2."""
    visit(client, put(a=1))
    with pytest.raises(UnsavableSession):
        visit(client, put(a=object()))
    assert session_of(client) == {"a": 1}


def test_saving_every_request_moves_the_end(client, clock):
    visit(client, put(a=1))
    with override_settings(
        SESSION_SAVE_EVERY_REQUEST=True, COOKIESESSION={"keys": NEW, "clock": clock}
    ):
        clock.advance(10)
        visit(client, lambda request: None)
        assert session_of(client).touched.timestamp() == clock()
        visit(client, lambda request: request.session.set_expiry(300))
        clock.advance(10)
        visit(client, lambda request: None)
        assert session_of(client).expires.timestamp() == clock() + 300


def test_saving_every_request_does_not_overwrite_a_refused_cookie(client, clock):
    """K5. A server that lacks the newest key logs nobody out."""
    text = SessionManager(Key.generate(), clock=clock).dumps({"a": 1})
    client.cookies[COOKIE] = text
    with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
        visit(client, lambda request: request.session.get("a"))
    assert client.cookies[COOKIE].value == text


def test_no_error_report_shows_the_cookie_or_a_key(client):
    """K3."""
    visit(client, put(name="secret of the session"))
    client.raise_request_exception = False
    with override_settings(DEBUG=True):
        report = visit(client, failing).content.decode()
    assert "RuntimeError" in report
    assert COOKIE in report
    for secret in (client.cookies[COOKIE].value, NEW.reveal(), "secret of the session"):
        assert secret not in report


# The asynchronous words.


@pytest.mark.skipif(not hasattr(SessionBase, "aset"), reason="Django 4.2 has no such words")
@pytest.mark.parametrize("middleware", [OURS, DJANGOS])
def test_the_asynchronous_words_do_the_same(middleware, clock):
    async def change(request):
        session = request.session
        await session.aset("a", 1)
        await session.aset("gone", 1)
        await session.aupdate({"b": [2]})
        assert await session.apop("gone") == 1
        assert await session.apop("gone", None) is None
        assert await session.asetdefault("c", 3) == 3
        await session.aset_expiry(300)
        await session.aset_test_cookie()
        assert await session.atest_cookie_worked()
        await session.adelete_test_cookie()
        await session.acycle_key()
        await session.asave()
        assert await session.aexists("junk") is False
        assert await session.aload() == dict(await session.aitems())
        return HttpResponse()

    async def unchanged(request):
        await request.session.aset("a", 1)
        assert await request.session.aget_expiry_age() == 300
        return HttpResponse()

    async def end(request):
        await request.session.aflush()
        return HttpResponse()

    async def visits():
        client = AsyncClient()
        for view, expected in (
            (change, {"a": 1, "b": [2], "c": 3, "_session_expiry": 300}),
            (unchanged, {"a": 1, "b": [2], "c": 3, "_session_expiry": 300}),
            (end, {}),
        ):
            with override_settings(
                ROOT_URLCONF=type("Urls", (), {"urlpatterns": [path("", view)]})
            ):
                response = await client.get("/", secure=True)
            assert session_of(client) == expected
            assert (COOKIE in response.cookies) is (view is not unchanged)

    with override_settings(COOKIESESSION={"keys": NEW, "clock": clock}, MIDDLEWARE=[middleware]):
        async_to_sync(visits)()


# Our middleware.


def test_the_session_behind_djangos_is_at_hand():
    client = Client()
    visit(client, put(a=1))
    assert visit(client, lambda request: request.session.native.status).content == b"valid"
    key = visit(client, lambda request: request.session.session_key).content.decode()
    assert key == session_of(client).id


def test_there_is_no_session_key_before_there_is_data():
    """An empty session has no cookie, so a key would not last."""
    client = Client()

    def create(request):
        request.session.create()
        return request.session.session_key

    assert visit(client, create).content == b"None"
    assert COOKIE not in client.cookies
    assert visit(client, lambda request: put(a=1)(request) or create(request)).content != b"None"


def chunks_changing(session):
    yield "one"
    session["cart"].append("late")


async def asynchronous_chunks_changing(session):
    for chunk in chunks_changing(session):
        yield chunk


def changing_late(request):
    request.session["cart"] = []
    is_asynchronous = hasattr(request, "scope")
    make = asynchronous_chunks_changing if is_asynchronous else chunks_changing
    return StreamingHttpResponse(make(request.session))


def test_a_late_change_deep_inside_is_an_error_when_the_stream_ends():
    """D1."""
    response = visit(Client(), changing_late)
    with pytest.raises(SessionClosedError):
        list(response.streaming_content)


def test_a_late_change_deep_inside_is_an_error_when_the_asynchronous_stream_ends():
    """D1."""

    async def read_it():
        with override_settings(ROOT_URLCONF=page(changing_late)):
            response = await AsyncClient().get("/", secure=True)
        return [chunk async for chunk in response.streaming_content]

    with pytest.raises(SessionClosedError):
        async_to_sync(read_it)()


def test_a_file_is_left_to_the_servers_sendfile():
    with Path(__file__).open("rb") as file:
        response = SessionMiddleware(lambda _request: FileResponse(file))(RequestFactory().get("/"))
        assert response.file_to_stream is file


def test_all_attributes_leave_though_python_does_not_know_them():
    attributes = CookieAttributes(priority="high", partitioned=True)
    with override_settings(COOKIESESSION={"keys": NEW, "cookie": attributes}):
        (cookie,) = visit(Client(), put(a=1)).cookies.values()
    assert cookie.OutputString().endswith("; SameSite=Lax; Partitioned; Priority=High")
    assert cookie["samesite"] == "Lax"


def test_a_laptop_needs_no_https_and_other_hosts_get_no_session():
    development = {"keys": NEW, "development": True}
    with override_settings(
        COOKIESESSION=development, SESSION_COOKIE_NAME="session", SESSION_COOKIE_SECURE=False
    ):
        assert visit(Client(), put(a=1), HTTP_HOST="localhost:8000").cookies["session"].value
        assert not visit(Client(), put(a=1), HTTP_HOST="shop.example").cookies


def test_a_session_that_was_replaced_is_an_error():
    with pytest.raises(ConfigurationError, match="replaced"):
        visit(Client(), lambda request: setattr(request, "session", SessionStore()))


# The engine.


def test_a_look_at_a_session_that_is_due_has_it_written(clock):
    text = SessionManager(NEW, clock=clock).dumps({"a": 1})
    with override_settings(COOKIESESSION={"keys": NEW, "clock": clock}):
        assert not looked_at(text).modified
        clock.advance(2 * 86_400)
        assert not SessionStore(text).modified
        assert looked_at(text).modified


def test_a_look_at_a_session_of_an_older_key_has_it_written(clock):
    """K2."""
    text = SessionManager(OLD, clock=clock).dumps({"a": 1})
    with override_settings(COOKIESESSION={"keys": [NEW, OLD], "clock": clock}):
        assert looked_at(text).modified


def looked_at(text):
    session = SessionStore(text)
    assert session["a"] == 1
    return session


def test_a_stores_key_is_the_cookies_text():
    store = SessionStore()
    assert store.session_key is None
    assert store.is_empty()
    assert store.load() == {}
    store["a"] = 1
    store.save(must_create=True)
    assert SessionStore(store.session_key).load() == {"a": 1}
    assert store.exists(store.session_key)
    assert not store.exists("junk")
    store.delete("another")
    assert store["a"] == 1
    store.delete()
    assert store.is_empty()
    assert SessionStore.clear_expired() is None


def test_a_store_that_was_not_looked_at_says_so():
    store = SessionStore(get_manager().dumps({"a": 1}))
    assert not store.accessed
    assert not store.modified
    assert not store.is_empty()
    assert "a" in store
    assert store.accessed


def test_creating_without_a_look_begins_with_nothing():
    store = SessionStore(get_manager().dumps({"a": 1}))
    store.create()
    assert SessionStore(store.session_key).load() == {}


def test_creating_after_a_look_keeps_the_data():
    store = SessionStore()
    store["a"] = 1
    store.create()
    assert SessionStore(store.session_key).load() == {"a": 1}


def test_the_engine_never_makes_more_than_one_cookie():
    """O5."""
    with override_settings(COOKIESESSION={"keys": NEW, "max_cookies": 3}):
        store = SessionStore()
        store["a"] = random_text(4_500)
        with pytest.raises(SessionTooLarge) as error:
            store.save()
    assert error.value.largest[0][0] == "a"


# Settings.


def test_importing_needs_no_settings():
    subprocess.run([sys.executable, "-c", "import cookiesession.django"], check=True)


def test_there_is_one_manager_until_a_setting_changes():
    manager = get_manager()
    assert get_manager() is manager
    with override_settings(COOKIESESSION={"keys": OLD}):
        assert get_manager().key_id == SessionManager(OLD).key_id
    assert get_manager().key_id == SessionManager(NEW).key_id


def line(manager) -> str:
    with manager.open(Incoming()) as exchange:
        exchange.session["a"] = 1
        return exchange.headers().add[0][1]


@pytest.mark.parametrize(
    ("setting", "value", "start", "end"),
    [
        ("SESSION_COOKIE_NAME", "__Host-sid", "__Host-sid=1", "HttpOnly"),
        ("SESSION_COOKIE_NAME", "sid", "__Host-sid=1", "HttpOnly"),
        ("SESSION_COOKIE_AGE", 600, "", "; Max-Age=600; Path=/; Secure; HttpOnly"),
        ("SESSION_EXPIRE_AT_BROWSER_CLOSE", True, "", "; Path=/; Secure; HttpOnly"),
        ("SESSION_COOKIE_DOMAIN", "a.example", "session=1", "; Domain=a.example; Secure; HttpOnly"),
        ("SESSION_COOKIE_PATH", "/shop", "session=1", "; Path=/shop; Secure; HttpOnly"),
        ("SESSION_COOKIE_SECURE", False, "session=1", "; Path=/; HttpOnly"),
        ("SESSION_COOKIE_SAMESITE", "Strict", "__Host-session=1", "SameSite=Strict"),
        ("COOKIESESSION", {"keys": NEW, "name": "own"}, "__Host-own=1", "HttpOnly"),
    ],
)  # fmt: skip
def test_djangos_settings_count_where_they_are_set(setting, value, start, end):
    with override_settings(**{setting: value}):
        written = line(get_manager())
    assert written.startswith(start)
    assert written.removesuffix("; SameSite=Lax").endswith(end)
    if setting == "SESSION_EXPIRE_AT_BROWSER_CLOSE":
        assert "Max-Age" not in written


def test_the_dict_counts_before_djangos_settings():
    with override_settings(
        SESSION_COOKIE_AGE=600, COOKIESESSION={"keys": NEW, "idle_timeout": 500}
    ):
        assert "; Max-Age=500; " in line(get_manager())


@pytest.mark.parametrize(
    ("mistake", "number", "mend"),
    [
        ({"COOKIESESSION": {}}, 1, "keygen"),
        ({"COOKIESESSION": {"keys": None}}, 1, "keygen"),
        ({"COOKIESESSION": {"keys": NEW, "colour": "red"}}, 1, "colour"),
        ({"SESSION_COOKIE_AGE": 365 * 86_400}, 1, "raise absolute_timeout"),
        ({"SESSION_COOKIE_SAMESITE": None}, 1, "samesite must be"),
        ({"SESSION_COOKIE_SAMESITE": False}, 1, "samesite must be"),
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.file"}, 2, "set SESSION_ENGINE = "),
        ({"MIDDLEWARE": [OURS, DJANGOS, *OTHERS]}, 3, "one session middleware"),
        ({"SESSION_COOKIE_NAME": "sessionid"}, 4, 'SESSION_COOKIE_NAME = "__Host-sessionid"'),
        ({"MIDDLEWARE": [DJANGOS], "COOKIESESSION": {"keys": NEW, "max_cookies": 2}}, 5, OURS),
        ({"MIDDLEWARE": [DJANGOS], "SESSION_COOKIE_SECURE": False}, 6, "SESSION_COOKIE_SECURE"),
        ({"MIDDLEWARE": []}, 3, OURS),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_mend(mistake, number, mend):
    with override_settings(**mistake):
        found = [each for each in checks.run_checks() if each.id.startswith("cookiesession.")]
        assert [each.id for each in found] == [f"cookiesession.E{number:03}"]
        assert mend in found[0].msg
        if OURS in settings.MIDDLEWARE:
            with pytest.raises(ConfigurationError, match=mend):
                Client().get("/", secure=True)
