"""One row of what a PACS answers to C-FIND: an identifier (PS3.4 C.4.1.1.3.2) as it came over the wire."""

import re
import struct
import zlib
from functools import cached_property
from io import BytesIO

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.dsutils import decode

from studypub.deid.walk import SHORT, Found, NotWalkable, level

# What pydicom raises over bytes that are no data set; zlib where they were deflated.
_UNREADABLE = (OSError, EOFError, ValueError, LookupError, TypeError, NotImplementedError, struct.error, zlib.error)
_UIDS = {
    keyword: tag_for_keyword(keyword)
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
}
_PLAIN_UID = re.compile(rb"[0-9.]*")
_CHARACTER_SET = tag_for_keyword("SpecificCharacterSet")
# What pydicom does not choke on (PS3.3 C.12.1.1.2).
_PLAIN_CHARACTER_SET = re.compile(rb"[A-Z0-9_ \\]*")
_VRS = dict.fromkeys(_UIDS.values(), frozenset({b"UI"})) | {_CHARACTER_SET: frozenset({b"CS"})}
# pydicom takes the length of a longer first element for a VR, and what is so long is no row of a list.
_LONGEST = 0x4141


class Row:
    """What is asked for is read: UIDs, of which a list has thousands, as they stand there, all else by pydicom."""

    def __init__(self, content: bytes, syntax: UID) -> None:
        """Take a row; raise what pydicom raises where it cannot be read."""
        self._content, self._syntax = content, syntax
        self._uids = _plain_uids(content, syntax)
        if self._uids is None:
            self.dataset  # noqa: B018 - to be read now

    @cached_property
    def dataset(self) -> Dataset:
        """All of it, as pydicom reads it."""
        syntax = self._syntax
        return decode(BytesIO(self._content), syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)

    def text(self, keyword: str) -> str:
        """Return a value as text without its padding; several values are joined by backslashes."""
        if self._uids is not None and keyword in _UIDS:
            uid = self._uids.get(_UIDS[keyword], b"").rstrip(b"\0 ")
            if _PLAIN_UID.fullmatch(uid):
                return uid.decode("ascii")
        value = self.dataset.get(keyword)
        if value is None:
            return ""
        # A person's name is no list, though pydicom lets one walk over its characters.
        parts = list(value) if isinstance(value, MultiValue) else [value]
        return "\\".join(str(part).strip(" \x00") for part in parts)


def read(content: bytes, syntax: UID) -> Row | None:
    """Return a row; None where it cannot be read."""
    try:
        return Row(content, syntax)
    except _UNREADABLE:
        return None


def _plain_uids(content: bytes, syntax: UID) -> dict[int | None, bytes] | None:
    """Return the values of the UIDs in a row that is flat and by the Standard; None where pydicom has to look."""
    if syntax not in (ImplicitVRLittleEndian, ExplicitVRLittleEndian) or len(content) >= _LONGEST:
        return None
    is_explicit = syntax == ExplicitVRLittleEndian
    try:
        found = level(content, 0, len(content), explicit=is_explicit)
    except (NotWalkable, struct.error):
        return None
    if not all(_is_plain(each, content, is_explicit=is_explicit) for each in found):
        return None
    return {each.tag: content[each.low : each.high] for each in found}


def _is_plain(element: Found, content: bytes, *, is_explicit: bool) -> bool:
    known = not is_explicit or element.vr in _VRS.get(element.tag, SHORT)
    if element.tag == _CHARACTER_SET and not _PLAIN_CHARACTER_SET.fullmatch(content, element.low, element.high):
        return False
    return known and not element.delimited
