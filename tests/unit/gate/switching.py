"""Makes images that name somebody in one place only, switches rules off, and drives the gate as `prepare` does."""

from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Final

import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from tests.unit.deid import corpus

from studypub.archive.readme import readme
from studypub.deid import choices, descriptors, encode, instance, plan, tables
from studypub.deid.field import Context, Field
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import Profile, load
from studypub.gate.clues import Permitted
from studypub.gate.gate import Finding, Gate
from studypub.gate.harvest import Harvest

KEY: Final = b"key of a publication, 32 bytes.."


def original(sop_class: str = corpus.CT, name: str = "") -> FileDataset:
    """Return an image that names nobody, or only in PatientName."""
    dataset = corpus.image(sop_class)
    dataset.PatientName, dataset.PatientID, dataset.AccessionNumber = name, "", ""
    del dataset.StudyDate, dataset.StudyTime
    dataset.SOPInstanceUID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.9.1", "1.9.2", "1.9.3"
    dataset.Rows = dataset.Columns = 32
    dataset["PixelData"].value = bytes(range(256)) * 8
    dataset.BitsStored, dataset.HighBit = 16, 15
    return dataset


def path_to(tag: int, sop_class: str) -> tuple[int, ...]:
    """Return the sequences of the IOD that lead to an attribute, fewest first."""
    levels: list[tuple[tuple[int, ...], int]] = [((), tables.iods()[tables.sop_classes()[sop_class].iod])]
    for path, number in levels:
        entries = tables.level(number)
        if any(entry.tag == tag for entry in entries):
            return path
        levels += [((*path, entry.tag), entry.below) for entry in entries if entry.below and entry.tag not in path]
    raise AssertionError(f"{tag:08X} is not in the IOD")


def at(dataset: Dataset, path: tuple[int, ...]) -> Dataset:
    """Go down through sequences that are made on the way."""
    for tag in path:
        item = Dataset()
        dataset[tag] = DataElement(tag, "SQ", Sequence([item]))
        dataset = item
    return dataset


def found(changed: FileDataset, profile: str, publish: Callable[[FileDataset], bytes]) -> list[Finding]:
    """Drive the gate as prepare does: the original is harvested, what is made of it is searched."""
    buffer = BytesIO()
    changed.save_as(buffer, enforce_file_format=True)
    harvest = Harvest({})
    assert harvest.add(buffer.getvalue())
    gate = Gate(
        harvest, Permitted((readme(whole=False),), descriptors.vocabulary(), Deidentifier(load(profile), KEY).days)
    )
    buffer.seek(0)
    return gate.search("I0000001", publish(pydicom.dcmread(buffer)))


def published(received: FileDataset, profile: str = "second-opinion") -> bytes:
    outcome = Deidentifier(load(profile), KEY).header(received)
    assert isinstance(outcome, Kept)
    return encode.to_part10(outcome.dataset)


def forget_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let plans be compiled anew until the test ends; whoever else runs meanwhile keeps none of them."""
    monkeypatch.setattr(plan, "_level", cache(plan._level.__wrapped__))
    monkeypatch.setattr(instance, "compile_plan", cache(plan.compile_plan.__wrapped__))


def passing(_field: Field, value: bytes, _source: Dataset, _context: Context) -> bytes:
    return value


def switch_off(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let every attribute pass that goes by the rule."""

    def choose(profile: Profile, entry: tables.Entry) -> choices.Choice:
        choice = choices.choose(profile, entry)
        return choice._replace(rule=passing) if name_of(choice.rule) == name and choice.vr != "SQ" else choice

    forget_plans(monkeypatch)
    monkeypatch.setattr(plan, "choose", choose)
    if name == "patient":  # the name is written once more at the end
        monkeypatch.setattr(Deidentifier, "_add_identity", lambda *_, **__: None)


def name_of(rule: Callable[..., object]) -> str:
    return rule.__qualname__.partition(".<locals>")[0]
