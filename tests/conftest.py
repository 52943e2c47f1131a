"""What all tests share: hypothesis profiles, and a manager whose clock stands still."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from cookiesession import Key, SessionManager
from cookiesession.testing import Clock

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile(
    "ci", max_examples=200, deadline=None, derandomize=True, print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.register_profile(  # once for each mutant (`tests/mutation/`), which are many
    "mutation", max_examples=10, deadline=None, derandomize=True, database=None,
    phases=[Phase.explicit, Phase.generate], suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.register_profile("nightly", max_examples=5_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forbid-skips", action="store_true", help="fail when a test was skipped")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that skipped anything, where `--forbid-skips` says so: continuous integration."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.config.getoption("forbid_skips") and reporter and reporter.stats.get("skipped"):
        reporter.write_line("tests were skipped, which --forbid-skips forbids", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


NOW = 1_800_000_000
"""The time at which tests take place, in Unix seconds: 2027-01-15 08:00 UTC."""


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


@pytest.fixture
def key() -> Key:
    return Key.generate()


@pytest.fixture
def make_manager(key: Key, clock: Clock) -> Callable[..., SessionManager]:
    """Make managers that share one key and one clock, unless told otherwise."""

    def make(keys: Any = None, **settings: Any) -> SessionManager:
        return SessionManager(keys or key, **{"clock": clock, **settings})

    return make


@pytest.fixture
def manager(make_manager: Callable[..., SessionManager]) -> SessionManager:
    return make_manager()
