"""Hides canaries where no attribute of an IOD is: private blocks, overlays, padding, file meta, unknown groups."""

import struct
from typing import Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID
from tests.peers.corpus import canaries

from studypub.deid import elements

_TEXT_VRS: Final = ("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "CS", "OB", "UN")
_ITEM: Final = b"\xfe\xff\0\xe0"


def everywhere(dataset: FileDataset) -> None:
    """Hide canaries in all these places of an image."""
    private(dataset, "root")
    request, reference = Dataset(), Dataset()
    request.ReferencedStudySequence = Sequence([reference])
    private(reference, "two levels down")
    dataset.RequestAttributesSequence = Sequence([request])
    drawings(dataset)
    leftovers(dataset)
    container(dataset)


def private(dataset: Dataset, where: str) -> None:
    """Hide some in private blocks: creators, every VR of text, a sequence, a sequence under UN, binary data."""
    creator = canaries.word(f"private creator, {where}")
    dataset[0x00090010] = elements.raw(0x00090010, "LO", creator.encode())
    for number, vr in enumerate(_TEXT_VRS):
        tag = 0x00091000 + number
        dataset[tag] = elements.raw(tag, vr, canaries.word(f"private {vr}, {where}").encode())
    inner = Dataset()
    inner.PatientName = canaries.name(f"private sequence, {where}")
    dataset[0x00091020] = DataElement(0x00091020, "SQ", Sequence([inner]))
    dataset[0x00091021] = elements.raw(0x00091021, "UN", unknown_sequence(canaries.word(f"sequence under UN, {where}")))
    dataset[0x00290010] = elements.raw(0x00290010, "LO", b"SIEMENS CSA HEADER")
    header = b"SV10\4\3\2\1" + canaries.word(f"CSA header, {where}").encode() + bytes(40)
    dataset[0x00291010] = elements.raw(0x00291010, "OB", header)
    dataset[0x70530010] = elements.raw(0x70530010, "LO", b"Philips PET Private Group")
    dataset[0x70531000] = elements.raw(0x70531000, "LO", canaries.word(f"safe private, {where}").encode())


def unknown_sequence(text: str) -> bytes:
    """Return the value of a sequence in Implicit VR as it stands under VR UN (PS3.5 6.2.2)."""
    element = struct.pack("<HHI", 0x0010, 0x0020, len(text)) + text.encode()
    return _ITEM + struct.pack("<I", len(element)) + element


def drawings(dataset: FileDataset) -> None:
    """Hide some in overlays, curves and an icon."""
    for group in (0x6000, 0x6002, 0x601E):
        for element, vr in ((0x0022, "LO"), (0x1500, "LO"), (0x3000, "OW")):
            tag = group << 16 | element
            dataset[tag] = elements.raw(tag, vr, canaries.word(f"overlay {vr}").encode())
    for element, vr in ((0x0022, "LO"), (0x2500, "LO"), (0x3000, "OW")):
        tag = 0x50000000 | element
        dataset[tag] = elements.raw(tag, vr, canaries.word(f"curve {vr}").encode())
    icon = Dataset()
    icon.Rows = icon.Columns = 4
    icon.PixelData = canaries.word("icon").encode().ljust(16)
    icon["PixelData"].VR = "OB"
    dataset[0x00880200] = DataElement(0x00880200, "SQ", Sequence([icon]))


def leftovers(dataset: FileDataset) -> None:
    """Hide some in unknown groups, signatures, encrypted attributes, retired elements and behind the pixels."""
    for tag, vr in (
        (0x00084000, "LT"), (0x00204000, "LT"), (0x40084000, "ST"), (0x66660001, "LO"),
        (0x00100022, "CS"), (0x00700001, "UN"), (0xFFFCFFFC, "OB"),
    ):  # fmt: skip
        dataset[tag] = elements.raw(tag, vr, canaries.word(f"{tag:08X}").encode())
    encrypted, signature = Dataset(), Dataset()
    encrypted.EncryptedContentTransferSyntaxUID = "1.2.840.10008.1.2"
    encrypted.EncryptedContent = canaries.word("encrypted").encode()
    signature.CertificateOfSigner = b"\x30\x82CN=" + canaries.word("certificate").encode()
    dataset[0x04000500] = DataElement(0x04000500, "SQ", Sequence([encrypted]))
    dataset[0xFFFAFFFA] = DataElement(0xFFFAFFFA, "SQ", Sequence([signature]))
    pixels = dataset["PixelData" if "PixelData" in dataset else "FloatPixelData"]
    pixels.value += canaries.word("behind the last pixel").encode()


def container(dataset: FileDataset) -> None:
    """Hide some in preamble and file meta."""
    dataset.preamble = canaries.word("preamble").encode().ljust(128)
    meta = dataset.file_meta
    meta.SourceApplicationEntityTitle = canaries.word("source AE")
    meta.SendingApplicationEntityTitle = canaries.word("sending AE")
    meta.ReceivingApplicationEntityTitle = canaries.word("receiving AE")
    meta.ImplementationVersionName = canaries.word("version name")
    meta.ImplementationClassUID = UID(canaries.uid("implementation"))
    meta.PrivateInformationCreatorUID = UID(canaries.uid("private information"))
    meta.PrivateInformation = canaries.word("private information").encode()
