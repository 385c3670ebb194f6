"""A short storm; `make chaos` lets a longer one pass."""

from tests.chaos.run import run


def test_f11_after_a_storm_everything_holds() -> None:
    outcome = run(seconds=15, seed=3)
    assert outcome.violations == []
    assert outcome.tasks.get("COMPLETED", 0) > 0
