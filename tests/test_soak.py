"""Short versions of the soak: real servers, keys that rotate, things that break."""

import sys

import pytest

from tests.soak import sources

for _package in ("gunicorn", "uvicorn"):
    pytest.importorskip(_package)
if sys.platform != "linux":
    pytest.skip("it reads /proc", allow_module_level=True)

from tests.soak import faults, rotation

pytestmark = pytest.mark.server


def fell_short(rows):
    return [row for row in rows if not row.ok]


@pytest.mark.parametrize("preload", [False, True], ids=["each loads", "preloaded"])
def test_a_rotation_under_load_loses_nothing(preload):
    """K2, K4, K5, L7."""
    assert fell_short(rotation.run(short=True, preload=preload)) == []


def test_sessions_outlive_the_server_that_keeps_the_keys():
    """K4."""
    pytest.importorskip("redis")
    if not sources.has_redis():
        pytest.skip("redis-server is not installed")
    assert fell_short(rotation.run_redis(short=True)) == []


def test_no_session_crosses_users_or_outlives_its_end_whatever_breaks():
    """G2, H4, I7, L1, L7."""
    assert fell_short(faults.run(short=True)) == []
