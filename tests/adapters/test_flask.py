"""The contract for Flask, and Flask's own words: its test client and its extensions, too."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

flask = pytest.importorskip("flask")
pytestmark = pytest.mark.server

from flask import (
    Blueprint,
    Flask,
    Response,
    copy_current_request_context,
    flash,
    jsonify,
    redirect,
    render_template_string,
    request,
    session,
    stream_with_context,
)
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from markupsafe import Markup
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from cookiesession import ConfigurationError, Key, SessionClosedError, SessionManager
from cookiesession.flask import CookieSession
from tests.adapters import servers
from tests.adapters.contract import AdapterContract, apply, random_text

routes = Blueprint("contract", __name__)


@routes.post("/do")
def do():
    return jsonify(apply(session, json.loads(request.data)))


@routes.get("/read")
def read():
    return json.dumps(dict(session))  # Flask's own JSON ends with a newline


@routes.get("/untouched")
def untouched():
    return "hello"


@routes.get("/headers")
def headers():
    session["a"] = 1
    response = Response("ok", headers={"Cache-Control": "public, max-age=60"})
    response.vary.add("Accept")
    response.set_cookie("own", "1")
    return response


@routes.get("/redirect")
def to_read():
    session["a"] = 1
    return redirect("/read", 303)


@routes.get("/stream")
def stream():
    session["a"] = 1
    return iter(["one", "two", "three"])


@routes.get("/late")
def late():
    session["a"] = 1

    def body() -> Iterator[str]:
        yield "one"
        yield "two"
        session["late"] = 1
        yield "three"

    return stream_with_context(body())


@routes.get("/status-500")
def status_500():
    session["a"] = 1
    return "sorry", 500


@routes.get("/raise")
def error():
    session["a"] = 1
    raise RuntimeError("the application's own")


@routes.get("/big")
def big():
    session["big"] = random_text(20_000)
    return "never sent"


class TestFlask(AdapterContract):
    @staticmethod
    def serve(manager: SessionManager):
        app = Flask(__name__)
        app.register_blueprint(routes)
        CookieSession(app, manager)
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/mounted": app.wsgi_app})
        return servers.wsgi(app)


# Flask's own words.


@pytest.fixture
def app(manager: SessionManager) -> Flask:
    app = Flask(__name__)
    app.testing = True
    app.config["PREFERRED_URL_SCHEME"] = "https"  # the test client's URLs
    CookieSession(app, manager)
    return app


@pytest.fixture
def client(app: Flask):
    return app.test_client()


def lines(response) -> list[str]:
    return response.headers.getlist("Set-Cookie")


def test_flashed_messages_are_shown_once_with_their_categories_and_markup(app, client):
    @app.get("/flash")
    def say():
        flash(Markup("<b>saved</b>"), "good")
        flash("<i>", "bad")
        return "ok"

    @app.get("/show")
    def show():
        return render_template_string(
            "{% for category, message in get_flashed_messages(with_categories=true) %}"
            "{{ category }}:{{ message }} {% endfor %}"
        )

    client.get("/flash")
    assert client.get("/show").text == "good:<b>saved</b> bad:&lt;i&gt; "
    assert client.get("/show").text == ""


def test_permanent_is_kept_and_the_managers_lifetimes_hold(app, client, clock):
    @app.get("/login")
    def login():
        before = session.permanent
        session.permanent = True
        return jsonify(before=before, expires=session.expires.timestamp())

    @app.get("/read")
    def read():
        return jsonify(permanent=session.permanent, keys=list(session))

    response = client.get("/login")
    assert response.json == {"before": False, "expires": clock() + 14 * 86_400}
    assert "Max-Age=1209600" in lines(response)[0]
    assert client.get("/read").json == {"permanent": True, "keys": ["_permanent"]}


def test_new_modified_and_accessed_are_what_they_say(app, client):
    @app.get("/")
    def index():
        seen = [session.new, session.modified]
        session["a"] = {"nested": []}
        seen.append(session.modified)
        return jsonify(seen)

    @app.get("/nested")
    def nested():
        session["a"]["nested"].append(1)
        return jsonify([session.new, session.modified, session.accessed])

    assert client.get("/").json == [True, False, True]
    assert client.get("/nested").json == [False, True, True]
    with client.session_transaction() as kept:
        assert isinstance(kept, SessionMixin)
        assert kept["a"] == {"nested": [1]}


def test_types_come_back_as_they_were(client):
    values = {"pair": (1, 2), "raw": b"\xff", "for": timedelta(1), "html": Markup("<b>")}
    with client.session_transaction() as kept:
        kept.update(values)
    with client.session_transaction() as kept:
        assert dict(kept) == values
        assert type(kept["html"]) is Markup


def test_a_template_that_names_the_session_looks_at_it(app, client):
    @app.get("/<name>")
    def page(name):
        return render_template_string("{{ session.user }}" if name == "mine" else "for everyone")

    with client.session_transaction() as kept:
        kept["user"] = "ann"
    mine, everyones = client.get("/mine"), client.get("/everyones")
    assert (mine.text, mine.headers.get("Vary")) == ("ann", "Cookie")
    assert (everyones.text, everyones.headers.get("Vary")) == ("for everyone", None)


def test_hooks_before_and_after_a_request_may_change_the_session(app, client):
    @app.before_request
    def count():
        session["visits"] = session.get("visits", 0) + 1

    @app.after_request
    def note(response):
        session["last"] = response.status_code
        return response

    for visits in (1, 2):
        assert client.get("/missing").status_code == 404
        with client.session_transaction() as kept:
            assert dict(kept) == {"visits": visits, "last": 404}


def test_a_session_transaction_changes_what_the_next_request_sees(app, client):
    app.add_url_rule("/read", view_func=lambda: dict(session))
    with client.session_transaction() as kept:
        kept["a"] = random_text(100)
    assert client.get("/read").json == dict(kept)
    with client.session_transaction() as kept:
        kept.clear()
    assert client.get_cookie("__Host-session") is None


@pytest.mark.parametrize(("host", "kept"), [("localhost", {"a": 1}), ("example.com", {})])
def test_in_development_only_this_machine_has_sessions(make_manager, host, kept):
    app = Flask(__name__)
    CookieSession(app, make_manager(development=True))
    client = app.test_client()
    with client.session_transaction(base_url=f"http://{host}") as session:
        session["a"] = 1
    with client.session_transaction(base_url=f"http://{host}") as session:
        assert dict(session) == kept


def test_a_session_that_is_looked_at_after_the_request_is_that_of_the_request(app, client):
    app.add_url_rule("/", view_func=lambda: session.setdefault("a", "here"))
    with client:
        client.get("/")
        assert session["a"] == "here"
        with pytest.raises(SessionClosedError):
            session["a"] = "too late"


def test_a_copied_request_context_has_the_same_session(app, client):
    @app.get("/")
    def index():
        @copy_current_request_context
        def work():
            session["by"] = "worker"

        work()
        return session["by"]

    assert client.get("/").text == "worker"
    with client.session_transaction() as kept:
        assert kept["by"] == "worker"


def test_a_stream_with_context_reads_the_session(app, client):
    @app.get("/")
    def index():
        session["a"] = 1
        return stream_with_context(str(session["a"]) for _ in range(3))

    assert client.get("/").text == "111"


@pytest.mark.parametrize("how", ["set", "nested"])
def test_a_change_in_a_stream_is_an_error(app, client, how):
    """D1. Also a nested one, which only the end of the stream shows."""

    @app.get("/")
    def index():
        session["cart"] = []

        def body():
            yield "one"
            if how == "set":
                session["late"] = 1
            session["cart"].append("late")
            yield "two"

        return stream_with_context(body())

    with pytest.raises(SessionClosedError, match="late" if how == "set" else "cart"):
        client.get("/").get_data()


def test_a_teardown_that_changes_the_session_is_an_error(app, client):
    """D1. The response has started when the request is torn down."""

    @app.teardown_request
    def teardown(error):
        session["late"] = 1

    app.add_url_rule("/", view_func=lambda: "ok")
    with pytest.raises(SessionClosedError, match="late"):
        client.get("/")


def test_what_cannot_be_saved_becomes_the_applications_error_page(app, client):
    app.testing = False

    @app.get("/big")
    def big():
        session["big"] = random_text(20_000)
        return "never sent"

    @app.errorhandler(500)
    def sorry(error):
        return f"sorry: {error.original_exception}", 500

    response = client.get("/big")
    assert response.status_code == 500
    assert response.text.startswith("sorry: session value big cannot be saved: ")
    assert not lines(response)


def test_a_response_that_the_application_keeps_does_not_keep_the_cookie(app, client):
    """H4. A view may answer every visitor with one object."""
    everyones = Response("welcome")

    @app.get("/<user>")
    def index(user):
        if user != "nobody":
            session["user"] = user
        return everyones

    assert len(lines(client.get("/ann"))) == 1
    assert not lines(app.test_client().get("/nobody"))
    assert len(lines(app.test_client().get("/ben"))) == 1


def test_a_response_without_a_server_carries_the_cookie(app):
    app.add_url_rule("/", view_func=lambda: session.setdefault("a", "here"))
    with app.test_request_context("/", headers={"Cookie": "__Host-session=junk"}):
        response = app.full_dispatch_request()
    assert lines(response)[0].startswith("__Host-session=1")
    assert response.headers["Vary"] == "Cookie"
    assert response.headers["Cache-Control"] == "no-store"


# Several applications, and what may go wrong when they are set up.


def test_one_extension_serves_several_applications(manager):
    extension = CookieSession(manager=manager)
    apps = [Flask("one"), Flask("two")]
    for app in apps:
        extension.init_app(app)
        app.add_url_rule("/", view_func=lambda: session.setdefault("name", flask.current_app.name))
    client, other = (app.test_client() for app in apps)
    assert client.get("/").text == "one"
    cookie = client.get_cookie("__Host-session")
    other.set_cookie(cookie.key, cookie.value)
    assert other.get("/").text == "one"  # they share the manager, and so the session


def test_applications_with_namespaces_keep_their_sessions_apart(make_manager):
    apps = [Flask(name) for name in ("one", "two")]
    for app in apps:
        CookieSession(app, make_manager(namespace=app.name))
        app.add_url_rule("/", view_func=lambda: session.setdefault("name", flask.current_app.name))
    client, other = (app.test_client() for app in apps)
    client.get("/")
    cookie = client.get_cookie("__Host-session")
    other.set_cookie(cookie.key, cookie.value)
    assert other.get("/").text == "two"


def test_the_configuration_makes_a_manager(key):
    app = Flask(__name__)
    app.config.update(
        COOKIESESSION_KEYS=key.reveal(),
        COOKIESESSION_NAME="shop",
        COOKIESESSION_IDLE_TIMEOUT=timedelta(minutes=15),
    )
    CookieSession(app)
    app.add_url_rule("/", view_func=lambda: session.setdefault("a", "b"))
    (line,) = lines(app.test_client().get("/"))
    assert line.startswith("__Host-shop=1")
    assert "Max-Age=900;" in line


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "COOKIESESSION_KEYS.*cookiesession keygen"),
        ({"COOKIESESSION_KEYS": None}, "COOKIESESSION_KEYS.*cookiesession keygen"),
        ({"COOKIESESSION_KEYS": ""}, "cookiesession keygen"),
        ({"COOKIESESSION_KEYS": "dev"}, "cookiesession keygen"),
        ({"COOKIESESSION_KEYS": Key.generate(), "COOKIESESSION_IDEL": 1}, "idel"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_at_the_start(config, message):
    """K6. There is no implicit key."""
    app = Flask(__name__)
    app.config.update(config)
    with pytest.raises(ConfigurationError, match=message):
        CookieSession(app)


def test_what_is_not_a_manager_is_refused(key):
    with pytest.raises(ConfigurationError, match="SessionManager"):
        CookieSession(Flask(__name__), key.reveal())


def test_a_second_extension_on_one_application_is_refused(app, manager):
    with pytest.raises(ConfigurationError, match="remove one"):
        CookieSession(app, manager)


def test_an_extension_that_takes_the_place_of_ours_is_refused(app, client):
    app.session_interface = SecureCookieSessionInterface()
    with pytest.raises(ConfigurationError, match="replaced the session interface"):
        client.get("/")


# The extensions that most applications have.


@pytest.fixture
def users(app: Flask):
    """An application with Flask-Login: /login, /login?remember, /logout, /me and /fresh."""
    flask_login = pytest.importorskip("flask_login")
    app.secret_key = "for Flask-Login's own cookie"
    logins = flask_login.LoginManager(app)

    class User(flask_login.UserMixin):
        id = "ann"

    logins.user_loader(lambda name: User() if name == "ann" else None)

    @app.get("/login")
    def login():
        flask_login.login_user(User(), remember="remember" in request.args)
        return "in"

    @app.get("/logout")
    def logout():
        flask_login.logout_user()
        return "out"

    @app.get("/me")
    @flask_login.login_required
    def me():
        return flask_login.current_user.id

    @app.get("/fresh")
    @flask_login.fresh_login_required
    def fresh():
        return "fresh"

    return logins


@pytest.mark.usefixtures("users")
def test_flask_login_logs_in_and_out(client):
    assert client.get("/me").status_code == 401
    client.get("/login")
    assert client.get("/me").text == "ann"
    assert client.get("/fresh").text == "fresh"
    client.get("/logout")
    assert client.get("/me").status_code == 401
    assert client.get_cookie("__Host-session") is None


@pytest.mark.usefixtures("users")
def test_flask_login_remembers_beyond_the_session_and_knows_that_it_is_not_fresh(client):
    client.get("/login?remember")
    assert client.get_cookie("remember_token")
    client.delete_cookie("__Host-session")
    assert client.get("/me").text == "ann"
    assert client.get("/fresh").status_code == 401
    client.get("/logout")
    assert client.get_cookie("remember_token") is None
    assert client.get("/me").status_code == 401


@pytest.mark.parametrize(
    ("protection", "permanent", "statuses"),
    [
        ("basic", False, [200, 401]),
        ("strong", True, [200, 401]),
        ("strong", False, [401, 401]),
        (None, False, [200, 200]),
    ],
)
def test_flask_login_protects_a_session_that_moves(users, client, protection, permanent, statuses):
    users.session_protection = protection
    client.get("/login")
    with client.session_transaction() as kept:
        kept.permanent = permanent
    elsewhere = {"User-Agent": "another browser"}
    paths = ("/me", "/fresh")
    assert [client.get(path, headers=elsewhere).status_code for path in paths] == statuses


def test_flask_wtf_accepts_its_own_token_and_no_other(app, client):
    csrf = pytest.importorskip("flask_wtf.csrf")
    app.secret_key = "for Flask-WTF's own signature"
    csrf.CSRFProtect(app)
    app.add_url_rule("/token", view_func=csrf.generate_csrf)
    app.add_url_rule("/post", view_func=lambda: "posted", methods=["POST"])
    token = client.get("/token").text
    here = {"Referer": "https://localhost/"}
    for fields, status in (({"csrf_token": token}, 200), ({}, 400), ({"csrf_token": "x"}, 400)):
        assert client.post("/post", data=fields, headers=here).status_code == status
    stranger = app.test_client()
    assert stranger.post("/post", data={"csrf_token": token}, headers=here).status_code == 400
