"""A frame is drawn out of an archive without the others; whoever asks for too much is told to come later."""

import asyncio
import threading
import zlib
from collections.abc import AsyncIterator
from io import BytesIO
from itertools import accumulate, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image as Pillow
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from tests.unit.pixels.images import Image, by_dcmtk, native
from zstandard import ZstdCompressor

from studypub.archive.metadata import Describer
from studypub.archive.viewing import Instance
from studypub.errors import StorageUnavailable
from studypub.flows.companion import Companions
from studypub.flows.draw import Crowded, Easel, Unfinished, Wish
from studypub.flows.view import Found, Views
from studypub.store.local import LocalStore

_KEY: Final = "studies/x.zip"
_PUBLICATION: Any = SimpleNamespace(object_key=_KEY)
# Values are shown as they are; a frame has one.
_FORM: Final = Image(frames=4, rows=20, columns=30, more={"WindowCenter": 128, "WindowWidth": 256})
_LEVELS: Final = np.full((4, 20, 30, 1), 40) * np.arange(1, 5).reshape(4, 1, 1, 1)
_PNG: Final = Wish(coding="PNG")


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "storage")


@pytest.fixture
async def easel(store: LocalStore) -> AsyncIterator[Easel]:
    easel = Easel(Views(store, Companions(store)))
    yield easel
    easel.close()


def put(store: LocalStore, data: bytes, *, packed: bool = False, zstd: bool = False, known: bool = True) -> Found:
    """Store a file where a member of an archive would lie, and find it; `known`: its frames are."""
    described = Describer().describe(data)
    assert described.frames is not None
    spans, content, frame = list(zip(described.frames.begins, described.frames.lengths, strict=True)), data, 0
    if packed:
        frame = described.frames.lengths[0]
        content, spans = _packed(data, described.frames.begins)
    if zstd:
        content, spans = _packed_by_zstd(data, described.frames.begins)
    store.put(_KEY, BytesIO(b"before" + content))
    sizes = (6, len(content), len(data), packed, frame, tuple(spans) if known else ())
    zstd_frames = (True, described.frames.lengths) if zstd else ()
    return Found(1, Instance("1.2", "1.2", described.syntax, *sizes, 0, 0, 0, *zstd_frames))


def _packed(data: bytes, cuts: tuple[int, ...]) -> tuple[bytes, list[tuple[int, int]]]:
    packer, content, marks = zlib.compressobj(wbits=-zlib.MAX_WBITS), b"", []
    for begin, end in pairwise((0, *cuts, len(data))):
        content += packer.compress(data[begin:end]) + packer.flush(zlib.Z_FULL_FLUSH)
        marks.append(len(content))
    return content, [(begin, end - begin) for begin, end in pairwise(marks)]


def _packed_by_zstd(data: bytes, cuts: tuple[int, ...]) -> tuple[bytes, list[tuple[int, int]]]:
    packed = [ZstdCompressor().compress(data[begin:end]) for begin, end in pairwise((0, *cuts, len(data)))]
    marks = list(accumulate(map(len, packed)))
    return b"".join(packed), [(begin, end - begin) for begin, end in pairwise(marks)]


def raw(folder: Path) -> bytes:
    return native(folder / "raw", _FORM, _LEVELS).read_bytes()


def rle(folder: Path, *, table: bool) -> bytes:
    path = by_dcmtk(folder / "rle", _FORM, _LEVELS, "dcmcrle")
    dataset = dcmread(path)
    frames = list(generate_frames(dataset.PixelData, number_of_frames=4))
    dataset.PixelData = encapsulate(frames, has_bot=table)
    dataset.save_as(path)
    return path.read_bytes()


async def brightness(easel: Easel, found: Found, number: int) -> list[int]:
    content = await easel.draw(_PUBLICATION, found, number, _PNG)
    if content is None:
        return []
    with Pillow.open(BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("PNG", (30, 20))
        return [int(value) for value in np.unique(np.asarray(picture))]


@pytest.mark.parametrize("way", ["", "packed", "zstd"])
async def test_any_frame_of_what_is_not_compressed(easel: Easel, store: LocalStore, tmp_path: Path, way: str) -> None:
    found = put(store, raw(tmp_path), packed=way == "packed", zstd=way == "zstd")
    assert [await brightness(easel, found, number) for number in (4, 1, 5)] == [[160], [40], []]


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("way", ["", "unknown", "zstd"])
async def test_any_frame_of_what_is_compressed(
    easel: Easel, store: LocalStore, tmp_path: Path, table: bool, way: str
) -> None:
    found = put(store, rle(tmp_path, table=table), known=way != "unknown", zstd=way == "zstd")
    assert [await brightness(easel, found, number) for number in (4, 1, 2, 5)] == [[160], [40], [80], []]


async def test_what_cannot_be_decoded_costs_its_picture_alone(easel: Easel, store: LocalStore, tmp_path: Path) -> None:
    broken = put(store, rle(tmp_path, table=False).replace(b"\x01\0\0\0\x40\0\0\0", b"\xff" * 8))
    assert await brightness(easel, broken, 1) == []
    assert await brightness(easel, put(store, raw(tmp_path)), 1) == [40]


async def test_what_takes_too_long_is_told_from_what_cannot_be_drawn(
    store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studypub.flows.draw._SECONDS", 0.0)
    easel = Easel(Views(store, Companions(store)))
    with pytest.raises(Unfinished):
        await easel.draw(_PUBLICATION, put(store, raw(tmp_path)), 1, _PNG)
    easel.close()


class Slow(LocalStore):
    """Reads nothing before it is let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.go = threading.Event()

    def read(self, key: str, offset: int, length: int) -> bytes:
        assert self.go.wait(60)
        return super().read(key, offset, length)


async def test_one_link_takes_no_more_than_its_share_and_all_no_more_than_there_is(tmp_path: Path) -> None:
    store = Slow(tmp_path / "storage")
    found, easel = put(store, raw(tmp_path)), Easel(Views(store, Companions(store)))
    waiting = [asyncio.ensure_future(easel.draw(_PUBLICATION, found, 1, _PNG)) for _ in range(8)]
    await asyncio.sleep(0)
    with pytest.raises(Crowded):
        await easel.draw(_PUBLICATION, found, 1, _PNG)
    others = [SimpleNamespace(object_key=f"studies/{number}.zip") for number in range(17)]
    lost = [asyncio.ensure_future(easel.draw(each, found, 1, _PNG)) for each in others]  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert isinstance(lost[-1].exception(), Crowded)
    store.go.set()
    assert all(isinstance(one, bytes) for one in await asyncio.gather(*waiting))
    gone = await asyncio.gather(*lost, return_exceptions=True)
    assert all(isinstance(one, StorageUnavailable) for one in gone[:-1])
    assert await brightness(easel, found, 1) == [40]
    easel.close()
