"""Which images of a long series are shown, where not all can be."""

from collections.abc import Sequence


def shares(counts: Sequence[int], each: int, total: int) -> list[int]:
    """Return how many images of each series are shown: no more than `each`, and no more than `total` together.

    Where the total does not reach, long series give before short ones do; a series shows one image at least as long as
    there is one for each.
    """
    wanted = [min(count, each) for count in counts]
    given = [0] * len(counts)
    left = total
    # From the shortest on, each may take an equal part of what is left.
    order = sorted(range(len(counts)), key=wanted.__getitem__)
    for place, series in enumerate(order):
        given[series] = min(wanted[series], -(-left // (len(order) - place)))
        left -= given[series]
    return given


def evenly(count: int, shown: int) -> list[int]:
    """Return the places, from 0 on, of so many images out of `count`: the first, the last, and between them evenly."""
    if shown >= count:
        return list(range(count))
    if shown == 1:
        return [count // 2]
    return [place * (count - 1) // (shown - 1) for place in range(shown)]


def coarse_first(count: int) -> list[int]:
    """Return the places of so many images in an order in which they can be drawn: whenever it ends, they lie evenly."""
    step = 1
    while step < count:
        step *= 2
    found = [0] if count else []
    while step > 1:
        found += range(step // 2, count, step)
        step //= 2
    return found
