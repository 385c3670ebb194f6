"""What we offer a PACS that sends over our own association (C-GET)."""

from collections.abc import Iterable

from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    MRImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from studypub.dicom.scp import STORAGE_SYNTAXES

_PLAIN_SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
# Moving pictures last: where the contexts run out, they are what a study has least of.
_COMPRESSED_SYNTAXES = sorted(
    (syntax for syntax in STORAGE_SYNTAXES if syntax not in _PLAIN_SYNTAXES),
    key=lambda syntax: "MPEG" in syntax.name or "HEVC" in syntax.name,
)
# Offered where the PACS does not list which classes the study has.
USUAL_CLASSES = (
    CTImageStorage, MRImageStorage, ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForPresentation, EnhancedCTImageStorage, EnhancedMRImageStorage,
    UltrasoundImageStorage, UltrasoundMultiFrameImageStorage, XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage, NuclearMedicineImageStorage, PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
)  # fmt: skip


def storage_contexts(sop_classes: Iterable[str]) -> list[PresentationContext]:
    """Offer each class plainly, and once for each compression: whoever answers takes one syntax of a context."""
    classes = list(sop_classes)
    contexts = [build_context(UID(sop_class), list(_PLAIN_SYNTAXES)) for sop_class in classes]
    for syntax in _COMPRESSED_SYNTAXES:
        contexts += [build_context(UID(sop_class), syntax) for sop_class in classes]
    return contexts
