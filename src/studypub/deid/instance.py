"""De-identifies one instance: judged by its header, written anew from what its plan lets pass."""

from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import FileDataset
from pydicom.tag import BaseTag

from studypub.deid import codes, codestream, dimensions, elements, encode, frames, tables
from studypub.deid.classify import classify
from studypub.deid.field import Context, Level
from studypub.deid.plan import compile_plan
from studypub.deid.profile import CLEAN_PIXEL_DATA, Profile
from studypub.deid.pseudonyms import Pseudonyms
from studypub.deid.reasons import Reason
from studypub.deid.rewrite import Written, item, rewrite, sequence

_SOP_CLASS_UID: Final = 0x00080016
_SOP_INSTANCE_UID: Final = 0x00080018
_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_PATIENT_NAME: Final = 0x00100010
_PATIENT_ID: Final = 0x00100020
_PATIENT_IDENTITY_REMOVED: Final = 0x00120062
_DEIDENTIFICATION_METHOD: Final = 0x00120063
_DEIDENTIFICATION_METHOD_CODE_SEQUENCE: Final = 0x00120064
_LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED: Final = 0x00280303
_BURNED_IN_ANNOTATION: Final = 0x00280301
_MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"
_EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Kept:
    """A new instance that holds nothing of the original but what the profile lets pass."""

    dataset: FileDataset


@dataclass(frozen=True)
class LeftOut:
    """An instance that cannot be made safe by rules."""

    reason: Reason


class Deidentifier:
    """One publication's de-identification: a profile, and a key that makes its pseudonyms consistent and secret."""

    def __init__(self, profile: Profile, key: bytes, subject: str = "") -> None:
        """`key`: 32 random bytes; `subject` tells patients apart where one key serves several."""
        self._profile = profile
        self._pseudonyms = Pseudonyms(key, subject)

    def instance(self, original: FileDataset) -> Kept | LeftOut:
        """Return the instance as it may be published, or why it may not; `original` stays as it is."""
        try:
            reason = objection(original)
            return LeftOut(reason) if reason else self.header(original)
        except elements.BROKEN:
            return LeftOut(Reason.BROKEN)

    def header(self, original: FileDataset, *, searched: bool = False) -> Kept | LeftOut:
        """Return the instance with its header rewritten, whatever its pixels show.

        `searched`: its pixels were searched for text, and none is left. Raises what reading a malformed object raises
        (elements.BROKEN).
        """
        syntax = _syntax(original)
        if syntax not in encode.ENCAPSULATED | encode.NATIVE:
            return LeftOut(Reason.UNSUPPORTED_CODING)
        if syntax in encode.ENCAPSULATED - {codestream.RLE} and frames.has_overlay_in_samples(original):
            return LeftOut(Reason.UNSUPPORTED_CODING)
        content, _ = rewrite(original, self.level(original), self.context(original))
        self._add_identity(content, searched=searched)
        dimensions.drop_dangling_pointer(content)
        dataset = self.completed(content, original)
        return LeftOut(Reason.BROKEN) if dataset is None else Kept(dataset)

    def level(self, original: FileDataset) -> Level:
        """Return the plan for the instance's IOD."""
        return compile_plan(self._profile, tables.sop_classes()[elements.string(original, _SOP_CLASS_UID)].iod)

    def context(self, original: FileDataset) -> Context:
        """Return what the rules may look at beside a value."""
        return Context(self._pseudonyms, original, safe_private="safe_private" in self._profile.options)

    def completed(self, content: Written, original: FileDataset) -> FileDataset | None:
        """Return the new instance, with the original's pixel data; None where they are absent or not whole."""
        found = pixel_data(original)
        if found is None:
            return None
        content[found.tag] = found
        if frames.lost_description(original, content):
            return None
        dataset = _file(content)
        sop_class = elements.string(original, _SOP_CLASS_UID)
        sop_instance = elements.string(dataset, _SOP_INSTANCE_UID)
        dataset.file_meta = encode.file_meta(sop_class, sop_instance, _syntax(original))
        return dataset

    @property
    def days(self) -> int:
        """By how many days the publication's dates lie earlier; 0 where the profile keeps no dates."""
        return self._pseudonyms.days if self._profile.dates == "MODIFIED" else 0

    def uid(self, original: str) -> str:
        """Return the publication's UID for an original one."""
        return self._pseudonyms.uid(original.encode("ascii", "replace")).decode()

    def _add_identity(self, content: Written, *, searched: bool) -> None:
        """Say that and how it was done (PS3.15 E.1.1)."""
        method = f"StudyPublicator, {self._profile.name}, PS3.15 2026d".encode()
        values = {
            _SPECIFIC_CHARACTER_SET: ("CS", b"ISO_IR 192"),
            _PATIENT_NAME: ("PN", self._pseudonyms.patient),
            _PATIENT_ID: ("LO", self._pseudonyms.patient),
            _PATIENT_IDENTITY_REMOVED: ("CS", b"YES"),
            _DEIDENTIFICATION_METHOD: ("LO", method),
            _LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED: ("CS", self._profile.dates.encode()),
        }
        if searched:
            values[_BURNED_IN_ANNOTATION] = ("CS", b"NO")
        content.update({BaseTag(tag): elements.raw(tag, vr, value) for tag, (vr, value) in values.items()})
        content[BaseTag(_DEIDENTIFICATION_METHOD_CODE_SEQUENCE)] = self._claims(searched=searched)

    def _claims(self, *, searched: bool) -> DataElement:
        claims = []
        for claim in (*self._profile.claims, *([CLEAN_PIXEL_DATA] if searched else [])):
            found = codes.elements(claim.value, claim.scheme, claim.meaning)
            claims.append(item({BaseTag(tag): elements.raw(tag, vr, value) for tag, (vr, value) in found.items()}))
        return sequence(_DEIDENTIFICATION_METHOD_CODE_SEQUENCE, claims)


def pixel_data(original: FileDataset) -> RawDataElement | None:
    """Return the original's pixel data as they may be published; None where they are absent or not whole."""
    syntax = _syntax(original)
    if syntax in encode.ENCAPSULATED:
        return frames.encapsulated(original, syntax)
    return frames.native(original, next((tag for tag in frames.TAGS if tag in original), frames.PIXEL_DATA))


def objection(original: FileDataset) -> Reason | None:
    """Return why the instance may not be published unseen, None if it may; by its header alone.

    Raises what reading a malformed object raises (elements.BROKEN).
    """
    if original.file_meta.get("MediaStorageSOPClassUID") == _MEDIA_STORAGE_DIRECTORY:
        return Reason.MEDIA_DIRECTORY
    sop_class = elements.string(original, _SOP_CLASS_UID)
    if not sop_class or not elements.string(original, _SOP_INSTANCE_UID):
        return Reason.BROKEN
    return classify(original, sop_class)


def _syntax(original: FileDataset) -> str:
    return str(getattr(original.file_meta, "TransferSyntaxUID", _EXPLICIT_VR_LITTLE_ENDIAN))


def _file(content: Written) -> FileDataset:
    ordered = dict(sorted(content.items(), key=lambda pair: int(pair[0])))
    dataset = FileDataset(BytesIO(), ordered, bytes(128), is_implicit_VR=False, is_little_endian=True)
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding="utf8")
    return dataset
