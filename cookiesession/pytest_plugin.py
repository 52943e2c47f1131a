"""Two fixtures for the tests of an application; pytest finds them by itself.

    session_clock     a `cookiesession.testing.Clock`
    session_manager   a manager with a key of its own and that clock; override it with your own

An application's tests usually override `session_manager` to return the manager that they test.
"""

import pytest

from cookiesession import Key, SessionManager
from cookiesession.testing import Clock


@pytest.fixture
def session_clock() -> Clock:
    """Return a clock that stands still until it is advanced."""
    return Clock()


@pytest.fixture
def session_manager(session_clock: Clock) -> SessionManager:
    """Return a manager with a fresh key, whose clock is `session_clock`."""
    return SessionManager(Key.generate(), clock=session_clock)
