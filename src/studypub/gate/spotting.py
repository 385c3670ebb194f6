"""Spots what may be a clue, in one pass over the bytes, and shows what stands around it."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from studypub.gate import evidence
from studypub.gate.clue import TEXT, Clue, Sight
from studypub.gate.elements import Bytes
from studypub.gate.encodings import Spelling
from studypub.gate.engine import Engine, Expression, literal
from studypub.gate.layout import Layout, Stretch

# How many bytes around a hit are shown: more than a UID of 64 characters in UTF-16.
_AROUND: Final = 160


class Spot(NamedTuple):
    """Bytes that may be a clue's, and how they were spelled."""

    clue: Clue
    begin: int
    end: int
    spelling: Spelling


class _Searched:
    """Spellings made ready to be looked for, each once, with all the clues that it stands for."""

    def __init__(self, spellings: Iterable[tuple[Clue, Spelling]]) -> None:
        owners: defaultdict[Expression, list[tuple[Clue, Spelling]]] = defaultdict(list)
        for clue, spelling in spellings:
            owners[Expression(literal(spelling.content), spelling.folded)].append((clue, spelling))
        self._owners = list(owners.values())
        self._engine = Engine(list(owners))

    def spots(self, data: Bytes, begin: int, end: int) -> Iterator[Spot]:
        for number, place in self._engine.search(data, begin, end):
            for clue, spelling in self._owners[number]:
                yield from _spots(data, clue, spelling, place)


class Spotter:
    """The clues' spellings: all of them for text, the unlikely ones for binary values."""

    def __init__(self, clues: Iterable[Clue]) -> None:
        spellings = [(clue, spelling) for clue in clues for spelling in clue.spellings()]
        self._text = _Searched(spellings)
        self._binary = _Searched((clue, spelling) for clue, spelling in spellings if _is_unlikely(spelling))

    def spots(self, data: Bytes, layout: Layout) -> Iterator[tuple[Spot, Stretch]]:
        """Yield what may be a clue's, and the value that it lies in."""
        for spot in self._binary.spots(data, 0, layout.size):
            stretch = layout.at(spot.begin, spot.end)
            if stretch is not None and stretch.place not in TEXT:
                yield spot, stretch
        for begin, end in layout.around_large_values():
            for spot in self._text.spots(data, begin, end):
                stretch = layout.at(spot.begin, spot.end)
                if stretch is not None and stretch.place in TEXT:
                    yield spot, stretch


def sight(data: Bytes, spot: Spot, stretch: Stretch) -> Sight:
    """Show a spot with its neighbours of the same value, as text."""
    low, high = max(stretch.begin, spot.begin - _AROUND), min(stretch.end, spot.end + _AROUND)
    if spot.spelling.encoding.startswith("utf-16"):
        low += (spot.begin - low) % 2
    before, found, after = (
        unicodedata.normalize("NFC", bytes(data[begin:end]).decode(spot.spelling.encoding, "replace"))
        for begin, end in ((low, spot.begin), (spot.begin, spot.end), (spot.end, high))
    )
    return Sight(before, found, after, stretch.place, stretch.vr)


def _is_unlikely(spelling: Spelling) -> bool:
    return evidence.is_worth_searching(spelling.content, folded=spelling.folded)


def _spots(data: Bytes, clue: Clue, spelling: Spelling, end: int) -> Iterator[Spot]:
    begin = end - len(spelling.content)
    if spelling.encoding != "utf-16":
        yield Spot(clue, begin, end, spelling)
        return
    page = spelling.content[1:2]
    if bytes(data[end : end + 1]) == page:
        yield Spot(clue, begin, end + 1, spelling._replace(encoding="utf-16-le"))
    if begin and bytes(data[begin - 1 : begin]) == page:
        yield Spot(clue, begin - 1, end, spelling._replace(encoding="utf-16-be"))
