"""Says in DICOM JSON (PS3.18 Annex F) what stands in a written instance, and where its frames lie in it."""

import json
import struct
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Final, NamedTuple

from pydicom.errors import BytesLengthException
from pydicom.filereader import read_dataset

from studypub.gate.elements import Bytes

# PS3.5 7.1.2: the VRs with a length of four bytes.
LONG_VRS: Final = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_HEADER: Final = struct.Struct("<HH2sH")
_LENGTH: Final = struct.Struct("<L")
_ITEM: Final = b"\xfe\xff\x00\xe0"
_UNDEFINED: Final = 0xFFFFFFFF
_PIXELS: Final = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_SYNTAX: Final = 0x00020010
_CHARACTER_SET: Final = 0x00080005
# Of longer values it is said where they are; tables of colours are shorter.
_LONGEST_VALUE: Final = 1 << 18
# A sequence cannot be pointed to (PS3.18 F.2.2); those of an image of a thousand frames are shorter.
_LONGEST_SEQUENCE: Final = 1 << 22
# PS3.18 Table F.2.3-1: the VRs whose values may stand elsewhere.
_BULK: Final = frozenset(b"DS FL FD IS LT OB OD OF OL OV OW SL SS ST SV UC UL UN US UT UV".split())
_LONGEST_KEPT: Final = 1 << 12
_MOST_KEPT: Final = 4096
# What stands before each address of a value; it can stand nowhere else in JSON.
BULK: Final = '"BulkDataURI":"'
# What the library raises over values that their VR does not allow.
_NOT_SAID: Final = (
    ArithmeticError, AttributeError, BytesLengthException, LookupError, NotImplementedError, OSError, TypeError,
    EOFError, ValueError, struct.error,
)  # fmt: skip
_DEFLATED_OR_BIG: Final = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2"})


class Frames(NamedTuple):
    """Where each frame begins in the file, and how long it is, in bytes; of native ones all are of one length."""

    begins: tuple[int, ...]
    lengths: tuple[int, ...]
    is_native: bool


class Described(NamedTuple):
    """What a viewer has to know of an instance: its JSON, transfer syntax, frames, and what it is looked up by."""

    json: bytes
    syntax: str
    frames: Frames | None
    series: str
    instance: str
    sop_class: str


class _Element(NamedTuple):
    tag: int
    begin: int
    value: int
    end: int
    length: int


