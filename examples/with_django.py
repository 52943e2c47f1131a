"""A shop with Django: gunicorn with_django:app"""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(
    COOKIESESSION={"keys": os.environ.get("SESSION_KEYS")},
    SESSION_ENGINE="cookiesession.django", SESSION_COOKIE_NAME="__Host-session",
    MIDDLEWARE=["cookiesession.django.SessionMiddleware"],
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__,
)


def home(request: HttpRequest) -> JsonResponse:
    return JsonResponse(dict(request.session.items()))


def login(request: HttpRequest, user: str) -> JsonResponse:
    request.session.cycle_key()
    request.session["user"] = user
    return home(request)


def add(request: HttpRequest, item: str) -> JsonResponse:
    request.session.setdefault("cart", []).append({"item": item, "quantity": 1})
    return home(request)


def logout(request: HttpRequest) -> JsonResponse:
    request.session.flush()
    return home(request)


views = {"": home, "login/<user>": login, "cart/<item>": add, "logout": logout}
urlpatterns = [path(route, view) for route, view in views.items()]
app = get_wsgi_application()
