"""What instances of a series share is de-identified once: one that is like another before it costs what differs."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple, cast

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement, empty_value_for_VR
from pydicom.dataset import FileDataset
from pydicom.tag import BaseTag

from studypub.deid import elements, encode
from studypub.deid.alike_items import AlikeItems
from studypub.deid.instance import Deidentifier, pixel_data
from studypub.deid.rewrite import value_of
from studypub.deid.walk import IMPLICIT, PIXELS, SHORT, Bytes, Found, NotWalkable, Walked, fragments, items, level, walk

# Attributes that differ from image to image of a series. No rule for another attribute looks at them, neither do the
# judgement of the instance, the description of its pixels, nor what tells a face; so each is worked out by itself.
VARYING: Final = (
    "InstanceCreationDate", "InstanceCreationTime", "SOPInstanceUID", "AcquisitionDate", "ContentDate",
    "AcquisitionDateTime", "AcquisitionTime", "ContentTime", "EchoTime", "ImagingFrequency", "TriggerTime",
    "NominalInterval", "FrameReferenceTime", "ExposureTime", "XRayTubeCurrent", "Exposure", "ExposureInuAs",
    "ExposureInmAs", "TableHeight", "TablePosition", "SAR", "EstimatedDoseSaving", "CTDIvol", "AcquisitionNumber",
    "InstanceNumber", "ImagePositionPatient", "TemporalPositionIdentifier", "SliceLocation", "ImageIndex",
    "SmallestImagePixelValue", "LargestImagePixelValue", "WindowCenter", "WindowWidth", "RescaleIntercept",
    "RescaleSlope", "ActualFrameDuration", "DecayFactor", "ReferencedImageSequence", "SourceImageSequence",
)  # fmt: skip
VARYING_TAGS: Final = frozenset(tag for keyword in VARYING if (tag := tag_for_keyword(keyword)) is not None)

_GROUP_LENGTH: Final = 0x00020000
_MEDIA_STORAGE_SOP_INSTANCE_UID: Final = 0x00020003
_SOP_INSTANCE_UID: Final = 0x00080018
_FRAME_INCREMENT_POINTER: Final = 0x00280009
# DigitalSignaturesSequence and DataSetTrailingPadding are dropped, whatever they hold.
_TRAILERS: Final = frozenset({0xFFFAFFFA, 0xFFFCFFFC})
_UNDEFINED: Final = 0xFFFFFFFF
_PREAMBLE_BYTES: Final = 128
_DELIMITER_BYTES: Final = 8
_LENGTHS: Final = {2: struct.Struct("<H"), 4: struct.Struct("<L")}
# Layouts that come in turn; a study seldom has more of them.
_MOST_EXAMPLES: Final = 16


class Followed(NamedTuple):
    """A de-identified instance, and the bytes of its file up to its pixel data; `face`: one can be rebuilt from it.

    `dataset` holds it until the next one follows, which takes its place in there. `pixels`: the bytes of the original
    with which its file ends, the value and what closes it.
    """

    dataset: FileDataset
    header: bytes
    face: bool
    pixels: tuple[int, int]


class _Values(NamedTuple):
    """An instance's own values, in the order of the slots, and where its pixels begin and what closes them ends."""

    values: list[bytes]
    pixels: tuple[int, int]


class _Slot(NamedTuple):
    """A value that is the instance's own: the bytes between it and the one before, and how long its length is."""

    before: bytes
    element: Found
    width: int


class Alike:
    """Examples of one publication's instances; one that is like none of them has to go by the rules."""

    def __init__(self) -> None:
        self._examples: list[tuple[_Example, bool]] = []

    def learn(
        self, data: Bytes, original: FileDataset, published: FileDataset, deidentifier: Deidentifier, *, face: bool
    ) -> None:
        """Take an instance for an example that was published by its header alone; `original` becomes a part of it."""
        walked = _walked(data)
        if walked is None or not _ends_with_pixels(walked) or _frames_are_told_by_what_varies(original):
            return
        example = _Example(walked, data, original, published, deidentifier)
        self._examples = [(example, face), *self._examples[: _MOST_EXAMPLES - 1]]

    def follow(self, data: Bytes) -> Followed | None:
        """Return what the rules would make of the instance; None if they have to be asked themselves."""
        for place, (example, face) in enumerate(self._examples):
            own = example.values_in(data)
            if own is None and place == 0 and example.yields_to(data):
                own = example.values_in(data)
            if own is not None:
                del self._examples[place]
                return self._followed(example, own, face=face)
        return None

    def _followed(self, example: "_Example", own: _Values, *, face: bool) -> Followed | None:
        try:
            found = example.followed_by(own.values)
        except elements.BROKEN:
            return None
        self._examples.insert(0, (example, face))
        return None if found is None else Followed(*found, face, own.pixels)


