"""What a command is to look at: an application's managers, or a key ring.

    managers_of          `module:attribute`, as uvicorn and gunicorn take it -> the managers in it
    mistakes_of_django   a project's settings -> what contradicts itself in them
    ring_in              a file, a folder of secrets, or an environment variable -> its ring

Importing an application runs its code; whatever that raises is a `ConfigurationError`, whose
message repeats an error's own words only where these cannot hold a secret.
"""

import os
import sys
import traceback
from collections import deque
from collections.abc import Iterator
from functools import reduce
from importlib import import_module
from pathlib import Path
from types import CellType, ModuleType
from typing import Any, Final

from cookiesession import ConfigurationError, CookieSessionError, SessionManager
from cookiesession.keyring import LiveKeyring

RING_VARIABLE: Final = "SESSION_KEYRING"
"""The environment variable that names the key ring's file where no option does."""

_TELLS_NO_SECRET: Final = (CookieSessionError, ImportError, KeyError)
_MOST_OBJECTS: Final = 2_000

# Where applications and middlewares keep one another, and adapters their manager.
_FOLLOWED: Final = (
    *("manager", "app", "application", "wsgi_app", "asgi_app", "_app", "wrapped", "__wrapped__"),
    *("session_interface", "extensions", "user_middleware", "middleware", "middlewares"),
    *(
        "_middleware",
        "_unprepared_middleware",
        "_middleware_chain",
        "get_response",
        "_sessions",
        "request_class",
        "settings",
        "routes",
    ),
    *("args", "kwargs", "keywords", "func", "backend", "config", "__self__", "__closure__"),
)


def managers_of(target: str) -> list[SessionManager]:
    """Import what `module:attribute` names, and return every manager in it."""
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise ConfigurationError("name the application as module:attribute, as in shop.web:app")
    _import_from_here()
    found = list(dict.fromkeys(_managers_in(_attribute(_imported(module), attribute))))
    if not found:
        raise ConfigurationError(
            f"{target} has no session manager that could be found: name the SessionManager itself, "
            "as module:manager"
        )
    return found


def ring_in(path: str | None, variable: str | None) -> LiveKeyring | None:
    """Read the ring of a file or folder, or of an environment variable; None where neither is."""
    if path:
        return LiveKeyring.from_path(path, refresh_every=None)
    return LiveKeyring.from_env(variable, refresh_every=None) if variable else None


def mistakes_of_django(settings: str) -> list[str]:
    """Set a Django project up, and return what its checks of our settings say."""
    os.environ["DJANGO_SETTINGS_MODULE"] = settings
    _import_from_here()
    try:
        import_module("django").setup()
        mistakes = import_module("cookiesession.django.apps").mistakes()
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever its class: it is not ours
        shows = f'DJANGO_SETTINGS_MODULE={settings} python -c "import django; django.setup()"'
        raise guarded(f"setting up Django with {settings}", error, shows) from None
    return [mistake.msg for mistake in mistakes]


def managers_of_django() -> list[SessionManager]:
    """Return the manager of the project that was set up."""
    return [import_module("cookiesession.django.settings").get_manager()]


def guarded(what: str, error: BaseException, shows: str) -> ConfigurationError:
    """Return as one sentence what somebody else's code raised, and what shows all of it."""
    is_told = isinstance(error, _TELLS_NO_SECRET)
    words = f": {' '.join(str(error).split())}" if is_told else ""
    mend = "" if is_told else f"; to see its words, which may hold a secret: {shows}"
    frames = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f" ({Path(each.filename).name}, line {each.lineno})" for each in frames)
    return ConfigurationError(f"{what} raised {type(error).__name__}{words}{where}{mend}")


def _import_from_here() -> None:
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)


def _imported(module: str) -> ModuleType:
    try:
        return import_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever its class: it is not ours
        if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
            raise ConfigurationError(
                f"there is no module {error.name}: run this in the folder where the server starts, "
                "and in its environment"
            ) from None
        raise guarded(f"importing {module}", error, f'python -c "import {module}"') from None


def _attribute(module: ModuleType, attribute: str) -> Any:
    path = attribute.removesuffix("()")
    try:
        found: Any = reduce(getattr, path.split("."), module)
        return found() if attribute != path else found
    except AttributeError:
        raise ConfigurationError(f"{module.__name__} has no attribute {path}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  as above
        shows = f'python -c "import {module.__name__} as module; module.{attribute}"'
        raise guarded(f"{module.__name__}:{attribute}", error, shows) from None


def _managers_in(root: Any) -> Iterator[SessionManager]:
    """Walk from wrapper to wrapped, breadth first, so that the outermost manager comes first."""
    queue, seen = deque([root]), {id(root)}
    kept = [root]  # so that no id is given to two objects
    while queue and len(seen) < _MOST_OBJECTS:
        each = queue.popleft()
        if isinstance(each, SessionManager):
            yield each
            continue
        for inner in _inside(each):
            if id(inner) not in seen and not isinstance(inner, (str, bytes, int, float)):
                seen.add(id(inner))
                kept.append(inner)
                queue.append(inner)


def _inside(each: Any) -> Iterator[Any]:
    if isinstance(each, dict):
        yield from each.values()  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]
    elif isinstance(each, (list, tuple)):
        yield from each  # pyright: ignore[reportUnknownVariableType]
    elif isinstance(each, CellType):
        yield _peek(each, "cell_contents")
    elif not isinstance(each, ModuleType):
        yield from (_peek(each, name) for name in _FOLLOWED)


def _peek(each: Any, name: str) -> Any:
    try:
        return getattr(each, name, None)
    except Exception:  # noqa: BLE001  a property of somebody else's
        return None
