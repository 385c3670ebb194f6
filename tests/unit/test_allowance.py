"""How fast a program may ask."""

from datetime import timedelta

from studypub.web.allowance import Allowance

NONE = timedelta(0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_x22_a_burst_is_granted_and_then_the_rate() -> None:
    clock = Clock()
    allowance = Allowance(60, clock=clock)
    assert [allowance.spend("a") for _ in range(10)] == [NONE] * 10
    assert allowance.spend("a") == timedelta(seconds=1)
    assert allowance.spend("b") == NONE  # another key is not concerned
    clock.now = 1.0
    assert [allowance.spend("a"), allowance.spend("a")] == [NONE, timedelta(seconds=1)]
    clock.now = 1000.0
    assert [allowance.spend("a") for _ in range(11)] == [NONE] * 10 + [timedelta(seconds=1)]


def test_a_small_rate_grants_one_at_least() -> None:
    allowance = Allowance(1, clock=Clock())
    assert allowance.spend("a") == NONE
    assert allowance.spend("a") == timedelta(minutes=1)
