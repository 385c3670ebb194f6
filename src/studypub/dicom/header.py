"""Finds what a data set from the network says it is, while its bytes are still arriving."""

import struct

SOP_CLASS_UID = 0x0008_0016
SOP_INSTANCE_UID = 0x0008_0018
STUDY_INSTANCE_UID = 0x0020_000D

_WANTED = (SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID)
_ITEM, _END_OF_ITEM, _END_OF_SEQUENCE = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_UNDEFINED = 0xFFFF_FFFF
# PS3.5 7.1.2: these have two reserved bytes and a length of four.
_LONG = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))
_TAG = struct.Struct("<HH")
_SHORT = struct.Struct("<HH2sH")
_SHORT_LENGTH = struct.Struct("<H")
_LONG_LENGTH = struct.Struct("<L")
_ELEMENT_HEADER = 12
# What comes before the study's UID: a real header has hundreds of elements, or some thousands of references.
_MOST_ELEMENTS = 200_000
_DEEPEST = 64
_LONGEST_UID = 256
# The study's UID is in the next group, and what is behind it ends the search.
_LAST_PLAIN = 0x0018

Bytes = bytes | bytearray | memoryview


class Unreadable(Exception):
    """These bytes are no data set, or one that nobody makes in good faith."""


class Header:
    """The identifiers at the head of a data set in little endian (PS3.5 7.1).

    It keeps its place, so that each byte is looked at once; sequences are neither decoded nor put on the stack.
    """

    def __init__(self, *, implicit: bool) -> None:
        self._implicit = [implicit]  # and whether each open sequence and item is
        self._place = 0
        self._elements = 0
        self._values: dict[int, bytes] = {}

    def read(self, head: Bytes) -> bool:
        """Go on in the bytes that have come so far; True once the study's UID lies behind. Raises Unreadable."""
        if not self._place and len(head) >= _ELEMENT_HEADER:
            # As many readers do, believe the first element more than the transfer syntax.
            vr = bytes(head[4:6])
            self._implicit = [not (vr.isalpha() and vr.isupper())]
        while self._place + _ELEMENT_HEADER <= len(head):
            if self._implicit == [False]:
                self._pass_short(head)
                if self._place + _ELEMENT_HEADER > len(head):
                    return False
            group, number = _TAG.unpack_from(head, self._place)
            tag = group << 16 | number
            if tag > STUDY_INSTANCE_UID and len(self._implicit) == 1:
                return True
            if not self._pass(tag, head):
                return False
        return False

    def uid(self, tag: int) -> str:
        """Return a UID as it stands there, whatever it is; "" where it does not."""
        return self._values.get(tag, b"").decode("latin-1").rstrip("\0 ")

    def _pass_short(self, head: Bytes) -> None:
        """Go behind what `_pass` would go behind, as far as it is plain: of a hundred elements nearly all are."""
        place, last = self._place, len(head) - _ELEMENT_HEADER
        while place <= last:
            group, number, vr, length = _SHORT.unpack_from(head, place)
            if group > _LAST_PLAIN or vr in _LONG or (group << 16 | number) in _WANTED:
                break
            place += _SHORT.size + length
            self._elements += 1
        self._place = place
        self._require_few()

    def _pass(self, tag: int, head: Bytes) -> bool:
        """Go behind an element, or into it where its length is open; False where its value has to be waited for."""
        start, length, implicit = self._measure(tag, head)
        self._elements += 1
        self._require_few()
        if tag in (_END_OF_ITEM, _END_OF_SEQUENCE):
            self._implicit.pop()
        elif length == _UNDEFINED:
            self._enter(implicit=implicit)
        elif tag in _WANTED and len(self._implicit) == 1:
            if length > _LONGEST_UID:
                raise Unreadable
            if start + length > len(head):
                return False
            self._keep(tag, bytes(head[start : start + length]))
            start += length
        else:
            start += length
        self._place = start
        return True

    def _require_few(self) -> None:
        if self._elements > _MOST_ELEMENTS:
            raise Unreadable

    def _measure(self, tag: int, head: Bytes) -> tuple[int, int, bool]:
        """Return where the value begins, its length, and whether what is in it says no VRs."""
        place, implicit = self._place, self._implicit[-1]
        if implicit or tag >> 16 == 0xFFFE:
            return place + 8, _LONG_LENGTH.unpack_from(head, place + 4)[0], implicit
        vr = bytes(head[place + 4 : place + 6])
        if vr in _LONG:
            # PS3.5 6.2.2, note 2 to UN: what is in an UN of undefined length is implicit.
            return place + 12, _LONG_LENGTH.unpack_from(head, place + 8)[0], vr == b"UN"
        return place + 8, _SHORT_LENGTH.unpack_from(head, place + 6)[0], False

    def _enter(self, *, implicit: bool) -> None:
        if len(self._implicit) > _DEEPEST:
            raise Unreadable
        self._implicit.append(implicit)

    def _keep(self, tag: int, value: bytes) -> None:
        # Two answers to one question: others may take the other one.
        if self._values.setdefault(tag, value) != value:
            raise Unreadable