class _Example:
    """An instance as it came and as it was published, but for its pixels; each that follows takes its place."""

    def __init__(
        self, walked: Walked, data: Bytes, original: FileDataset, published: FileDataset, deidentifier: Deidentifier
    ) -> None:
        self._deidentifier = deidentifier
        self._level = deidentifier.level(original)
        self._context = deidentifier.context(original)
        self._walked = walked
        self._data = bytes(data[: walked.elements[-1].low])
        self._tags = {_GROUP_LENGTH, _MEDIA_STORAGE_SOP_INSTANCE_UID, *VARYING_TAGS, *PIXELS}
        self._slots = list(self._cut())
        self._values: dict[int, bytes] = {}
        self._items = dict(self._sequences())
        self._original = original
        self._published = published
        self._encoded = {
            int(tag): encode.element(element, published) for tag, element in published.items() if tag not in PIXELS
        }
        for tag in PIXELS:
            original.pop(tag, None)

    def _sequences(self) -> Iterator[tuple[int, AlikeItems]]:
        for tag in VARYING_TAGS & self._level.fields.keys():
            explicit = self._walked.syntax != IMPLICIT
            if items := AlikeItems.of(self._level.fields[tag], self._context, explicit=explicit):
                yield tag, items

    def _cut(self) -> Iterator[_Slot]:
        """Yield the slots, each with the bytes between it and the one before."""
        place = _PREAMBLE_BYTES
        for element in (*self._walked.meta, *self._walked.elements):
            if element.tag in self._tags:
                explicit = element.tag >> 16 == 2 or self._walked.syntax != IMPLICIT
                width = 2 if explicit and element.vr in SHORT else 4
                yield _Slot(self._data[place : element.low - width], element, width)
                place = element.high + _DELIMITER_BYTES * element.delimited

    def values_in(self, data: Bytes) -> _Values | None:
        """Return what is the instance's own; None if anything else differs."""
        place, low = _PREAMBLE_BYTES, 0
        values = []
        for before, element, width in self._slots:
            low = place + len(before) + width
            if data[place : low - width] != before or low > len(data):
                return None
            (length,) = _LENGTHS[width].unpack_from(data, low - width)
            place = low + length
            delimited = length == _UNDEFINED
            if delimited != element.delimited:
                return None
            if delimited:
                place = _end_of(data, element, low, implicit=self._walked.syntax == IMPLICIT)
            values.append(bytes(data[low:place]))
            place += _DELIMITER_BYTES * delimited
        return _Values(values, (low, place)) if self._ends_well(data, place) else None

    def _ends_well(self, data: Bytes, place: int) -> bool:
        """Whether the file ends here, or with what is dropped."""
        if place >= len(data):
            return place == len(data)
        try:
            found = level(data, place, len(data), explicit=self._walked.syntax != IMPLICIT)
        except (NotWalkable, struct.error):
            return False
        return all(element.tag in _TRAILERS for element in found)

    def yields_to(self, data: Bytes) -> bool:
        """Allow what differs to differ, if nothing but what is written for itself depends on it."""
        walked = _walked(data)
        if walked is None or _layout(walked) != _layout(self._walked):
            return False
        pairs = zip(walked.elements[:-1], self._walked.elements[:-1], strict=True)
        differing = {other for other, own in pairs if data[other.low : other.high] != self._data[own.low : own.high]}
        free = {element.tag for element in differing if self._is_free(element)}
        self._tags |= free
        self._slots = list(self._cut())
        return free | self._tags >= {element.tag for element in differing}

    def _is_free(self, element: Found) -> bool:
        """Whether the element is dropped and nobody looks at it: group lengths, and what makers add.

        Descriptions are kept free of every name in the instance, also of those in a maker's own elements.
        """
        private = bool(element.tag >> 16 & 1) and not self._context.safe_private
        return not element.delimited and (not element.tag & 0xFFFF or (private and element.vr != b"PN"))

    def followed_by(self, values: list[bytes]) -> tuple[FileDataset, bytes] | None:
        """Return the instance with these values and the bytes up to its pixels; None if the rules leave it out."""
        *others, (slot, pixels) = zip(self._slots, values, strict=True)
        for (_, element, _), value in others:
            if value != self._values.get(element.tag):
                self._values[element.tag] = value
                self._replace(_raw(element, value, self._walked.syntax))
        if not elements.string(self._original, _SOP_INSTANCE_UID):
            return None
        return self._completed(_raw(slot.element, pixels, self._walked.syntax))

    def _replace(self, element: RawDataElement) -> None:
        """Work out one value anew."""
        field = self._level.fields.get(int(element.tag))
        if field is None:
            return
        items = self._items.get(int(element.tag))
        new: elements.Element | None = items.value_of(element, self._original) if items else None
        if new is None:
            self._original[element.tag] = element
            new = value_of(field, element, self._original, self._context)
        if new is None:
            self._published.pop(element.tag, None)
            self._encoded.pop(int(element.tag), None)
        else:
            self._published[element.tag] = new
            self._encoded[int(element.tag)] = encode.element(new, self._original)

    def _completed(self, pixels: RawDataElement) -> tuple[FileDataset, bytes] | None:
        self._original[pixels.tag] = pixels
        found = pixel_data(self._original)
        del self._original[pixels.tag]
        if found is None:
            return None
        self._published[found.tag] = found
        name = elements.string(self._published, _SOP_INSTANCE_UID).encode()
        self._published.file_meta[BaseTag(_MEDIA_STORAGE_SOP_INSTANCE_UID)] = elements.raw(
            _MEDIA_STORAGE_SOP_INSTANCE_UID, "UI", name
        )
        encoded = (self._encoded[tag] for tag in sorted(self._encoded))
        return self._published, b"".join((encode.beginning(self._published), *encoded))


