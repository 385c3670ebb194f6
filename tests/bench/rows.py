"""What a bench has to say: one row of the table."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """What was measured, what is wanted of it, what was found, and whether that is reached."""

    what: str
    goal: str
    found: str
    reached: bool


def at_most(what: str, found: float, goal: float, unit: str) -> Row:
    """Return the row of something that should be small."""
    return Row(what, f"≤ {goal:g} {unit}", f"{found:.3g} {unit}", found <= goal)


def at_least(what: str, found: float, goal: float, unit: str = "times") -> Row:
    """Return the row of something that should be large."""
    return Row(what, f"≥ {goal:g} {unit}", f"{found:.3g} {unit}", found >= goal)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value below which so many percent of them lie."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
