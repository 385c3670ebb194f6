"""What the plan of an IOD says about one attribute, and what its rule may look at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pydicom.dataset import Dataset

from studypub.deid.pseudonyms import Pseudonyms


@dataclass
class Context:
    """What the rules know beside the value: the publication's pseudonyms, the instance, its labels as numbered."""

    pseudonyms: Pseudonyms
    root: Dataset
    safe_private: bool = False
    labels: dict[tuple[int, bytes], int] = field(default_factory=dict)
    _names: frozenset[str] | None = None
    _lost_dimensions: frozenset[int] | None = None

    def number(self, tag: int, value: bytes) -> int:
        """Return 1, 2, 3 … for each distinct value of the attribute, in order of appearance."""
        return self.labels.setdefault((tag, value), 1 + sum(known == tag for known, _ in self.labels))

    def names(self, harvest: Callable[[Dataset], frozenset[str]]) -> frozenset[str]:
        """Return the words of people's names in the instance, harvested at the first call."""
        if self._names is None:
            self._names = harvest(self.root)
        return self._names

    def lost_dimensions(self, harvest: Callable[[Dataset], frozenset[int]]) -> frozenset[int]:
        """Return the places of dimensions that are not published."""
        if self._lost_dimensions is None:
            self._lost_dimensions = harvest(self.root)
        return self._lost_dimensions


# A rule returns the value to write, or None where the value received may not pass.
Rule = Callable[["Field", bytes, Dataset, Context], bytes | None]


class Level:
    """The attributes that may pass on one level; `coded` if its items are coded concepts."""

    def __init__(self) -> None:
        self.fields: dict[int, Field] = {}
        self.coded = False


class Field(NamedTuple):
    """One attribute: where its rule returns None, `fallback` is written; without fallback nothing is.

    `needed`: an item that loses this attribute is no valid item any more (Type 1, nothing true to write).
    """

    tag: int
    vr: str
    type: str
    rule: Rule
    fallback: bytes | None
    needed: bool
    below: Level | None
    vm: int


REMOVED: Final = None


def removed(_field: Field, _value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Let nothing pass."""
    return REMOVED


def kept(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Keep a sequence: each attribute inside goes by its own rule."""
    return value
