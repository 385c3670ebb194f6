"""The coded concepts that may pass: those of PS3.16; their meaning is written from here, never copied."""

import re
from typing import Final, cast

from pydicom.sr import _concepts_dict
from pydicom.sr._snomed_dict import mapping

# Stands where the IOD demands a code and the one received is not of the Standard (SNOMED CT, "Other").
OTHER: Final = ("74964007", "SCT", "Other")

_CODE_VALUE: Final = 0x00080100
_LONG_CODE_VALUE: Final = 0x00080119
_URN_CODE_VALUE: Final = 0x00080120
_SCHEME: Final = 0x00080102
_MEANING: Final = 0x00080104

VALUES: Final = (_CODE_VALUE, _LONG_CODE_VALUE, _URN_CODE_VALUE)
SCHEME: Final = _SCHEME
MEANING: Final = _MEANING

# Scheme -> keyword -> code -> meaning and context groups.
_CONCEPTS: Final = cast("dict[str, dict[str, dict[str, tuple[str, list[int]]]]]", _concepts_dict.concepts)

# SNOMED's own hint at what a concept is; PS3.16 writes meanings without it.
_SEMANTIC_TAG: Final = re.compile(r" \([a-z ]+\)$")

_MEANINGS: Final[dict[tuple[str, str], str]] = {
    (value, scheme): _SEMANTIC_TAG.sub("", text)
    for scheme, keywords in _CONCEPTS.items()
    for meanings in keywords.values()
    for value, (text, _) in meanings.items()
}
# Older objects carry SNOMED RT style codes (PS3.16 8.1); each stands for one of SNOMED CT.
_OLD_SCHEMES: Final = frozenset({"SRT", "SNM3", "99SDM"})


def meaning(value: str, scheme: str) -> str | None:
    """Return the Standard's meaning of a code, or None for a code that is not the Standard's."""
    if scheme in _OLD_SCHEMES:
        value, scheme = mapping["SRT"].get(value, ""), "SCT"
    return _MEANINGS.get((value, scheme))


def elements(value: str, scheme: str, text: str) -> dict[int, tuple[str, bytes]]:
    """Return the elements of a code item (PS3.3 8.8): tag -> VR and value."""
    tag, vr = (_CODE_VALUE, "SH") if len(value) <= 16 else (_LONG_CODE_VALUE, "UC")
    return {
        tag: (vr, value.encode()),
        _SCHEME: ("SH", scheme.encode()),
        _MEANING: ("LO", text[:64].encode()[:64]),
    }