def _walked(data: Bytes) -> Walked | None:
    try:
        walked = walk(data)
    except NotWalkable:
        return None
    return walked._replace(elements=[each for each in walked.elements if each.tag not in _TRAILERS])


def _ends_with_pixels(walked: Walked) -> bool:
    return [each.tag in PIXELS for each in walked.elements[-2:]] == [False, True]


def _frames_are_told_by_what_varies(original: FileDataset) -> bool:
    """Whether FrameIncrementPointer, which goes with what it points to, points to something that may vary."""
    found = elements.value(original, _FRAME_INCREMENT_POINTER, "AT")
    pairs = struct.iter_unpack("<HH", found[1][: len(found[1]) // 4 * 4]) if found else ()
    return any(group << 16 | number in VARYING_TAGS for group, number in pairs)


def _layout(walked: Walked) -> tuple[str, list[tuple[int, bytes, bool]]]:
    """Return coding and elements, which alike instances share."""
    return walked.syntax, [(each.tag, each.vr, each.delimited) for each in walked.elements]


def _end_of(data: Bytes, element: Found, low: int, *, implicit: bool) -> int:
    """Return where the delimiter of a value of undefined length begins; behind all bytes if there is none."""
    try:
        if element.tag in PIXELS:
            return fragments(data, low)
        return items(data, low, explicit=not implicit and element.vr != b"UN")
    except (NotWalkable, struct.error):
        return len(data)


def _raw(element: Found, value: bytes, syntax: str) -> RawDataElement:
    """Return the element with another value, as pydicom reads it."""
    implicit = syntax == IMPLICIT
    vr = None if implicit else element.vr.decode()
    length = _UNDEFINED if element.tag in PIXELS and element.delimited else len(value)
    content = value or cast("bytes | None", empty_value_for_VR(vr, raw=True))
    return RawDataElement(BaseTag(element.tag), vr, length, content, element.low, implicit, is_little_endian=True)
