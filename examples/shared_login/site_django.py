"""A Django site with its admin: gunicorn -b 127.0.0.1:8001 site_django:app"""

import os
import sys

import django
from django.conf import settings

settings.configure(
    # The session: the same cookie, keys and namespace as in service_fastapi.py.
    SESSION_ENGINE="cookiesession.django",
    SESSION_COOKIE_NAME="__Host-session",
    COOKIESESSION={"keys": os.environ.get("SESSION_KEYS"), "namespace": "shared_login"},
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "cookiesession.django.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    # The proxy: nginx.conf sets this header whatever the visitor sent.
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
    ALLOWED_HOSTS=["localhost"],
    CSRF_COOKIE_SECURE=True,
    # The rest is as in any project with an admin; of the usual applications, sessions is missing.
    SECRET_KEY=os.environ["DJANGO_SECRET_KEY"],
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SITE_DATABASE"]}
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.admin",
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.staticfiles",
        "cookiesession.django",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    STATIC_URL="/static/",
    ROOT_URLCONF=__name__,
)
django.setup()

from django.contrib import admin
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import path

PAGE = Template("""<!doctype html><title>Shop</title>
<p>Django sees <b id="user">{{ user.username|default:"nobody" }}</b>
and in the cart <b id="cart">{{ request.session.cart|join:", "|default:"nothing" }}</b>.</p>
<form method="post" action="/api/cart/tea"><button>Add tea, with FastAPI</button></form>
<p><a href="/admin/">The admin</a>, <a href="/api/me">what FastAPI sees</a></p>
""")


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE.render(RequestContext(request)))


urlpatterns = [path("", home), path("admin/", admin.site.urls)]

if __name__ == "__main__":  # python site_django.py migrate
    execute_from_command_line(sys.argv)
else:
    app = StaticFilesHandler(get_wsgi_application())  # a real site leaves static files to nginx
