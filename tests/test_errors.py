import pickle
import re

import pytest

from cookiesession import (
    ConfigurationError,
    CookieSessionError,
    InvalidCookie,
    SessionClosedError,
    SessionTooLarge,
    Status,
    UnsavableSession,
    errors,
)


def test_one_base_catches_whatever_the_package_raises():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type)} - {Status}
    kinds = {kind for kind in kinds if kind.__module__ == errors.__name__}
    assert kinds == {
        CookieSessionError,
        ConfigurationError,
        UnsavableSession,
        SessionTooLarge,
        SessionClosedError,
        InvalidCookie,
    }
    assert all(issubclass(kind, CookieSessionError) for kind in kinds)
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(SessionTooLarge, UnsavableSession)


def test_a_session_that_is_too_large_names_its_biggest_keys():
    error = SessionTooLarge(5_000, 4_093, [("photo", 3_000), ("cart", 700)])
    assert (error.size, error.limit, error.path) == (5_000, 4_093, "photo")
    assert error.largest == [("photo", 3_000), ("cart", 700)]
    assert "5000 characters, and 4093 fit" in str(error)
    assert "photo (3000 bytes), cart (700 bytes)" in str(error)
    assert SessionTooLarge(5_000, 4_093, []).path == ""


@pytest.mark.parametrize("reason", Status)
def test_a_refusal_says_its_reason_and_nothing_else(reason):
    error = InvalidCookie(reason)
    assert error.reason is reason
    assert str(error) == f"the cookie was refused: {reason}"
    assert re.fullmatch("[a-z_]+", reason)


def test_what_cannot_be_saved_is_named_by_its_path():
    assert str(UnsavableSession("cart[2]", "why")) == "session value cart[2] cannot be saved: why"
    assert str(UnsavableSession("", "why")) == "why"


@pytest.mark.parametrize(
    "error",
    [
        InvalidCookie(Status.EXPIRED),
        UnsavableSession("cart[0]", "it is a lock"),
        SessionTooLarge(5000, 4020, [("cart", 4000)]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_a_process_pool(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
