"""A sequence whose items differ from those before in UIDs alone costs these UIDs: the rest is what became of theirs."""

import struct
from typing import Final, NamedTuple

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from studypub.deid import elements, encode
from studypub.deid.field import Context, Field, Level, kept
from studypub.deid.replacements import mapped_uid
from studypub.deid.rewrite import FUNCTIONAL_GROUPS, item, rewrite
from studypub.deid.walk import NotWalkable, level

_ITEM: Final = b"\xfe\xff\x00\xe0"
_LENGTH: Final = struct.Struct("<L")
_HEADER_BYTES: Final = 8
_MOST_KINDS: Final = 16


class _Cut(NamedTuple):
    """An item: the UIDs that are replaced, and what stands between them, their lengths left out."""

    between: tuple[bytes, ...]
    uids: dict[int, bytes]


class _Written(NamedTuple):
    """What is written of an item: each field that is replaced with the bytes before it, and the bytes behind all."""

    fields: list[tuple[bytes, Field]]
    rest: bytes


class AlikeItems:
    """The items of one attribute, in instances that are alike: one character set, one coding."""

    def __init__(self, below: Level, context: Context, *, explicit: bool) -> None:
        self._below = below
        self._context = context
        self._explicit = explicit
        self._replaced = {tag: field for tag, field in below.fields.items() if field.rule is mapped_uid}
        self._known: dict[tuple[bytes, ...], _Written] = {}

    @classmethod
    def of(cls, field: Field, context: Context, *, explicit: bool) -> "AlikeItems | None":
        """Return them for an attribute whose items are written each by itself, None for any other."""
        if field.vr != "SQ" or field.rule is not kept or field.below is None or field.tag in FUNCTIONAL_GROUPS:
            return None
        return cls(field.below, context, explicit=explicit)

    def value_of(self, element: RawDataElement, source: Dataset) -> RawDataElement | None:
        """Return what the rules would write for a sequence with items; None: they have to be asked themselves."""
        data = element.value
        if not data or element.VR not in {"SQ", None}:
            return None
        written: list[bytes] = []
        place = 0
        try:
            while place < len(data):
                (length,) = _LENGTH.unpack_from(data, place + 4)
                end = place + _HEADER_BYTES + length
                if data[place : place + 4] != _ITEM or end > len(data):
                    return None
                new = self._item(element._replace(value=data[place:end]), source)
                if new is None:
                    return None
                written += (_ITEM, _LENGTH.pack(len(new)), new)
                place = end
        except (NotWalkable, struct.error):
            return None
        return elements.raw(int(element.tag), "SQ", b"".join(written))

    def _item(self, alone: RawDataElement, source: Dataset) -> bytes | None:
        """Return what is written of the item of a sequence that has no other; None where it goes."""
        cut = self._cut(alone.value or b"")
        written = self._known.get(cut.between) or self._learn(alone, cut, source)
        if written is None:
            return None
        parts: list[bytes] = []
        for (before, field), uid in zip(written.fields, cut.uids.values(), strict=True):
            new = field.rule(field, uid, source, self._context) or b""
            parts += (before, encode.element(elements.raw(field.tag, "UI", new), source))
        return b"".join((*parts, written.rest))

    def _cut(self, data: bytes) -> _Cut:
        between, uids, place = [], {}, _HEADER_BYTES
        width = 2 if self._explicit else 4
        for found in level(data, place, len(data), explicit=self._explicit):
            uid = data[found.low : found.high]
            if found.tag in self._replaced and found.vr in {b"UI", b""}:
                between.append(data[place : found.low - width])
                uids[found.tag] = uid
                place = found.high
        return _Cut((*between, data[place:]), uids)

    def _learn(self, alone: RawDataElement, cut: _Cut, source: Dataset) -> _Written | None:
        """Let the rules write an item, and remember what became of it if it stays."""
        (dataset,) = elements.items(alone, source) or [Dataset()]
        content, whole = rewrite(dataset, self._below, self._context)
        if not whole:
            return None
        made = item(content)
        fields, before = [], b""
        for element in sorted(made.values(), key=encode.tag):
            if element.tag in cut.uids:
                fields.append((before, self._replaced[element.tag]))
                before = b""
            else:
                before += encode.element(element, made)
        if len(self._known) >= _MOST_KINDS:
            self._known.clear()
        written = self._known[cut.between] = _Written(fields, before)
        return written
