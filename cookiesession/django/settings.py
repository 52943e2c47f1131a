"""Django's settings -> the one manager of this process, made when it is first needed."""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.core.signals import setting_changed

from cookiesession import ConfigurationError, CookieAttributes, SessionManager

_OPTIONS: Final = {
    "name": "SESSION_COOKIE_NAME",
    "idle_timeout": "SESSION_COOKIE_AGE",
    "persistent": "SESSION_EXPIRE_AT_BROWSER_CLOSE",
}
_ATTRIBUTES: Final = {
    name: f"SESSION_COOKIE_{name.upper()}" for name in ("path", "domain", "secure", "samesite")
}
_TRANSLATIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "name": lambda name: name.removeprefix("__Host-"),
    "persistent": lambda is_dropped: not is_dropped,
    # Only "None" is a value; None and False leave the attribute out, which is refused here.
    "samesite": lambda value: value.lower() if isinstance(value, str) else value,
}


@cache
def get_manager() -> SessionManager:
    """Return the manager of COOKIESESSION and, where the project sets them, Django's settings."""
    given: dict[str, Any] | None = getattr(settings, "COOKIESESSION", None)
    if not isinstance(given, dict) or "keys" not in given:
        raise ConfigurationError(
            'add COOKIESESSION = {"keys": os.environ.get("SESSION_KEYS")} to the settings; '
            "the command cookiesession keygen makes a key"
        )
    options: dict[str, Any] = {
        "cookie": CookieAttributes(**_set_by_project(_ATTRIBUTES)),
        **_set_by_project(_OPTIONS),
        **given,
    }
    try:
        return SessionManager(**options)
    except TypeError as error:  # an option that no manager has
        raise ConfigurationError(f"COOKIESESSION: {error}") from None


@cache
def get_manager_of_one_cookie() -> SessionManager:
    """Return the manager for what Django's own middleware writes: one cookie a session."""
    longest = CookieAttributes(path="/" + 200 * "_")  # Django's may be longer than ours: Expires
    return get_manager().replace(max_cookies=1, cookie=longest)


def _set_by_project(settings_of: dict[str, str]) -> dict[str, Any]:
    return {
        option: _TRANSLATIONS.get(option, lambda value: value)(getattr(settings, setting))
        for option, setting in settings_of.items()
        if settings.is_overridden(setting)
    }


def _forget(**_: Any) -> None:
    get_manager.cache_clear()
    get_manager_of_one_cookie.cache_clear()


setting_changed.connect(_forget)  # sent by override_settings, in tests
