"""A long instance is read, searched and written from its file: what comes out is what comes out of memory."""

import warnings
from collections.abc import Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from pydicom import FileDataset, dcmread, dcmwrite
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit
from tests.peers.corpus import codings, images
from tests.unit.deid.corpus import HEIGHT_MAP, image

from studypub.deid import elements, encode
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load
from studypub.flows import instance_file
from studypub.gate import engine
from studypub.gate.gate import Gate
from studypub.gate.harvest import Harvest

RULES = Deidentifier(load("second-opinion"), bytes(32))
SEGMENTATION, WHOLE_SLIDE = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.77.1.6"
SHORT = 40  # a multiple of every VR's width, as long values have


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write instances in every coding, with samples of every kind."""
    folder = tmp_path_factory.mktemp("originals")
    with warnings.catch_warnings(action="ignore"):
        native = ((name, content) for name, content, _ in codings.native(1))
        made = chain(native, codings.compressed(100), samples(), frames_in_fragments())
        for name, content in [*made, ("overlay", codings.with_overlay_in_samples(200))]:
            (folder / f"{''.join(filter(str.isalnum, name))}.dcm").write_bytes(content)
    return sorted(folder.iterdir())


def samples() -> Iterator[tuple[str, bytes]]:
    for sop_class in (SEGMENTATION, WHOLE_SLIDE):
        yield sop_class, codings.part10(images.image(sop_class, 300))
    for syntax in (ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian):
        order = ">" if syntax == ExplicitVRBigEndian else "<"
        heights = image(HEIGHT_MAP)
        heights.Rows = heights.Columns = 9
        heights.FloatPixelData = np.linspace(1, 2, 81).astype(f"{order}f4").tobytes()
        yield f"heights {syntax.name}", in_syntax(heights, syntax)
        for allocated, signed in ((8, 0), (16, 1), (32, 1)):
            dataset = image()
            dataset.Rows = dataset.Columns = 9
            dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, allocated - 3, allocated - 2
            dataset.PixelRepresentation, dataset.PixelPaddingValue = signed, 77
            values = np.arange(81, dtype="u4") * 0xC7A9B1 & (1 << allocated) - 1
            swapped = values.astype(f"{order}u{allocated // 8}").tobytes()
            if allocated == 8 and order == ">":  # words of 16 bits, each of two samples
                swapped = np.frombuffer(swapped + b"\0", ">u2").astype("<u2").tobytes()
            dataset["PixelData"].value = swapped + bytes(len(swapped) % 2) + b"behind the last."
            yield f"{allocated} bits {syntax.name}", in_syntax(dataset, syntax)


def frames_in_fragments() -> Iterator[tuple[str, bytes]]:
    """Yield frames of JPEG of odd and even lengths, each in two fragments, with offsets and without."""
    head, comment, end = b"\xff\xd8", b"\xff\xfe\0\x08SECRET", b"\xff\xd9"
    scan = b"\xff\xda\0\x08\1\1\0\0\x3f\0"
    frames = [head + comment + scan + b"\x12" * length + end for length in (60, 61, 90)]
    for has_offsets in (False, True):
        dataset = image()
        dataset.NumberOfFrames = len(frames)
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        dataset.PixelData = encapsulate(frames, fragments_per_frame=2, has_bot=has_offsets)
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
        yield f"fragments {has_offsets}", in_syntax(dataset, JPEGBaseline8Bit)


def in_syntax(dataset: FileDataset, syntax: UID) -> bytes:
    buffer = BytesIO()
    dataset.file_meta.TransferSyntaxUID = syntax
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=little, force_encoding=True)
    return buffer.getvalue()


@pytest.fixture
def everything_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_file, "_LONG", SHORT)
    monkeypatch.setattr(elements, "BLOCK_BYTES", SHORT)
    monkeypatch.setattr(engine, "_BLOCK", 1 << 13)


def published(dataset: FileDataset) -> FileDataset:
    outcome = RULES.header(dataset)
    assert isinstance(outcome, Kept), outcome
    return outcome.dataset


@pytest.mark.usefixtures("everything_is_long")
def test_what_stays_in_the_file_comes_out_as_from_memory(files: list[Path], tmp_path: Path) -> None:
    for path in files:
        whole = encode.to_part10(published(dcmread(path)))
        new = published(instance_file.read(path))
        with instance_file.written(new, tmp_path / "new") as written, instance_file.shown(written) as content:
            assert isinstance(written, Path) == ("Deflated" not in path.name), path
            assert content[:] == whole, path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("everything_is_long")
def test_what_is_searched_in_the_file_is_found_as_in_memory(files: list[Path]) -> None:
    from_memory, from_file = Harvest({}), Harvest({})
    for path in files:
        with instance_file.shown(path) as content:
            assert from_memory.add(path.read_bytes())
            assert from_file.add(content)
    assert dict(from_file.values()) == dict(from_memory.values())
    gate = Gate(from_memory)
    for path in files[::3]:
        with instance_file.shown(path) as content:
            assert gate.search("", content) == gate.search("", path.read_bytes()), path


def test_what_is_short_is_held(files: list[Path], tmp_path: Path) -> None:
    for path in files:
        with instance_file.written(published(instance_file.read(path)), tmp_path / "new") as written:
            assert isinstance(written, bytes), path


def test_an_empty_file_has_no_bytes(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with instance_file.shown(tmp_path / "empty") as content:
        assert len(content) == 0
