"""Makes instances of SOP classes that are no images: reports, documents, curves, states, plans, raw data."""

from collections.abc import Iterator
from typing import Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.peers.corpus import canaries, codings, headers, hiding, images

from studypub.deid import tables

_NOT_STORED: Final = "1.2.840.10008.1.3.10"
UNKNOWN_CLASS: Final = "1.2.840.113619.4.30"


def documents(number: int) -> Iterator[tuple[str, bytes]]:
    """Yield one of each class; all hold a text, a document, a curve and a drawing, as some of them would."""
    classes = [uid for uid, known in tables.sop_classes().items() if not known.iod and uid != _NOT_STORED]
    for sop_class in (*classes, UNKNOWN_CLASS):
        dataset = images.image(headers.CT, number)
        dataset.SOPClassUID = sop_class
        _write_report(dataset)
        _enclose(dataset)
        hiding.everywhere(dataset)
        yield sop_class, codings.part10(dataset)
        number += 1


def _write_report(dataset: Dataset) -> None:
    item, graphic, text = Dataset(), Dataset(), Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", "TEXT"
    item.TextValue = f"Пациент {canaries.NAME}, {canaries.phone('report')}"
    item.PersonName = canaries.name("report")
    text.UnformattedTextValue = canaries.word("graphic annotation")
    graphic.TextObjectSequence = Sequence([text])
    dataset.ContentSequence = Sequence([item])
    dataset.GraphicAnnotationSequence = Sequence([graphic])


def _enclose(dataset: Dataset) -> None:
    dataset.DocumentTitle = canaries.word("title of a document")
    dataset.EncapsulatedDocument = b"%PDF-1.4 " + canaries.word("document").encode()
    waveform = Dataset()
    waveform.MultiplexGroupLabel = canaries.word("waveform")
    dataset[0x54000100] = DataElement(0x54000100, "SQ", Sequence([waveform]))
