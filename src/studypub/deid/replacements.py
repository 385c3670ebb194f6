"""Rules that write a value of our own in place of the one received."""

import re
from typing import Final

from pydicom.datadict import dictionary_has_tag, dictionary_VM
from pydicom.dataset import Dataset

from studypub.deid import elements
from studypub.deid.field import Context, Field, Rule

_COUNT: Final = re.compile(r"\d+")

# A harmless value of each VR, valid by PS3.5 6.2.
_DUMMIES: Final = {
    "AS": b"000Y",
    "AT": b"\0\0\0\0",
    "DA": b"19000101",
    "DS": b"0",
    "DT": b"19000101000000",
    "IS": b"0",
    "TM": b"000000",
    "UI": b"2.25.0",
    "US": bytes(2),
    "SS": bytes(2),
    "OW": bytes(2),
    "OB": bytes(2),
    "UL": bytes(4),
    "SL": bytes(4),
    "FL": bytes(4),
    "OF": bytes(4),
    "OL": bytes(4),
    "FD": bytes(8),
    "OD": bytes(8),
    "OV": bytes(8),
    "SV": bytes(8),
    "UV": bytes(8),
}

# Words for attributes that must say something.
WORDS: Final = {
    0x00081090: b"UNKNOWN",
    0x00181020: b"UNKNOWN",
    0x00181210: b"UNKNOWN",
    0x00189524: b"ALGORITHM",
    0x00189525: b"1",
    0x00189526: b"UNKNOWN",
    0x00240306: b"DATASET",
    0x00240307: b"1",
    0x00240308: b"UNKNOWN",
    0x00283003: b"UNSPECIFIED",
    0x00409210: b"LUT",
    0x00620009: b"ALGORITHM",
    0x00660031: b"1",
    0x00660036: b"ALGORITHM",
    0x00700080: b"CONTENT",
}


def dummy(vr: str, tag: int) -> bytes:
    """Return a value that is valid and says nothing: of numbers, as many as there must be."""
    one = WORDS.get(tag) or _DUMMIES.get(vr[-2:], b"ANON")
    if vr in {"DS", "IS"}:
        return b"\\".join([one] * _least(tag))
    return one * _least(tag) if vr[-2:] in _DUMMIES and elements.width(vr[-2:]) else one


def _least(tag: int) -> int:
    """Return the least number of values that the Standard allows (PS3.6)."""
    found = _COUNT.match(dictionary_VM(tag)) if dictionary_has_tag(tag) else None
    return int(found[0]) if found else 1


def emptied(_field: Field, _value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Leave the attribute without a value."""
    return b""


def dummied(field: Field, _value: bytes, _source: Dataset, _context: Context) -> bytes | None:
    """Write the dummy of the VR."""
    return dummy(field.vr, field.tag)


def mapped_uid(field: Field, value: bytes, _source: Dataset, context: Context) -> bytes | None:
    """Replace each UID by the publication's new one."""
    value = value.strip(b" \0")
    if not value:
        return b"" if field.type != "1" else context.pseudonyms.uid(value)
    return b"\\".join(context.pseudonyms.uid(part) for part in value.split(b"\\"))


def patient(_field: Field, _value: bytes, _source: Dataset, context: Context) -> bytes | None:
    """Write the publication's name for its patient."""
    return context.pseudonyms.patient


def numbered(prefix: bytes) -> Rule:
    """Return a rule that replaces labels by numbers, the same for the same label within the instance."""

    def rule(field: Field, value: bytes, _source: Dataset, context: Context) -> bytes | None:
        parts = value.strip(b" \0").split(b"\\")
        return b"\\".join(prefix + b"%d" % context.number(field.tag, part.strip()) for part in parts)

    return rule


def labelled(field: Field, value: bytes, _source: Dataset, context: Context) -> bytes | None:
    """Replace a label by one that is the same for it in the whole publication."""
    return context.pseudonyms.label(b"%08x" % field.tag, value)
