"""Spots what may be a clue, in one pass over the bytes, and shows what stands around it."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
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


class Patterns:
    """Spellings made ready to be looked for, whosever they are: unlikely ones anywhere, the others in text alone."""

    def __init__(self, spellings: Sequence[Spelling]) -> None:
        self.spellings = spellings
        self.unlikely = evidence.are_worth_searching(map(_look, spellings))
        self.likely = [not unlikely for unlikely in self.unlikely]
        self.anywhere = _engine(compress(spellings, self.unlikely))
        self.in_text = _engine(compress(spellings, self.likely))


def _engine(spellings: Iterable[Spelling]) -> Engine:
    """Look for each once, numbered in order."""
    return Engine([Expression(literal(content), folded) for content, folded in dict.fromkeys(map(_look, spellings))])


def _look(spelling: Spelling) -> tuple[bytes, bool]:
    return spelling.content, spelling.folded


class _Searched:
    """An engine, and whose the spellings are that it looks for."""

    def __init__(self, engine: Engine, spellings: Iterable[tuple[Clue, Spelling]]) -> None:
        self._engine = engine
        owners: defaultdict[tuple[bytes, bool], list[tuple[Clue, Spelling]]] = defaultdict(list)
        for clue, spelling in spellings:
            owners[_look(spelling)].append((clue, spelling))
        self._owners = list(owners.values())

    def spots(self, data: Bytes, begin: int, end: int) -> Iterator[Spot]:
        for number, place in self._engine.search(data, begin, end):
            for clue, spelling in self._owners[number]:
                yield from _spots(data, clue, spelling, place)


class Spotter:
    """The clues' spellings, in one file after the other."""

    def __init__(self, clues: Iterable[Clue], early: "Spotter | None" = None) -> None:
        """`early`: one for some of the clues, made before; whatever of it is of use is used."""
        known = early._spelled if early else {}  # noqa: SLF001
        self._spelled: dict[int, tuple[Clue, list[Spelling]]] = {
            id(clue): known.get(id(clue)) or (clue, list(clue.spellings())) for clue in clues
        }
        found = [(clue, spelling) for clue, spellings in self._spelled.values() for spelling in spellings]
        spellings = [spelling for _, spelling in found]
        same = early is not None and early.patterns.spellings == spellings
        self.patterns: Patterns = early.patterns if early is not None and same else Patterns(spellings)
        self._anywhere = _Searched(self.patterns.anywhere, compress(found, self.patterns.unlikely))
        self._in_text = _Searched(self.patterns.in_text, compress(found, self.patterns.likely))

    def spots(self, data: Bytes, layout: Layout) -> Iterator[tuple[Spot, Stretch]]:
        """Yield what may be a clue's, and the value that it lies in."""
        for spot in self._anywhere.spots(data, 0, layout.size):
            stretch = layout.at(spot.begin, spot.end)
            if stretch is not None:
                yield spot, stretch
        for begin, end in layout.around_large_values():
            for spot in self._in_text.spots(data, begin, end):
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
