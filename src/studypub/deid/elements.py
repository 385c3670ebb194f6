"""Reads elements as they were received: little endian bytes under the VR of the Standard, whatever the sender's coding.

Values stay bytes: most of them are dropped, so nothing is decoded before a rule asks for it.
"""

import struct
from collections.abc import Iterator
from copy import copy
from typing import Final, cast

import numpy as np
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr_element, write_data_element
from pydicom.tag import BaseTag
from pydicom.values import convert_SQ

from studypub.deid.stored import BLOCK_BYTES, Blocks, Made, Stored

Element = DataElement | RawDataElement

# What reading a malformed object raises out of pydicom.
BROKEN: Final = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, InvalidDicomError, LookupError, MemoryError,
    NotImplementedError, OSError, RecursionError, TypeError, ValueError, struct.error,
)  # fmt: skip

_WIDTH: Final = {
    "US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4,
    "FD": 8, "OD": 8, "SV": 8, "UV": 8, "OV": 8, "OB": 1, "UN": 1,
}  # fmt: skip
_LONG: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_UNDEFINED: Final = 0xFFFFFFFF


def read(element: Element, source: Dataset, vr: str) -> tuple[str, bytes] | None:
    """Return VR and little endian value; None if the sender's VR cannot stand for the Standard's `vr`.

    `vr` may name several ("US or SS"). A value without VR, or with VR UN, is taken for what the Standard says.
    """
    if isinstance(element, DataElement) or element.value is None:
        return _read_decoded(element, source, vr)
    value = element.value[:]
    declared = element.VR
    if declared is None or declared == "UN":
        declared = vr[:2] if len(vr) == 2 else _choose(source, vr)
    elif not element.is_little_endian:
        value = _swapped(value, declared)
    return (_agreed(declared, vr), value) if _compatible(declared, vr) else None


def find(source: Dataset, tag: int) -> Element | None:
    """Return the element as it was received, or None."""
    return source.get_item(tag)


def value(source: Dataset, tag: int, vr: str) -> tuple[str, bytes] | None:
    """Return VR and value as `read` does; None also where the element is absent."""
    element = find(source, tag)
    return None if element is None else read(element, source, vr)


def items(element: Element, source: Dataset) -> list[Dataset] | None:
    """Return the items of a sequence, also of one under VR UN (PS3.5 6.2.2); None if it is no sequence."""
    if isinstance(element, DataElement):
        return list(element.value or []) if element.VR == "SQ" else None
    if element.VR not in {"SQ", "UN", None}:
        return None
    unknown = element.VR == "UN"
    encoding = source.original_character_set
    return list(
        convert_SQ(
            element.value[:] if element.value else b"",
            is_implicit_VR=unknown or element.is_implicit_VR,
            is_little_endian=unknown or element.is_little_endian,
            encoding=[encoding] if isinstance(encoding, str) else list(encoding),
        )
    )


def stored(element: Element) -> Stored | None:
    """Return the value if it stays where it lies; `read` and `items` fetch it nevertheless."""
    value: object = element.value
    return value if isinstance(value, Stored) else None


def blocks(element: Element, source: Dataset, vr: str) -> tuple[str, int, Blocks] | None:
    """Return VR, length and value as `read` does, the value block by block if it stays where it lies."""
    whole = stored(element)
    if whole is None or isinstance(element, DataElement):
        found = read(element, source, vr)
        return None if found is None else (found[0], len(found[1]), lambda: iter([found[1]]))

    def again() -> Iterator[bytes]:
        for place in range(0, len(whole), BLOCK_BYTES):
            found = read(element._replace(value=whole[place : place + BLOCK_BYTES]), source, vr)
            yield found[1] if found else b""

    empty = read(element._replace(value=b""), source, vr)
    return None if empty is None else (empty[0], len(whole), again)


def raw(tag: int, vr: str, value: bytes | Made) -> RawDataElement:
    """Return an element of Explicit VR Little Endian, padded to even length (PS3.5 6.2); what is made is even."""
    if isinstance(value, bytes) and len(value) % 2:
        value += b"\0" if vr == "UI" or vr in _WIDTH else b" "
    if len(value) > 0xFFFE and vr not in _LONG:
        vr = "OW" if vr in {"US", "SS"} else "UN"
    return _raw(tag, vr, len(value), value)


def fragments(tag: int, value: bytes | Made) -> RawDataElement:
    """Return an element of encapsulated pixel data (PS3.5 A.4)."""
    return _raw(tag, "OB", _UNDEFINED, value)


def _raw(tag: int, vr: str, length: int, value: bytes | Made) -> RawDataElement:
    # pydicom looks at values only when it is asked to decode them.
    whole = cast("bytes", value)
    return RawDataElement(BaseTag(tag), vr, length, whole, 0, is_implicit_VR=False, is_little_endian=True)


def written(element: DataElement, source: Dataset) -> bytes:
    """Return the whole element in Explicit VR Little Endian, text in ISO_IR 192."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    if len(element.VR) != 2:
        resolved = correct_ambiguous_vr_element(copy(element), source, is_little_endian=True)
    else:
        resolved = element
    write_data_element(buffer, resolved, ["utf8"])
    return buffer.getvalue()


def header_length(vr: str) -> int:
    """Return the bytes of tag, VR and length in Explicit VR (PS3.5 7.1.2)."""
    return 12 if vr in _LONG else 8


def width(vr: str) -> int:
    """Return the bytes of one binary number; 0 for text."""
    return _WIDTH.get(vr, 0)


def number(source: Dataset, tag: int, default: int = 0) -> int:
    """Return the first value of a US element, or the default where it is absent or no number."""
    found = value(source, tag, "US")
    return int.from_bytes(found[1][:2], "little") if found and len(found[1]) >= 2 else default


def string(source: Dataset, tag: int) -> str:
    """Return a text value as ASCII, upper case, without padding; what is not ASCII becomes question marks."""
    found = value(source, tag, "CS")
    return found[1].decode("ascii", "replace").strip(" \0").upper() if found else ""


def _read_decoded(element: Element, source: Dataset, vr: str) -> tuple[str, bytes] | None:
    decoded = element if isinstance(element, DataElement) else source[element.tag]
    if decoded.VR == "SQ" or not _compatible(decoded.VR, vr):
        return None
    if isinstance(decoded.value, bytes):
        return _agreed(decoded.VR, vr), decoded.value
    if isinstance(decoded.value, str) and decoded.value.isascii():
        return _agreed(decoded.VR, vr), decoded.value.encode()
    whole = written(decoded, source)
    declared = whole[4:6].decode()
    return _agreed(declared, vr), whole[header_length(declared) :]


def _choose(source: Dataset, vr: str) -> str:
    """Resolve "US or SS" by PixelRepresentation (PS3.5 A.1); other pairs by their last member, OW."""
    if vr == "US or SS":
        return "SS" if number(source, 0x00280103) else "US"
    return vr[-2:]


def _compatible(declared: str, vr: str) -> bool:
    if declared in vr:
        return True
    first, second = _WIDTH.get(declared[:2], 0), _WIDTH.get(vr[-2:], 0)
    return first == second and declared != "SQ" and vr != "SQ"


def _agreed(declared: str, vr: str) -> str:
    """Return the VR to write: the Standard's own, or of its several the sender's."""
    if len(vr) == 2:
        return vr
    return declared if declared in vr and len(declared) == 2 else vr[-2:]


def _swapped(value: bytes, vr: str) -> bytes:
    size = _WIDTH.get(vr, 1)
    if size == 1 or len(value) % size:
        return value
    return np.frombuffer(value, f">u{size}").astype(f"<u{size}").tobytes()
