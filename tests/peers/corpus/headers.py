"""Fills every attribute of an IOD, at every depth: texts, names, dates and UIDs are canaries, the rest is plausible."""

from functools import cache
from typing import Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.peers.corpus import canaries
from tests.unit.deid.corpus import repeated, vr_of

from studypub.deid import elements, tables

CT: Final = "1.2.840.10008.5.1.4.1.1.2"
_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_FRAME_INCREMENT_POINTER: Final = 0x00280009
_CODE: Final = {0x00080100: "51185008", 0x00080102: "SCT"}
_OTHER_CODES: Final = frozenset({0x00080119, 0x00080120})
_NUMBERS: Final = {
    "DS": b"1.5", "IS": b"1", "US": b"\1\0", "SS": b"\1\0", "UL": b"\1\0\0\0", "SL": b"\1\0\0\0", "AS": b"045Y",
    "FL": b"\0\0\x80?", "FD": b"\0\0\0\0\0\0\xf0?", "TM": b"101010", "AT": b"\x20\0\x32\0", "OB": b"\1\0",
    "OW": b"\1\0", "OF": b"\0\0\x80?", "UV": b"\1\0\0\0\0\0\0\0", "OV": b"\1\0\0\0\0\0\0\0", "OD": bytes(8),
}  # fmt: skip


@cache
def filled(number: int, *, hostile: bool, path: str = "") -> Dataset:
    """Return a level of an IOD, to be read only; `hostile`: terms and numbers are canaries, and no object is valid."""
    dataset = Dataset()
    entries = tables.level(number)
    coded = any(entry.tag in _CODE for entry in entries)
    for entry in entries:
        if entry.tag == _SPECIFIC_CHARACTER_SET or (coded and entry.tag in _OTHER_CODES):
            continue
        vr = vr_of(entry.tag)
        where = f"{path}{entry.tag:08X}"
        if vr == "SQ":
            # Of the ways down only the last step tells places apart: else there would be too many.
            items = [filled(entry.below, hostile=hostile, path=f"{entry.tag:08X}>")] if entry.below else []
            dataset[entry.tag] = DataElement(entry.tag, "SQ", Sequence(items))
        elif coded and entry.tag in _CODE and not hostile:
            dataset[entry.tag] = elements.raw(entry.tag, vr, _CODE[entry.tag].encode())
        else:
            dataset[entry.tag] = elements.raw(entry.tag, vr[-2:], value(entry.tag, vr, where, hostile=hostile))
    return dataset


def value(tag: int, vr: str, where: str, *, hostile: bool) -> bytes:
    """Return a value for an attribute."""
    rule = tables.values().get(tag)
    if rule is not None and vr == "UI" and rule.rule == "pass" and not hostile:
        return CT.encode()
    made = {"PN": canaries.name, "UI": canaries.uid, "DA": canaries.day, "DT": canaries.day}.get(vr)
    if made is not None:
        return made(where).encode()
    if not hostile and (vr[-2:] in _NUMBERS or vr == "CS"):
        return repeated(_NUMBERS[vr[-2:]], tag, vr) if vr != "CS" else _term(rule)
    if tag == _FRAME_INCREMENT_POINTER:  # dciodvfy crashes where it points nowhere
        return _NUMBERS["AT"]
    # Whole numbers, so that whoever checks the object gets through it.
    return canaries.word(where).encode().ljust(16 if elements.width(vr[-2:]) else 0)


def _term(rule: tables.Value | None) -> bytes:
    written = rule.rule.removeprefix("enumerated:") if rule is not None and rule.rule.startswith("enumerated:") else ""
    if written.startswith("1="):
        return b"ORIGINAL\\PRIMARY\\OTHER\\NONE"
    return b"L\\P" if written.startswith("/") else written.partition("|")[0].encode() or b"NO"
