"""Writes Cyrillic text in the character sets that senders use, whatever they declare."""

from collections.abc import Iterator
from typing import Final

from tests.peers.corpus import canaries, codings, headers, images

from studypub.deid import elements

# What the bytes are, and what SpecificCharacterSet says.
_WRITTEN: Final = (
    ("utf-8", "ISO_IR 192"), ("utf-8", ""), ("utf-8", "ISO_IR 100"), ("iso8859-5", "ISO_IR 144"), ("iso8859-5", ""),
    ("cp1251", "ISO_IR 100"), ("cp1251", ""), ("cp1251", "ISO_IR 144"), ("koi8-r", "ISO_IR 144"),
    ("koi8-r", "ISO_IR 192"), ("cp866", ""), ("cp1251", "nonsense"),
)  # fmt: skip
_ESCAPE: Final = b"\x1b-L"
_TEXTS: Final = {
    0x00080080: "LO", 0x00080090: "PN", 0x00081010: "SH", 0x00081030: "LO", 0x0008103E: "LO", 0x00081070: "PN",
    0x00100010: "PN", 0x00101040: "LO", 0x00104000: "LT", 0x00181030: "LO", 0x00204000: "LT", 0x00321060: "LO",
}  # fmt: skip


def spelled(number: int) -> Iterator[tuple[str, bytes]]:
    """Yield a CT slice for each character set and declaration."""
    for encoding, declared in _WRITTEN:
        yield (
            f"{encoding} as {declared or 'nothing'}",
            _file(number, f"{canaries.NAME}^Анна".encode(encoding), declared),
        )
        number += 1
    extended = _ESCAPE + f"{canaries.NAME}^".encode("iso8859-5") + _ESCAPE + "Анна".encode("iso8859-5")
    yield "code extensions", _file(number, extended, "ISO 2022 IR 6\\ISO 2022 IR 144")


def _file(number: int, text: bytes, declared: str) -> bytes:
    dataset = images.image(headers.CT, number)
    dataset[0x00080005] = elements.raw(0x00080005, "CS", declared.encode())
    for tag, vr in _TEXTS.items():
        dataset[tag] = elements.raw(tag, vr, text)
    return codings.part10(dataset)
