"""Says which elements identify, and as what: by the name that the Standard gave the tag, else by VR."""

import re
from enum import StrEnum
from functools import cache
from typing import Final

from pydicom.datadict import keyword_for_tag

from studypub.gate.elements import known_vr


class Kind(StrEnum):
    """What sort of identifier a value is."""

    NAME = "name"
    IDENTIFIER = "identifier"
    DATE = "date"
    UID = "uid"
    AGE = "age"
    TEXT = "text"  # about persons and places: its words tell
    DESCRIPTION = "description"  # of images and procedures: names, numbers and dates may be in it


# What a VR holds where its tag says nothing more (PS3.5 6.2). Private elements go by this.
BY_VR: Final[dict[bytes, Kind]] = {
    b"PN": Kind.NAME,
    b"UI": Kind.UID,
    b"DA": Kind.DATE,
    b"DT": Kind.DATE,
    b"AE": Kind.IDENTIFIER,
    b"AS": Kind.AGE,
    b"UR": Kind.TEXT,
    b"LO": Kind.DESCRIPTION,
    b"SH": Kind.DESCRIPTION,
    b"ST": Kind.DESCRIPTION,
    b"LT": Kind.DESCRIPTION,
    b"UT": Kind.DESCRIPTION,
    b"UC": Kind.DESCRIPTION,
    b"UN": Kind.DESCRIPTION,
}

# VRs of terms, times and numbers: what they should hold names nobody, so only text counts that they should not hold.
OF_TERMS: Final = frozenset({b"CS", b"DS", b"IS", b"TM"})
# The same of bytes: they may look like letters by chance.
OF_BYTES: Final = frozenset(
    {b"AT", b"FD", b"FL", b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SL", b"SS", b"SV", b"UL", b"US", b"UV"}
)

# What the keyword of an element with a text VR says; the first that is found in it decides.
BY_KEYWORD: Final[dict[str, Kind]] = {
    r"IDs?$|Identifier$|(Serial|Telephone|Phone|Accession|Order|Registration|Approval|Stock)Number": Kind.IDENTIFIER,
    r"MedicalRecordLocator|StationName|CodeValue|InsurancePlanIdentification|TelecomInformation": Kind.IDENTIFIER,
    r"Institution|Address|Comment|Location|History|Meaning|TextValue|Organization|OwnerName": Kind.TEXT,
    r"InAlternativeCalendar|AdmittingDiagnoses|TextString|ContactDisplayName|TopicAuthor": Kind.TEXT,
    r"Description|ContrastAgent|PreMedication|Priority": Kind.DESCRIPTION,
}
# Groups about the patient, the trial, the order and the visit: their other free text is about persons and places.
PERSONAL_GROUPS: Final = frozenset({0x0010, 0x0012, 0x0032, 0x0038, 0x0040, 0x4008})

# UIDs that name a kind of thing, a coding or a program; they are the same for many patients.
_COMMON_UIDS: Final = re.compile(
    r"SOPClass|TransferSyntax|CodingScheme|ContextUID|MappingResource|ImplementationClass|DeviceClass"
    r"|(Information|Extension)Creator|CreatorVersion"
)
# Names of programs, codings and of what was done, never of people.
_IMPERSONAL: Final = re.compile(
    r"^(SpecificCharacterSet|ImplementationVersionName|CodingSchemeDesignator|CodingSchemeVersion|CodingSchemeName"
    r"|DeidentificationMethod|Manufacturer|SoftwareVersions|MIMETypeOfEncapsulatedDocument|TimezoneOffsetFromUTC)$"
)


def meant(tag: int, vr: bytes) -> bytes:
    """Return the VR of a value; for UN what the Standard says (PS3.5 6.2.2)."""
    return known_vr(tag) if vr == b"UN" else vr


@cache
def kind_of(tag: int, vr: bytes) -> Kind | None:
    """Return what the element's value identifies by, None where it does not identify."""
    vr = meant(tag, vr)
    if vr in OF_TERMS or vr in OF_BYTES:
        return Kind.DESCRIPTION
    kind = BY_VR.get(vr)
    keyword = "" if tag >> 16 & 1 else keyword_for_tag(tag)
    if kind is None or _IMPERSONAL.search(keyword):
        return None
    if kind is Kind.UID:
        return None if _COMMON_UIDS.search(keyword) else kind
    if kind is not Kind.DESCRIPTION or not keyword:
        return kind
    by_name = next((named for expression, named in BY_KEYWORD.items() if re.search(expression, keyword)), None)
    return by_name or (Kind.TEXT if tag >> 16 in PERSONAL_GROUPS else kind)


@cache
def name_of(tag: int) -> str:
    """Return how an administrator finds the element: keyword and tag, never a value."""
    number = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
    return f"{'Private' if tag >> 16 & 1 else keyword_for_tag(tag) or 'Unknown'} {number}"
