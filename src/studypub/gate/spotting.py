"""Spots what may be a clue, in one pass over the bytes, and shows what stands around it."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from studypub.gate import encodings, evidence
from studypub.gate.clue import Clue, Sight
from studypub.gate.elements import Bytes
from studypub.gate.engine import Engine, Expression, Hit, literal
from studypub.gate.identifiers import SEPARATORS, Identifier
from studypub.gate.layout import Layout, Stretch

# How many bytes around a hit are shown: more than a UID of 64 characters in UTF-16.
_AROUND: Final = 160
_GAP: Final = b"[\\x00" + b"".join(b"\\x%02x" % ord(each) for each in SEPARATORS) + b"]{0,3}"


class Spot(NamedTuple):
    """Bytes that may be a clue's, and how they were spelled."""

    clue: Clue
    begin: int
    end: int
    encoding: str
    folded: bool
    coded: bool


class _Owner(NamedTuple):
    """Whose an expression is; a `length` of 0 stands for one that varies."""

    clue: Clue
    length: int
    encoding: str
    coded: bool = False


class _Expressions:
    """Expressions, each once, with the clues that they stand for."""

    def __init__(self) -> None:
        self._owners: defaultdict[Expression, list[_Owner]] = defaultdict(list)

    def add(self, pattern: bytes, owner: _Owner, *, folded: bool) -> None:
        self._owners[Expression(pattern, folded)].append(owner)

    def engine(self) -> tuple[Engine, list[tuple[list[_Owner], bool]]]:
        return Engine(list(self._owners)), [(owners, key.folded) for key, owners in self._owners.items()]


class Spotter:
    """The clues' spellings, made ready: all of them for text, the unlikely ones for binary values."""

    def __init__(self, clues: Iterable[Clue]) -> None:
        text, binary = _Expressions(), _Expressions()
        for clue in clues:
            for spelling in _spellings(clue):
                content = spelling.content.lower() if spelling.folded else spelling.content
                owner = _Owner(clue, len(content), spelling.encoding, spelling.coded)
                text.add(literal(content), owner, folded=spelling.folded)
                if evidence.uniform_bits(content, folded=spelling.folded) >= evidence.WORTH_SEARCHING:
                    binary.add(literal(content), owner, folded=spelling.folded)
            if isinstance(clue, Identifier) and clue.core.isascii():
                grouped = _GAP.join(literal(each.encode()) for each in clue.core)
                text.add(grouped, _Owner(clue, 0, "latin-1"), folded=True)
        self._text, self._text_owners = text.engine()
        self._binary, self._binary_owners = binary.engine()

    def spots(self, data: Bytes, layout: Layout) -> Iterator[Spot]:
        """Yield what may be a clue's."""
        place = 0
        for stretch in layout.large():
            yield from self._spots(data, self._text.search(data, place, stretch.begin), self._text_owners)
            yield from self._spots(data, self._binary.search(data, stretch.begin, stretch.end), self._binary_owners)
            place = stretch.end
        yield from self._spots(data, self._text.search(data, place, layout.size), self._text_owners)

    def _spots(self, data: Bytes, hits: list[Hit], all_owners: list[tuple[list[_Owner], bool]]) -> Iterator[Spot]:
        for number, end in hits:
            owners, folded = all_owners[number]
            for owner in owners:
                begin = end - owner.length if owner.length else _begin(data, end, owner.clue)
                yield Spot(owner.clue, begin, end, owner.encoding, folded, owner.coded)


def _spellings(clue: Clue) -> Iterator[encodings.Spelling]:
    for text in clue.spellings():
        yield from encodings.spell(text)
    for text in clue.exact() if clue.origin.direct else ():
        yield from encodings.wrap(text)


def _begin(data: Bytes, end: int, clue: Clue) -> int:
    """Return where an identifier with separators begins."""
    low = max(0, end - _AROUND - 4 * len(clue.grouped.pattern) if isinstance(clue, Identifier) else end)
    found = clue.grouped.search(bytes(data[low:end]).decode("latin-1")) if isinstance(clue, Identifier) else None
    return low + found.start() if found else end


def sight(data: Bytes, spot: Spot, stretch: Stretch) -> Sight:
    """Show a spot with its neighbours of the same value, as text."""
    low, high = max(stretch.begin, spot.begin - _AROUND), min(stretch.end, spot.end + _AROUND)
    if spot.coded:
        return Sight("", "", "", stretch.place, stretch.vr)
    if spot.encoding.startswith("utf-16"):
        low += (spot.begin - low) % 2
    before, found, after = (
        unicodedata.normalize("NFC", bytes(data[begin:end]).decode(spot.encoding, "replace"))
        for begin, end in ((low, spot.begin), (spot.begin, spot.end), (spot.end, high))
    )
    return Sight(before, found, after, stretch.place, stretch.vr)
