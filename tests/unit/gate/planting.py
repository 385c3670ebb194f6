"""Builds small DICOM files byte by byte, and gates that know what is in them."""

import struct
from collections.abc import Iterable, Mapping
from functools import cache

from studypub.gate.clues import Permitted
from studypub.gate.gate import Gate
from studypub.gate.harvest import Harvest

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG_LS = "1.2.840.10008.1.2.4.80"
SECRET_NAME = "Ковалевская^Софья^Юрьевна"
SECRET_ID = "1000001158664"
SECRET_ACCESSION = "KP125706548L"

_LONG = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})

Planted = tuple[int, str, str | bytes]


def element(tag: int, vr: str, value: str | bytes) -> bytes:
    """Return an element in Explicit VR Little Endian; text in UTF-8."""
    raw = value.encode() if isinstance(value, str) else value
    raw += b" " * (len(raw) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    return head + (struct.pack("<HL", 0, len(raw)) if vr in _LONG else struct.pack("<H", len(raw))) + raw


def sequence(tag: int, *items: bytes) -> bytes:
    """Return a sequence of items, all of unknown length."""
    content = b"".join(b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + item + b"\xfe\xff\x0d\xe0\0\0\0\0" for item in items)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    return head + b"SQ\0\0\xff\xff\xff\xff" + content + b"\xfe\xff\xdd\xe0\0\0\0\0"


def fragments(*content: bytes) -> bytes:
    """Return encapsulated pixel data with an empty offset table."""
    items = b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<L", len(each)) + each for each in (b"", *content))
    return b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + items + b"\xfe\xff\xdd\xe0\0\0\0\0"


def part10(*elements: bytes, syntax: str = EXPLICIT, meta: bytes = b"") -> bytes:
    """Return a file of elements."""
    return (
        bytes(128)
        + b"DICM"
        + element(0x00020010, "UI", syntax.encode() + b"\0" * (len(syntax) % 2))
        + meta
        + b"".join(elements)
    )


def image(pixels: bytes, *, bits: int = 16, syntax: str = EXPLICIT, text: str = "", vr: str = "LO") -> bytes:
    """Return a file that would be published: a few elements and pixel data."""
    body = element(0x00080060, "CS", "CT") + element(0x00081030, vr, text)
    body += element(0x00100010, "PN", "ANON-74PRAELIM7X5") + element(0x00280100, "US", struct.pack("<H", bits))
    data = element(0x7FE00010, "OW", pixels) if syntax == EXPLICIT else fragments(pixels)
    return part10(body, data, syntax=syntax)


def gate(
    *planted: Planted,
    known: Mapping[str, str] | None = None,
    permitted: Permitted | None = None,
    charset: str = "ISO_IR 192",
) -> Gate:
    """Return a gate that has seen one original with these elements."""
    harvest = Harvest(known or {})
    body = element(0x00080005, "CS", charset) + b"".join(element(*each) for each in planted)
    assert harvest.add(part10(body))
    return Gate(harvest, permitted)


@cache
def named(name: str) -> Gate:
    """Return a gate that knows a patient's name."""
    return gate((0x00100010, "PN", name))


def finds(searched: Gate, leak: str | bytes) -> bool:
    """Say whether the gate stops a text file with the leak in it."""
    raw = leak.encode() if isinstance(leak, str) else leak
    return bool(searched.search("README.txt", b"Lorem (" + raw + b") ipsum"))


def sources(searched: Gate, data: bytes) -> set[str]:
    """Return the origins of what is found, without tags."""
    return {finding.source.partition(" ")[0] for finding in searched.search("I0000001", data)}


def missed(searched: Gate, leaks: Iterable[str | bytes]) -> list[str | bytes]:
    """Return the leaks that the gate lets pass."""
    return [leak for leak in leaks if not finds(searched, leak)]
