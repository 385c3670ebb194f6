"""With any structural rule of de-identification switched off, the gate stops what comes out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.tag import BaseTag
from tests.unit.deid import corpus
from tests.unit.gate.switching import at, forget_plans, found, original, path_to, published, switch_off

from studypub.deid import codestream, elements, encode, frames, icc, instance, private, rewrite
from studypub.deid.field import Context, Level

NAME: Final = "Verkhovtseva^Apollinariya"
SHOWN: Final = b"VERKHOVTSEVA APOLLINARIYA"
SLIDE: Final = "1.2.840.10008.5.1.4.1.1.77.1.6"
Change = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Structure:
    """A rule about what is no value: what is planted for it, and how it is switched off."""

    name: str
    plant: Callable[[], FileDataset]
    switch_off: Change

    def __str__(self) -> str:
        return self.name


def with_elements(*planted: tuple[int, str, bytes], name: str = "") -> Callable[[], FileDataset]:
    def plant() -> FileDataset:
        dataset = original(name=name)
        for tag, vr, value in planted:
            dataset[tag] = elements.raw(tag, vr, value)
        return dataset

    return plant


def carry(belongs: Callable[[BaseTag], bool]) -> Change:
    """Carry over whatever elements of the first level belong to what the rule drops."""

    def change(monkeypatch: pytest.MonkeyPatch) -> None:
        def carrying(source: Dataset, level: Level, context: Context) -> tuple[rewrite.Written, bool]:
            target, whole = rewrite.rewrite(source, level, context)
            return target | {tag: source._dict[tag] for tag in source.keys() if belongs(tag)}, whole  # noqa: SIM118

        monkeypatch.setattr(instance, "rewrite", carrying)

    return change


def replace(module: object, name: str, function: Callable[..., object]) -> Change:
    return lambda monkeypatch: monkeypatch.setattr(module, name, function)


def signed() -> FileDataset:
    dataset = original(name=NAME)
    signature = at(dataset, (0xFFFAFFFA,))
    signature.add_new(0x04000115, "OB", b"\x30\x82\1\2\x0c\x19CN=" + SHOWN + b"\0\1")
    return dataset


def with_file_meta() -> FileDataset:
    dataset = original()
    dataset.file_meta.SourceApplicationEntityTitle = "KHIMKI-AE-17"
    return dataset


def sender_too(*arguments: str) -> list[RawDataElement]:
    return [*_OWN_META(*arguments), elements.raw(0x00020016, "AE", b"KHIMKI-AE-17")]


_OWN_META: Final = encode._meta


def with_preamble() -> FileDataset:
    dataset = original(name=NAME)
    dataset.preamble = SHOWN.ljust(128)
    return dataset


def with_trailing_bytes() -> FileDataset:
    dataset = original(name=NAME)
    dataset["PixelData"].value += SHOWN + b"!"
    return dataset


def untrimmed(source: Dataset, tag: int) -> object:
    return elements.raw(tag, "OW", source["PixelData"].value)


def with_comment(sample: str, comment: Callable[[bytes], bytes]) -> Callable[[], FileDataset]:
    def plant() -> FileDataset:
        received = pydicom.dcmread(get_testdata_file(sample) or "")
        dataset = original(corpus.MR, NAME)
        dataset.file_meta.TransferSyntaxUID = received.file_meta.TransferSyntaxUID
        for tag in range(0x00280002, 0x00280104):
            if tag in received:
                dataset[tag] = received[tag]
        (frame,) = generate_frames(received.PixelData, number_of_frames=1)
        dataset.PixelData = encapsulate([comment(frame)])
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        return dataset

    return plant


def com_of_jpeg(frame: bytes) -> bytes:
    return frame[:2] + b"\xff\xfe\0" + bytes([len(SHOWN) + 2]) + SHOWN + frame[2:]


def com_of_jpeg_2000(frame: bytes) -> bytes:
    place = 4 + int.from_bytes(frame[4:6])
    return frame[:place] + b"\xff\x64\0" + bytes([len(SHOWN) + 4]) + b"\0\1" + SHOWN + frame[place:]


def behind_rle(frame: bytes) -> bytes:
    return frame + SHOWN + b"!"


def with_profile() -> FileDataset:
    dataset = original(SLIDE, NAME)
    described = icc._profile(2, b"mntrRGB XYZ ", bytes(4), {b"rTRC": icc._GAMMA, b"dmnd": b"text\0\0\0\0" + SHOWN})
    at(dataset, path_to(0x00282000, SLIDE)).add_new(0x00282000, "OB", described)
    return dataset


def with_code(**code: str) -> Callable[[], FileDataset]:
    def plant() -> FileDataset:
        dataset = original()
        item = at(dataset, (0x00082218,))
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "51185008", "SCT", "Thoracic structure"
        for keyword, value in code.items():
            setattr(item, keyword, value)
        return dataset

    return plant


def code_as_received(source: Dataset, target: rewrite.Written) -> bool:
    target.update({tag: source._dict[tag] for tag in source.keys() if tag.group == 8})  # noqa: SIM118
    return True


def every_private(source: Dataset, _context: Context) -> rewrite.Written:
    return {tag: source._dict[tag] for tag in source.keys() if tag.is_private}  # noqa: SIM118


def allow_private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "safe", every_private)
    monkeypatch.setattr(instance, "Context", lambda pseudonyms, root, **_: Context(pseudonyms, root, safe_private=True))


def _private(tag: BaseTag) -> bool:
    return tag.is_private


_AS_RECEIVED: Final = replace(codestream, "cleaner", lambda *_: lambda frame: frame)
ITEM: Final = b"\xfe\xff\0\xe0\x14\0\0\0\x10\0\x10\0\x0c\0\0\0Verkhovtseva"
STRUCTURES = (
    Structure("overlays", with_elements((0x60020022, "LO", b"Verkhovtseva")), carry(lambda tag: tag.group == 0x6002)),
    Structure("curves", with_elements((0x50000022, "LO", b"Verkhovtseva")), carry(lambda tag: tag.group == 0x5000)),
    Structure(
        "private", with_elements((0x00090010, "LO", b"A"), (0x00091001, "LO", "Ковалевская".encode())), carry(_private)
    ),
    Structure("private creators", with_elements((0x00090010, "LO", b"VERKHOVTSEVA A.")), carry(_private)),
    Structure("sequences under UN", with_elements((0x00090010, "LO", b"A"), (0x00091001, "UN", ITEM)), carry(_private)),
    Structure(
        "unknown groups", with_elements((0x66660001, "LO", b"Verkhovtseva")), carry(lambda tag: tag.group == 0x6666)
    ),
    Structure(
        "trailing padding", with_elements((0xFFFCFFFC, "OB", SHOWN + b"\0")), carry(lambda tag: tag.group == 0xFFFC)
    ),
    Structure("signatures", signed, carry(lambda tag: tag.group == 0xFFFA)),
    Structure("file meta", with_file_meta, replace(encode, "_meta", sender_too)),
    Structure("bytes behind the last sample", with_trailing_bytes, replace(frames, "native", untrimmed)),
    Structure("comments of JPEG-LS", with_comment("MR_small_jpeg_ls_lossless.dcm", com_of_jpeg), _AS_RECEIVED),
    Structure("comments of JPEG 2000", with_comment("MR_small_jp2klossless.dcm", com_of_jpeg_2000), _AS_RECEIVED),
    Structure("bytes behind RLE", with_comment("MR_small_RLE.dcm", behind_rle), _AS_RECEIVED),
    Structure("colour profiles", with_profile, partial(switch_off, name="rebuilt")),
    Structure(
        "code meanings", with_code(CodeMeaning="breast of Verkhovtseva"), replace(rewrite, "_code", code_as_received)
    ),
    Structure(
        "code values",
        with_code(CodeValue="KP125706548L", CodingSchemeDesignator="99CLINIC"),
        replace(rewrite, "_code", code_as_received),
    ),
    Structure(
        "safe private",
        with_elements((0x00090010, "LO", b"A"), (0x00091001, "LO", "Ковалевская".encode())),
        allow_private,
    ),
)


@pytest.mark.parametrize("structure", STRUCTURES, ids=str)
def test_what_a_structure_would_have_hidden_is_stopped(structure: Structure, monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(structure.plant(), "second-opinion", published) == []
    structure.switch_off(monkeypatch)
    forget_plans(monkeypatch)
    assert found(structure.plant(), "second-opinion", published) != []


def test_a_preamble_that_was_kept_is_stopped() -> None:
    def publish(received: FileDataset) -> bytes:
        return bytes(received.preamble or b"") + published(received)[128:]

    assert found(with_preamble(), "second-opinion", published) == []
    assert found(with_preamble(), "second-opinion", publish) != []