class Describer:
    """Describes the instances of one publication: what many of them say alike is turned into JSON once."""

    def __init__(self) -> None:
        self._known: dict[bytes, bytes] = {}

    def describe(self, data: Bytes) -> Described:
        """Describe a file in Explicit VR Little Endian that this program has written. Raises ValueError for others."""
        try:
            return self._described(data)
        except struct.error as error:
            raise ValueError("cut off") from error

    def _described(self, data: Bytes) -> Described:
        syntax, character_set = "", b""
        members: list[bytes] = []
        texts: dict[int, str] = {}
        frames = None
        for element in _elements(data, 132, len(data)):
            length = element.end - element.value
            if element.tag in _PIXELS:
                members.append(_elsewhere(data, element, texts))
                frames = _frames(data, element, texts) if element.tag == _PIXELS[2] else None
            elif element.tag >> 16 == 2:
                syntax = _text(data, element) if element.tag == _SYNTAX else syntax
            elif length <= _LONGEST_VALUE or (length <= _LONGEST_SEQUENCE and _vr(data, element) == b"SQ"):
                content = bytes(data[element.begin : element.end])
                character_set = content if element.tag == _CHARACTER_SET else character_set
                if element.tag in _ASKED:
                    texts[element.tag] = _text(data, element)
                members.append(self._member(element.tag, character_set, content))
            else:
                members.append(_elsewhere(data, element, texts))
        if syntax in _DEFLATED_OR_BIG or not all(texts.get(tag) for tag in (_CLASS, _INSTANCE, _SERIES)):
            raise ValueError("not of ours")
        whole = b"{" + b",".join(filter(None, members)) + b"}"
        return Described(whole, syntax, frames, texts[_SERIES], texts[_INSTANCE], texts[_CLASS])

    def _member(self, tag: int, character_set: bytes, content: bytes) -> bytes:
        """Return what the JSON says of one element; nothing where it cannot be said."""
        if tag & 0xFFFF == 0:
            return b""
        key = character_set + content
        if key in self._known:
            return self._known[key]
        found = self._json(tag, character_set if tag != _CHARACTER_SET else b"", content)
        if len(content) <= _LONGEST_KEPT:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[key] = found
        return found

    def _json(self, tag: int, character_set: bytes, content: bytes) -> bytes:
        if quick := _quick_json(tag, content):
            return quick
        if content[4:6] == b"SQ":
            return self._sequence(tag, character_set, content)
        return _said(tag, character_set, content)

    def _sequence(self, tag: int, character_set: bytes, content: bytes) -> bytes:
        """Return the JSON of a sequence, made item by item: the library takes forty times the memory, and the time."""
        opening, closing = f'"{tag:08X}":{{"vr":"SQ","Value":['.encode(), b"]}"
        said, place = [], 12
        while place < len(content):
            (length,) = _LENGTH.unpack_from(content, place + 4)
            end = place + 8 + length
            if content[place : place + 4] != _ITEM or end > len(content):
                return _said(tag, character_set, content)
            item = self._item(character_set, content[place + 8 : end])
            if item is None:
                alone = content[:8] + _LENGTH.pack(end - place) + content[place:end]
                item = _said(tag, character_set, alone).removeprefix(opening).removesuffix(closing)
            if not item:
                return b""
            said.append(item)
            place = end
        return opening + b",".join(said) + closing

    def _item(self, character_set: bytes, content: bytes) -> bytes | None:
        """Return the JSON of an item, nothing where something in it cannot be said; None: the library has to see it."""
        try:
            elements = list(_elements(content, 0, len(content)))
        except (ValueError, struct.error):
            return None
        if any(map(_depends, elements)):
            return None
        members = [self._member(each.tag, character_set, content[each.begin : each.end]) for each in elements]
        return b"{" + b",".join(members) + b"}" if all(members) else b""


_CLASS: Final = 0x00080016
_INSTANCE: Final = 0x00080018
_SERIES: Final = 0x0020000E
_SAMPLES: Final = 0x00280002
_PHOTOMETRIC: Final = 0x00280004
_FRAMES: Final = 0x00280008
_ROWS: Final = 0x00280010
_COLUMNS: Final = 0x00280011
_BITS: Final = 0x00280100
_NUMBERS: Final = frozenset({_SAMPLES, _ROWS, _COLUMNS, _BITS})
_ASKED: Final = frozenset({_CLASS, _INSTANCE, _SERIES, _PHOTOMETRIC, _FRAMES}) | _NUMBERS


def _number(text: str) -> str:
    return json.dumps(float(text), allow_nan=False)


def _quoted(text: str) -> str:
    return json.dumps(text.rstrip("\0 "))


# What differs from instance to instance is mostly of these, and the library takes ten times as long.
_QUICK: Final = {b"UI": _quoted, b"IS": lambda text: str(int(text)), b"DS": _number}
_MOMENTS: Final = frozenset({b"DA", b"DT", b"TM"})
_BINARY: Final = {vr: struct.Struct(form) for vr, form in ((b"US", "<H"), (b"SS", "<h"), (b"UL", "<L"), (b"SL", "<l"))}


def _quick_json(tag: int, content: bytes) -> bytes:
    """Return the JSON of an element of a simple VR, nothing for any other."""
    vr = content[4:6]
    said = _quick_numbers(vr, content[8:]) if vr in _BINARY else _quick_texts(vr, content[8:])
    return f'"{tag:08X}":{{"vr":"{vr.decode()}","Value":[{said}]}}'.encode() if said else b""


def _quick_numbers(vr: bytes, value: bytes) -> str:
    try:
        return ",".join(str(number) for (number,) in _BINARY[vr].iter_unpack(value))
    except struct.error:  # not so many bytes
        return ""


