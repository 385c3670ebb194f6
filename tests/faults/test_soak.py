"""Bursts of work leave nothing behind in the daemon; `make soak` looks for longer, and at memory too."""

import pytest
from tests.bench.soak import soak

pytestmark = [pytest.mark.peer, pytest.mark.slow]


def test_f66_bursts_and_people_who_look_leave_no_thread_and_no_open_file() -> None:
    seen = soak(12, people=10, studies=4, instances=3)
    assert seen.errors == 0
    assert len(seen.bursts) >= 2
    half = len(seen.samples) // 2
    for name in ("threads", "files"):
        before = max(getattr(one, name) for one in seen.samples[:half])
        assert min(getattr(one, name) for one in seen.samples[half:]) <= before, name
