"""Takes out of full images what contradicts the rest, until dciodvfy finds next to nothing more to say."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID
from tests.peers import dicom3tools
from tests.peers.corpus import canaries, codings, images

from studypub.deid import tables

_ROUNDS: Final = 4
_WAY: Final = re.compile(r"</(.*?)>")
_STEP: Final = re.compile(r"\(([0-9a-f]{4}),([0-9a-f]{4})\)(?:\[(\d+)\])?")
# What makes the object what it is: not taken out, whatever is said about it.
_KEPT: Final = frozenset(
    {
        0x00080008, 0x00080060, 0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101,
        0x00280102, 0x00280103, 0x52009229, 0x52009230, 0x7FE00008, 0x7FE00010,
    }
)  # fmt: skip
# Of a code: what demands still more about its context (PS3.3 Table 8.8-1).
_CONTEXT: Final = (0x00080106, 0x00080107, 0x0008010B, 0x0008010D, 0x0008010F)

Way = list[tuple[int, int]]


def tidy(number: int) -> Iterator[tuple[str, bytes]]:
    """Yield an image of each SOP class: as much as its IOD allows together."""
    classes = [uid for uid, known in tables.sop_classes().items() if known.iod]
    with TemporaryDirectory() as folder, ThreadPoolExecutor(4) as pool:
        made = [_begun(uid, number + place) for place, uid in enumerate(classes)]
        paths = [Path(folder) / f"{place}.dcm" for place in range(len(made))]
        for content, dataset in zip(pool.map(_tidied, made, paths), made, strict=True):
            yield tables.sop_classes()[dataset.SOPClassUID].iod, content


def _begun(sop_class: str, number: int) -> FileDataset:
    dataset = images.image(sop_class, number)
    for element in [*dataset.values()]:
        if isinstance(element, DataElement) and element.VR == "SQ":
            dataset[element.tag] = _copied(element)
    dataset.PatientSex, dataset.PatientSexNeutered, dataset.ResponsiblePersonRole = "F", "UNALTERED", "OWNER"
    dataset.pop("PixelPaddingRangeLimit", None)
    dataset.file_meta.FileMetaInformationGroupLength = 0
    dataset.file_meta.FileMetaInformationVersion = b"\0\1"
    dataset.file_meta.ImplementationClassUID = UID(canaries.uid("implementation"))
    return dataset


def _copied(sequence: DataElement) -> DataElement:
    """Return the sequence with levels of its own: images share them. Values stay as they are, undecoded."""
    items = []
    for item in sequence.value:
        elements = [element for element in item.values() if element.tag not in _CONTEXT]
        nested = {element.tag: _copied(element) if element.VR == "SQ" else element for element in elements}
        items.append(Dataset(nested))
    return DataElement(sequence.tag, "SQ", Sequence(items))


def _tidied(dataset: FileDataset, path: Path) -> bytes:
    content = codings.part10(dataset)
    for _ in range(_ROUNDS):
        path.write_bytes(content)
        faults = dicom3tools.told(path)
        if not sum(_without(dataset, fault) for fault in faults):
            break
        content = codings.part10(dataset)
    return content


def _without(dataset: FileDataset, fault: str) -> bool:
    """Take out what the fault is about; of what is missing somewhere below, all of the item's sequence."""
    way = _way(fault)
    if "Missing" in fault:
        way = way[:-1]
    if not way or way[-1][0] in _KEPT:
        return False
    level: Dataset = dataset
    for tag, item in way[:-1]:
        if tag not in level or len(level[tag].value) < item:
            return False
        level = level[tag].value[item - 1]
    return level.pop(way[-1][0], None) is not None


def _way(fault: str) -> Way:
    found = _WAY.search(fault)
    steps = _STEP.findall(found[1]) if found else []
    return [(int(group + element, 16), int(item or 1)) for group, element, item in steps]
