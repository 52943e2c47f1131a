"""What a project can get wrong, said by `manage.py check` and by the middleware when it starts."""

from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware as DjangosMiddleware
from django.core.checks import Error, Tags, register
from django.utils.module_loading import import_string

from cookiesession import ConfigurationError
from cookiesession.django.settings import get_manager
from cookiesession.django.store import SessionStore

_OURS = "cookiesession.django.SessionMiddleware"
_ONLY_OURS = {"cookie", "development", "max_cookies", "persistent"}


class CookieSessionConfig(AppConfig):
    """The application "cookiesession.django", for INSTALLED_APPS: it has nothing but checks."""

    name = "cookiesession.django"
    label = "cookiesession"

    def ready(self) -> None:
        """Register the checks."""
        register(mistakes, Tags.security)


def mistakes(**_: Any) -> list[Error]:
    """Return what is to be mended in the settings."""
    try:
        name = get_manager().cookie_name
    except ConfigurationError as error:
        return [Error(str(error), id="cookiesession.E001")]
    engine = import_module(settings.SESSION_ENGINE)
    classes = [each for each in map(import_string, settings.MIDDLEWARE) if _makes_sessions(each)]
    is_ours = any(hasattr(each, "takes_exchanges") for each in classes)
    ignored = ", ".join(sorted(_ONLY_OURS & set(settings.COOKIESESSION)))
    is_prefixed = settings.SESSION_COOKIE_NAME.startswith("__Host-")
    is_host_only = settings.SESSION_COOKIE_SECURE and settings.SESSION_COOKIE_PATH == "/"
    is_host_only = is_host_only and not settings.SESSION_COOKIE_DOMAIN
    rules = {
        'set SESSION_ENGINE = "cookiesession.django"': issubclass(
            engine.SessionStore, SessionStore
        ),
        f"have one session middleware in MIDDLEWARE: {_OURS}": len(classes) == 1,
        f'set SESSION_COOKIE_NAME = "{name}", for error reports to hide it and test clients to '
        "find it": not is_ours or name == settings.SESSION_COOKIE_NAME,
        f"use {_OURS}: Django's ignores {ignored} in COOKIESESSION": is_ours or not ignored,
        "a __Host- cookie needs SESSION_COOKIE_SECURE = True, and neither SESSION_COOKIE_PATH nor "
        "SESSION_COOKIE_DOMAIN": is_ours or is_host_only or not is_prefixed,
    }
    return [
        Error(mend, id=f"cookiesession.E{number:03}")
        for number, (mend, is_right) in enumerate(rules.items(), 2)
        if not is_right
    ]


def _makes_sessions(each: Any) -> bool:
    return isinstance(each, type) and issubclass(each, DjangosMiddleware)