def _quick_texts(vr: bytes, value: bytes) -> str:
    if vr in _MOMENTS and value.replace(b".", b"").rstrip(b" ").isdigit():
        return _quoted(value.decode())
    value = value.strip(b" \0")
    if vr not in _QUICK or not value.isascii() or value.startswith(b"\\") or value.endswith(b"\\") or not value:
        return ""
    try:
        return ",".join(map(_QUICK[vr], value.decode().split("\\")))
    except (ValueError, OverflowError):
        return ""


def _depends(element: _Element) -> bool:
    """Whether what it says, or what others say, depends on what stands beside it, or where it ends does."""
    is_private, is_group_length = element.tag >> 16 & 1, not element.tag & 0xFFFF
    return bool(is_private or is_group_length or element.tag == _CHARACTER_SET or element.length == _UNDEFINED)


def _said(tag: int, character_set: bytes, content: bytes) -> bytes:
    """Return what the library says of an element; nothing where it cannot."""
    dataset = read_dataset(BytesIO(character_set + content), is_implicit_VR=False, is_little_endian=True)
    try:
        said = {f"{tag:08X}": dataset[tag].to_json_dict(None, 0)}
        # Not msgspec: it knows no values of pydicom's own types.
        return json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))[1:-1].encode()
    except _NOT_SAID:
        return b""  # a value that its VR does not allow: nothing that a viewer needs


def _vr(data: Bytes, element: _Element) -> bytes:
    return bytes(data[element.begin + 4 : element.begin + 6])


def _elsewhere(data: Bytes, element: _Element, texts: Mapping[int, str]) -> bytes:
    """Return what says where a value is, seen from its series; `texts` hold which instance it is of."""
    vr = _vr(data, element)
    if vr not in _BULK:
        return b""
    place = f"{BULK}instances/{texts.get(_INSTANCE)}/bulkdata/{element.tag:08X}"
    return f'"{element.tag:08X}":{{"vr":"{vr.decode()}",{place}"}}'.encode()


def _elements(data: Bytes, place: int, end: int) -> Iterator[_Element]:
    """Yield the elements of the top level, each sequence as one; nothing after pixel data matters."""
    while place < end:
        group, number, vr, length = _HEADER.unpack_from(data, place)
        value = place + 8
        if vr in LONG_VRS:
            (length,) = _LENGTH.unpack_from(data, place + 8)
            value = place + 12
        tag = group << 16 | number
        if length == _UNDEFINED:
            if tag != _PIXELS[2]:
                raise ValueError("an undefined length")
            yield _Element(tag, place, value, end, length)
            return
        if value + length > end:
            raise ValueError("cut off")
        yield _Element(tag, place, value, value + length, length)
        place = value + length


def _text(data: Bytes, element: _Element) -> str:
    content = bytes(data[element.value : element.end])
    if element.tag in _NUMBERS:
        return str(int.from_bytes(content[:2], "little"))
    return content.decode("ascii", "replace").strip(" \0")


def _frames(data: Bytes, element: _Element, texts: dict[int, str]) -> Frames | None:
    """Return where the frames lie; None where they cannot be told apart."""
    count = int(texts.get(_FRAMES) or 1)
    if element.length == _UNDEFINED:
        return _fragments(data, element.value, element.end, count)
    samples = int(texts.get(_SAMPLES) or 1)
    if samples == 3 and texts.get(_PHOTOMETRIC) == "YBR_FULL_422":
        samples = 2
    bits = int(texts.get(_ROWS) or 0) * int(texts.get(_COLUMNS) or 0) * samples * int(texts.get(_BITS) or 0)
    size = bits // 8
    if count < 1 or not size or bits % 8 or element.value + size * count > element.end:
        return None
    return Frames(tuple(element.value + size * frame for frame in range(count)), (size,) * count, is_native=True)


def _fragments(data: Bytes, place: int, end: int, count: int) -> Frames | None:
    """Return the fragments (PS3.5 A.4) behind the offset table, where there is one for each frame."""
    found: list[tuple[int, int]] = []
    while place + 8 <= end and bytes(data[place : place + 4]) == _ITEM:
        (length,) = _LENGTH.unpack_from(data, place + 4)
        found.append((place + 8, length))
        place += 8 + length
    frames = found[1:]
    if len(frames) != count:
        return None
    return Frames(tuple(begin for begin, _ in frames), tuple(length for _, length in frames), is_native=False)
