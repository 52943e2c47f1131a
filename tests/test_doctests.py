"""The examples in the docstrings: every public name has one that runs."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import cookiesession

# Django's own modules cannot be imported without settings; they are tested in tests/adapters.
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(cookiesession.__path__, "cookiesession.")
    if not module.name.startswith("cookiesession.django")
)
OPTIONS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
WITHOUT_EXAMPLE = {
    "CookieSessionError": "a base class, never raised",
    "ConfigurationError": "shown where it is raised",
    "SessionClosedError": "shown in docs/frameworks.md",
    "UnsavableSession": "shown in README.md",
    "SessionTooLarge": "shown where sizes are explained",
    "InvalidCookie": "shown at SessionManager.loads",
    "Exchange": "shown at SessionManager.open",
}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name):
    module = pytest.importorskip(name, exc_type=ImportError)
    assert doctest.testmod(module, optionflags=OPTIONS).failed == 0


def test_every_public_name_has_an_example_that_runs():
    finder = doctest.DocTestFinder(exclude_empty=True)
    without = {
        name
        for name in cookiesession.__all__
        if not any(test.examples for test in finder.find(getattr(cookiesession, name), name))
    }
    assert without == set(WITHOUT_EXAMPLE)


def test_every_public_function_says_what_it_does():
    for name in cookiesession.__all__:
        assert inspect.getdoc(getattr(cookiesession, name)), name
    for name in ("errors", "events", "asgi", "wsgi", "testing"):
        assert importlib.import_module(f"cookiesession.{name}").__doc__, name
