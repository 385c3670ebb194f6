"""Tells by its header whether a face could be rebuilt from an image: slices of a head, thin enough for a surface."""

import re
from typing import Final

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from studypub.deid import descriptors, elements

_SLICED: Final = re.compile(r"^(enhanced-|legacy-converted-enhanced-)?(ct|mr|pet|positron-emission-tomography)(-|$)")
# Body parts whose images show the face or the skin over it (PS3.16 Annex L), and words of descriptions for them.
_BODY_PARTS: Final = frozenset(
    {
        "BRAIN", "EAR", "EYE", "FACE", "HEAD", "HEADNECK", "IAC", "JAW", "MANDIBLE", "MAXILLA", "NECKCHEST", "NOSE",
        "ORBIT", "PARANASALSINUS", "SELLA", "SINUS", "SKULL", "TMJ", "WHOLEBODY", "ZYGOMA",
    }
)  # fmt: skip
_WORDS: Final = re.compile(
    r"\b(HEAD|BRAIN|CEREBR|SKULL|CRANI|FACE|FACIAL|SINUS|ORBIT|TMJ|MANDIB|MAXILL|PITUIT|WHOLE ?BODY|NEURO|STROKE)"
    r"|ГОЛОВ|МОЗГ|ЧЕРЕП|ЛИЦЕВ|ЛИЦА|ПАЗУХ|ОРБИТ|ГЛАЗНИЦ|ГИПОФИЗ|ВНЧС|ЧЕЛЮСТ|ВСЕГО ТЕЛА|ИНСУЛЬТ"
)
# A brain as such lies within the head: codes of the head's parts (PS3.16 CID 4031 and below).
_REGIONS: Final = frozenset(
    {
        "69536005", "12738006", "774007", "89546000", "89545001", "363654007", "39607008", "2095001", "38266002",
        "T-D1100", "T-A0100", "T-D1000", "T-11100", "T-D1200", "T-22000", "T-D1460", "T-D0010",
    }
)  # fmt: skip
_THICKEST_MM: Final = 6.0

_IMAGE_TYPE: Final = 0x00080008
_BODY_PART_EXAMINED: Final = 0x00180015
_SLICE_THICKNESS: Final = 0x00180050
_ANATOMIC_REGION_SEQUENCE: Final = BaseTag(0x00082218)
_CODE_VALUE: Final = 0x00080100
_DESCRIPTIONS: Final = (0x00081030, 0x0008103E, 0x00181030, 0x00321060)


def shows_a_face(source: Dataset, iod: str) -> bool:
    """Whether the instance is part of a volume from which a face might be rebuilt; in doubt it is."""
    if not _SLICED.match(iod) or "LOCALIZER" in elements.string(source, _IMAGE_TYPE):
        return False
    return _is_thin(source) and (_part_of_head(source) or _region_of_head(source) or _named(source))


def _is_thin(source: Dataset) -> bool:
    written = elements.string(source, _SLICE_THICKNESS)
    try:
        return not written or float(written) <= _THICKEST_MM
    except ValueError:
        return True


def _part_of_head(source: Dataset) -> bool:
    return elements.string(source, _BODY_PART_EXAMINED).replace(" ", "") in _BODY_PARTS


def _region_of_head(source: Dataset) -> bool:
    element = elements.find(source, _ANATOMIC_REGION_SEQUENCE)
    received = elements.items(element, source) if element is not None else None
    return any(elements.string(item, _CODE_VALUE) in _REGIONS for item in received or [])


def _named(source: Dataset) -> bool:
    texts = (reading for tag in _DESCRIPTIONS for reading in descriptors.readings(source, tag))
    return any(_WORDS.search(text.upper()) for text in texts)
