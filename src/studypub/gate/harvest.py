"""Gathers what identifies: from the original instances as they came, from C-FIND's answer and from the request."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from studypub.gate import slow_path
from studypub.gate.clue import Origin
from studypub.gate.elements import Bytes, NotWalkable, walk
from studypub.gate.kinds import BY_VR, OF_BYTES, OF_TERMS, Kind, kind_of, meant, name_of
from studypub.gate.repeats import Repeats
from studypub.gate.slow_path import Unreadable, Value

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
# PatientName, PatientID and AccessionNumber name the patient by themselves; so do the request's fields.
_DIRECT: Final = frozenset({0x00100010, 0x00100020, 0x00080050})
# A longer text is cut: its beginning tells enough. Longer values of unknown VR are a maker's own binary data.
_LONGEST: Final = 1 << 16
_LONGEST_UNKNOWN: Final = 1 << 10

KNOWN: Final[dict[str, Kind | None]] = {
    "patient_id": Kind.IDENTIFIER,
    "accession_number": Kind.IDENTIFIER,
    "emk_record_id": Kind.IDENTIFIER,
    "clinic_code": Kind.TEXT,
    "phone": Kind.IDENTIFIER,
    "patient_name": Kind.NAME,
    "birth_date": Kind.DATE,
    "study_date": Kind.DATE,
    "study_instance_uid": Kind.UID,
    "study_description": Kind.DESCRIPTION,
    "service_title": Kind.DESCRIPTION,
    "service_code": None,
    "save_till_date": None,
}
"""Fields of the request and of C-FIND's answer: what they identify by; None: they do not."""

_OF_MEASURES: Final = b"0123456789+-.eE \\"
_LONG_NUMBER: Final = re.compile(rb"(?<![\d.])\d{11}")
# A text with a word in it, in ASCII or UTF-8 with letters of two bytes.
_WORDS: Final = re.compile(
    rb"(?=.*(?:[A-Za-z]{5}|(?:[\xc3-\xd4][\x80-\xbf]){4}))(?:[\t\n\r -~]|[\xc3-\xd4][\x80-\xbf])+", re.DOTALL
)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")

Harvested = tuple[Kind, bytes, str]
"""Kind, bytes as received, declared character set."""


class Harvest:
    """Everything that identifies in one publication's originals."""

    def __init__(self, known: Mapping[str, str]) -> None:
        """`known`: the request and C-FIND's answer, by KNOWN's names or DICOM keywords; other names hold free text."""
        self._values: dict[Harvested, Origin] = {}
        # Character set declared -> tag and value: the same bytes may mean something else in another set.
        self._seen: defaultdict[str, set[tuple[int, bytes]]] = defaultdict(set)
        self._declared = ""
        self._repeats = Repeats()
        for name, text in known.items():
            kind = _kind_of_known(name)
            if kind is not None and text:
                self._values[kind, text.encode(), ""] = Origin(name, direct=name in KNOWN)

    def add(self, original: Bytes) -> bool:
        """Take what identifies in an original Part 10 file, at every depth; False if nobody can read it.

        What cannot be read must not be published. What was seen in an earlier instance costs almost nothing.
        """
        elements = self._repeats.new_in(original)
        if elements is None:
            try:
                walked = walk(original)
            except NotWalkable:
                return self._add_slowly(original)
            self._repeats.remember(original, walked)
            elements = walked.elements
            self._declared = _declared(original, elements)
        seen = self._seen[self._declared]
        new: list[Value] = []
        for tag, vr, low, high in elements:
            if high - low <= _LONGEST_UNKNOWN or (vr in BY_VR and vr != b"UN"):
                raw = bytes(original[low : min(high, low + _LONGEST)])
                if (tag, raw) not in seen:
                    new.append((tag, vr, raw))
        if new:
            self._take(new, self._declared)
        return True

    def values(self) -> Collection[tuple[Harvested, Origin]]:
        """Return what was gathered, each with where it was first met; what is new comes last."""
        return self._values.items()

    def _add_slowly(self, original: Bytes) -> bool:
        try:
            values = slow_path.read(original)
        except Unreadable:
            return False
        declared = next((raw for tag, _, raw in values if tag == _SPECIFIC_CHARACTER_SET), b"")
        short = (each for each in values if len(each[2]) <= _LONGEST_UNKNOWN or (each[1] in BY_VR and each[1] != b"UN"))
        self._take(short, declared.decode("ascii", "replace"))
        return True

    def _take(self, values: Iterable[Value], declared: str) -> None:
        for tag, vr, raw in values:
            if vr != b"UI":  # of thousands of images none has those of another; what was gathered of them is kept below
                self._seen[declared].add((tag, raw))
            kind = kind_of(tag, vr)
            content = raw.strip(b" \0")
            if kind is not None and content and _may_name(meant(tag, vr), content):
                self._values.setdefault((kind, content, declared), _origin(tag))


@cache
def _origin(tag: int) -> Origin:
    return Origin(name_of(tag), direct=tag in _DIRECT)


def _declared(data: Bytes, elements: Iterable[tuple[int, bytes, int, int]]) -> str:
    found = next((bytes(data[low:high]) for tag, _, low, high in elements if tag == _SPECIFIC_CHARACTER_SET), b"")
    return found.decode("ascii", "replace").strip(" \0")


def _may_name(vr: bytes, content: bytes) -> bool:
    """Tell text from what else stands under VRs that should hold none, and under the unknown VR."""
    if vr in OF_BYTES:
        return bool(_WORDS.fullmatch(content))
    return _is_text(content) if vr == b"UN" or vr in OF_TERMS else True


def _is_text(content: bytes) -> bool:
    """Tell text from binary data and from measures written in digits."""
    measures = not content.strip(_OF_MEASURES) and not _LONG_NUMBER.search(content)
    return not measures and not _CONTROL.search(content)


def _kind_of_known(name: str) -> Kind | None:
    if name in KNOWN:
        return KNOWN[name]
    tag = tag_for_keyword(name)
    return Kind.TEXT if tag is None else kind_of(tag, dictionary_VR(tag)[:2].encode())
