import pytest
from tests.unit.gate.random_studies import false_alarms


@pytest.mark.parametrize("seed", range(8))
def test_what_is_published_of_anybody_is_clean(seed: int) -> None:
    assert list(false_alarms(seed)) == []


@pytest.mark.long
def test_what_is_published_of_many_is_clean() -> None:
    seeds = range(100, 130)
    assert {seed: list(false_alarms(seed)) for seed in seeds} == {seed: [] for seed in seeds}
