"""Spots what may be a clue, in one pass over the bytes, and shows what stands around it."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from studypub.gate import evidence
from studypub.gate.clue import Clue, Sight
from studypub.gate.elements import Bytes
from studypub.gate.encodings import Spelling
from studypub.gate.engine import Engine, Expression, literal
from studypub.gate.layout import Layout, Stretch

# How many bytes around a hit are shown: more than a UID of 64 characters in UTF-16.
_AROUND: Final = 160


class Spot(NamedTuple):
    """Bytes that may be a clue's, and how they were spelled; `unlikely`: worth a look among binary values."""

    clue: Clue
    begin: int
    end: int
    spelling: Spelling
    unlikely: bool


class _Owner(NamedTuple):
    """Whose a spelling is."""

    clue: Clue
    spelling: Spelling
    unlikely: bool


class _Searched:
    """Spellings made ready to be looked for, each once, with all the clues that it stands for."""

    def __init__(self, spellings: Iterable[_Owner]) -> None:
        owners: defaultdict[Expression, list[_Owner]] = defaultdict(list)
        for owner in spellings:
            owners[Expression(literal(owner.spelling.content), owner.spelling.folded)].append(owner)
        self._owners = list(owners.values())
        self._engine = Engine(list(owners))

    def spots(self, data: Bytes, begin: int, end: int) -> Iterator[Spot]:
        for number, place in self._engine.search(data, begin, end):
            for owner in self._owners[number]:
                yield from _spots(data, owner, place)


class Spotter:
    """The clues' spellings: all of them for text, the unlikely ones for binary values."""

    def __init__(self, clues: Iterable[Clue]) -> None:
        owners = [_Owner(clue, each, _is_unlikely(each)) for clue in clues for each in clue.spellings()]
        self._text = _Searched(owners)
        self._binary = _Searched(owner for owner in owners if owner.unlikely)

    def spots(self, data: Bytes, layout: Layout) -> Iterator[Spot]:
        """Yield what may be a clue's."""
        place = 0
        for stretch in layout.large():
            yield from self._text.spots(data, place, stretch.begin)
            yield from self._binary.spots(data, stretch.begin, stretch.end)
            place = stretch.end
        yield from self._text.spots(data, place, layout.size)


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


def _spots(data: Bytes, owner: _Owner, end: int) -> Iterator[Spot]:
    clue, spelling, unlikely = owner
    begin = end - len(spelling.content)
    if spelling.encoding != "utf-16":
        yield Spot(clue, begin, end, spelling, unlikely)
        return
    page = spelling.content[1:2]
    if bytes(data[end : end + 1]) == page:
        yield Spot(clue, begin, end + 1, spelling._replace(encoding="utf-16-le"), unlikely)
    if begin and bytes(data[begin - 1 : begin]) == page:
        yield Spot(clue, begin - 1, end, spelling._replace(encoding="utf-16-be"), unlikely)
