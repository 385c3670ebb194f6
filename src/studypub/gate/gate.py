"""The gate: searches every byte to be published for every spelling of every identifier that was harvested."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from studypub.gate import evidence, excuses, layout
from studypub.gate.clue import Clue, Extent, Origin, Place, Sight
from studypub.gate.clues import Maker, Permitted
from studypub.gate.elements import Bytes, NotWalkable
from studypub.gate.harvest import Harvest
from studypub.gate.identifiers import significant
from studypub.gate.layout import Layout, Layouts, Stretch
from studypub.gate.spotting import Spot, Spotter, sight

# Codes and their meanings (PS3.3 8.8): short words are many there.
_CODES: Final = frozenset({0x00080100, 0x00080102, 0x00080103, 0x00080104, 0x00080119, 0x00080120})
# What others may be like, or say again: a directory is one of its kind, and so is each text of some length.
_MOST_KEPT: Final = 50_000  # elements
_LONGEST_KEPT: Final = 1 << 12  # bytes
_JPEG: Final = b"\xff\xd8\xff"  # ITU-T T.81 B.2.1
_WORD: Final = re.compile(r"[^\W_]+")
_ASCII: Final = bytes(range(128))
_ASCII_SEPARATORS: Final = bytes(byte for byte in _ASCII if not chr(byte).isalnum())


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """An identifier in what was to be published: the member and where in it, the element or field it came from.

    It never holds the identifier itself. `spelling` says how it was written: an encoding, base64, hex.
    """

    member: str
    offset: int
    source: str
    kind: str
    spelling: str


class Gate:
    r"""Searches what is to be published for what was harvested; one gate serves one publication and one thread.

    How to drive it: `harvest = Harvest(known)`; `harvest.add(file)` for every original instance that the publication
    may hold (where it returns False, leave that instance out); `gate = Gate(harvest, permitted)`; then `search` for
    every member before it is compressed, and once for the names of all members
    (`gate.search("names", "\n".join(names).encode())`). Any finding forbids the publication: raise PhiSuspected.
    """

    def __init__(self, harvest: Harvest, permitted: Permitted | None = None, early: "Gate | None" = None) -> None:
        """`early`: one made before all was harvested; what is looked for by both is made ready once."""
        self._permitted = permitted or Permitted()
        known = early._maker if early and early._maker.is_for(harvest, self._permitted) else None  # noqa: SLF001
        self._maker: Maker = known or Maker(harvest, self._permitted)
        self._clues = self._maker.clues()
        self._identifiers = self._clues.identifiers()
        self._spotter: Spotter = Spotter(self._clues.anywhere.values(), early._spotter if early else None)  # noqa: SLF001
        self._innocent = frozenset(word.lower() for word in self._permitted.words or ())
        self._layouts = Layouts()
        self._harmless: set[tuple[int, bytes]] = set()

    def search(self, member: str, data: Bytes) -> list[Finding]:
        """Return what was found in a member's bytes (uncompressed), in order; nothing else is clean.

        A file that says it is DICOM and cannot be walked is a finding itself: nobody can vouch for it.
        """
        if bytes(data[128:132]) != b"DICM":
            whole = layout.picture if bytes(data[:3]) == _JPEG else layout.plain
            return self._findings(member, data, whole(data))
        try:
            plan, walked = self._layouts.of_part10(data)
        except NotWalkable:
            return [Finding(member, 0, "", "unreadable", "")]
        findings = self._findings(member, data, plan)
        if walked is not None and not findings and len(walked.elements) <= _MOST_KEPT:
            self._layouts.keep(data, walked, plan)
        return findings

    def _findings(self, member: str, data: Bytes, plan: Layout) -> list[Finding]:
        return sorted({*self._anywhere(member, data, plan), *self._in_values(member, data, plan)})

    def _anywhere(self, member: str, data: Bytes, plan: Layout) -> Iterator[Finding]:
        for spot, stretch in self._spotter.spots(data, plan):
            extent = _confirmed(data, spot, stretch, plan.widths)
            if extent is None or excuses.is_term(data, stretch):
                continue
            if not excuses.is_within(data, spot.begin, spot.end, self._permitted.texts):
                yield _finding(member, spot.begin, extent.origin or spot.clue.origin, spot.clue, spot.spelling.encoding)

    def _in_values(self, member: str, data: Bytes, plan: Layout) -> Iterator[Finding]:
        """Look through free text, value by value, for what no search for bytes can find."""
        for begin, end, place, tag, vr in plan.stretches:
            if place is not Place.FREE or tag in _CODES:
                continue
            value = bytes(data[begin:end])
            if (tag, value) in self._harmless:
                continue
            clues = list(self._clues_in(value, vr))
            yield from (_finding(member, begin, clue.origin, clue, "words") for clue in clues)
            if not clues and len(value) <= _LONGEST_KEPT:
                self._harmless.add((tag, value))

    def _clues_in(self, value: bytes, vr: bytes) -> Iterator[Clue]:
        """Yield what is too short to be looked for anywhere, as whole words, and numbers with separators anywhere."""
        for permitted in self._permitted.texts:
            value = value.replace(permitted, b" ")
        text = value.decode("utf-8", "replace").lower()
        for word in {*_WORD.findall(text), significant(text)} if vr else ():
            clue = self._clues.words.get(word)
            if clue is not None and (vr == b"PN" or len(word) > 2) and word not in self._innocent:
                yield clue
        joined = squeezed(text)
        for identifier in self._identifiers:
            if identifier.core in joined and any(
                identifier.confirm(Sight(text[: found.start()], found[0], text[found.end() :], Place.FREE, vr))
                for found in identifier.grouped.finditer(text)
            ):
                yield identifier


def squeezed(text: str) -> str:
    """Return the digits and letters of a text alone; what tells a viewer of many images is long."""
    content = text.encode().translate(None, _ASCII_SEPARATORS)
    for other in set(content.translate(None, _ASCII).decode()):
        if not other.isalnum():
            content = content.replace(other.encode(), b"")
    return content.decode()


def _confirmed(data: Bytes, spot: Spot, stretch: Stretch, widths: frozenset[int]) -> Extent | None:
    """Return what belongs to a spot if it is no chance likeness: by its neighbours in text, by its length elsewhere."""
    coded = spot.spelling.coded
    seen = Sight("", "", "", stretch.place) if coded else sight(data, spot, stretch)
    extent = Extent() if coded else spot.clue.confirm(seen)
    if extent is None or not seen.is_binary:
        return extent
    encoding = spot.spelling.encoding
    before = seen.before[len(seen.before) - extent.before :].encode(encoding)
    after = seen.after[: extent.after].encode(encoding)
    content = bytes(data[spot.begin - len(before) : spot.end + len(after)])
    folded, doubt, place = spot.spelling.folded, extent.doubt, stretch.place
    sure = all(evidence.is_evidence(content, place, folded=folded, width=width, doubt=doubt) for width in widths)
    return extent if sure else None


def _finding(member: str, offset: int, origin: Origin, clue: Clue, spelling: str) -> Finding:
    return Finding(member, offset, origin.source, clue.kind.value, spelling)
