"""Which images of a study are shown."""

from itertools import pairwise

import pytest

from studypub.core import sampling


@pytest.mark.parametrize(
    ("counts", "each", "total", "shown"),
    [
        ([1000], 100, 600, [100]),
        ([3, 1000, 40], 100, 600, [3, 100, 40]),
        ([0, 5], 100, 600, [0, 5]),
        ([], 100, 600, []),
        # The total does not reach: short series are shown whole, long ones share what is left.
        ([1000, 2, 1000], 100, 102, [50, 2, 50]),
        ([1000] * 10, 100, 600, [60] * 10),
        # One image of each, while there is one.
        ([9] * 4, 100, 3, [1, 1, 1, 0]),
    ],
)
def test_shares(counts: list[int], each: int, total: int, shown: list[int]) -> None:
    assert sampling.shares(counts, each, total) == shown


def test_shares_never_exceed_anything() -> None:
    for total in range(1, 40):
        for counts in ([7, 1, 30], [1] * 20, [0, 0, 9], [5, 5, 5]):
            found = sampling.shares(counts, 10, total)
            assert sum(found) == min(total, sum(min(count, 10) for count in counts))
            assert all(0 <= one <= min(count, 10) for one, count in zip(found, counts, strict=True))


@pytest.mark.parametrize(
    ("count", "shown", "places"),
    [
        (5, 9, [0, 1, 2, 3, 4]),
        (5, 5, [0, 1, 2, 3, 4]),
        (9, 3, [0, 4, 8]),
        (1000, 2, [0, 999]),
        (9, 1, [4]),
        (9, 0, []),
        (0, 0, []),
    ],
)
def test_evenly(count: int, shown: int, places: list[int]) -> None:
    assert sampling.evenly(count, shown) == places


def test_evenly_shows_every_image_once_and_leaves_no_gap() -> None:
    for count in range(2, 150):
        for shown in range(2, count + 1):
            found = sampling.evenly(count, shown)
            assert (len(found), found[0], found[-1]) == (shown, 0, count - 1)
            gaps = {later - earlier for earlier, later in pairwise(found)}
            assert max(gaps) - min(gaps) <= 1


def test_what_is_broken_off_lies_evenly() -> None:
    assert sampling.coarse_first(8) == [0, 4, 2, 6, 1, 3, 5, 7]
    for count in range(40):
        assert sorted(sampling.coarse_first(count)) == list(range(count))
