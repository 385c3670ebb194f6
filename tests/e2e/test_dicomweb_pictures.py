"""Pictures by DICOMweb: what a client gets is what pydicom decodes and the Standard's formulas make of it."""

import asyncio
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from io import BytesIO
from typing import Final

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import FileDataset
from pydicom.pixels.processing import apply_modality_lut
from tests.e2e.shown import (
    FRAMES,
    Shown,
    connection,
    database,
    database_url,
    migrated,
    postgres_server,
    queue_watch,
    radosgw,
    shown,
)

from studypub.core import preview
from studypub.flows.companion import Companions

__all__ = ["connection", "database", "database_url", "migrated", "postgres_server", "queue_watch", "radosgw", "shown"]

Grey = NDArray[np.float64]
_NEAR: Final = 6.0  # grey values by which a lossy picture may differ on the average
_PNG: Final = ("image/png",)


def _linear(values: Grey, centre: float, width: float) -> Grey:
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1) * 255


def _exact(values: Grey, centre: float, width: float) -> Grey:
    return np.clip((values - centre) / width + 0.5, 0, 1) * 255


def _sigmoid(values: Grey, centre: float, width: float) -> Grey:
    return 255 / (1 + np.exp(-4 * (values - centre) / width))


def _expected(dataset: FileDataset, frame: int, shape: Callable[..., Grey], *window: float) -> Grey:
    pixels = dataset.pixel_array[frame - 1] if dataset.get("NumberOfFrames") else dataset.pixel_array
    centre, width = window or (float(dataset.WindowCenter), float(dataset.WindowWidth))
    return shape(np.asarray(apply_modality_lut(pixels, dataset), np.float64), centre, width)


def _seen(content: bytes, coding: str) -> Grey:
    with Image.open(BytesIO(content)) as picture:
        assert picture.format == coding
        return np.asarray(picture.convert("L"), np.float64)


def _away(content: bytes, wanted: Grey) -> float:
    return float(np.abs(_seen(content, "PNG") - wanted).max())


def _path(dataset: FileDataset) -> tuple[str, str, str]:
    return str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)


def _prepared(shown: Shown) -> dict[str, int]:
    """Return the instances of which there are pictures, and the part with the one of each that shows every pixel."""
    index = Companions(shown.house.store).read_part(shown.publication, preview.INDEX)
    assert index is not None
    pictures = [picture for series in preview.decoded(index).series for picture in series.stacks[0].pictures]
    return {picture.instance: picture.part for picture in pictures if picture.part is not None and picture.frame == 1}


async def test_pictures_are_what_is_decoded(shown: Shown) -> None:
    await asyncio.to_thread(_compare, shown)
    await _compare_others(shown)


def _compare(shown: Shown) -> None:
    client, prepared, seen = shown.client, _prepared(shown), set[tuple[bool, str, str]]()
    for dataset, _ in shown.archived.values():
        kind = dataset.SOPInstanceUID in prepared, dataset.file_meta.TransferSyntaxUID, dataset.Modality
        if kind in seen:
            continue
        seen.add(kind)
        path = _path(dataset)
        last = int(dataset.get("NumberOfFrames") or 1)
        for text, shape, *window in (
            (None, _linear),
            ("300,900,linear", _linear, 300, 900),
            ("-100.5,80,linear-exact", _exact, -100.5, 80),
            ("40,350,sigmoid", _sigmoid, 40, 350),
        ):
            params = {"window": text} if text else None
            whole = client.retrieve_instance_rendered(*path, media_types=_PNG, params=params)
            assert _away(whole, _expected(dataset, 1, shape, *window)) <= 1
            frame = client.retrieve_instance_frames_rendered(*path, [last], media_types=_PNG, params=params)
            assert _away(frame, _expected(dataset, last, shape, *window)) <= 1
        lossy = client.retrieve_instance_rendered(*path)
        assert np.abs(_seen(lossy, "JPEG") - _expected(dataset, 1, _linear)).mean() <= _NEAR
        if part := prepared.get(dataset.SOPInstanceUID):
            assert lossy == Companions(shown.house.store).read_part(shown.publication, preview.name_of(part))
        rough = client.retrieve_instance_rendered(*path, media_types=("image/jpeg",), params={"quality": 5})
        assert len(rough) < len(lossy)
    assert len(seen) == 4  # prepared and not, compressed, of several frames


async def _compare_others(shown: Shown) -> None:
    """Look at several frames at once, at viewports and thumbnails."""
    several = next(one for one, _ in shown.archived.values() if one.get("NumberOfFrames"))
    prepared = _prepared(shown)
    bare = next(one for one, _ in shown.archived.values() if one.SOPInstanceUID not in prepared)
    study, series, instance = _path(several)
    of_series = f"{shown.root}/studies/{study}/series/{series}"
    of_instance = f"{of_series}/instances/{instance}"
    of_bare = f"{shown.root}/studies/{study}/series/{bare.SeriesInstanceUID}/instances/{bare.SOPInstanceUID}"
    async with httpx.AsyncClient() as client:

        async def asked(address: str, **params: str) -> Grey:
            answer = await client.get(address, params=params)
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"] == "image/jpeg"
            return _seen(answer.content, "JPEG")

        answer = await client.get(f"{of_instance}/frames/2,{FRAMES}/rendered", headers={"Accept": "image/png"})
        head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
        parts = BytesParser(policy=HTTP).parsebytes(head + answer.content).get_payload()
        for part, frame in zip(parts, (2, FRAMES), strict=True):
            assert part.get_content_type() == "image/png"
            assert _away(part.get_payload(decode=True), _expected(several, frame, _linear)) <= 1
        # Enlarged to fill it, in its own shape.
        assert (await asked(f"{of_instance}/rendered", viewport="400,96")).shape == (96, 72)
        for frame in (1, FRAMES):
            assert _frame(several, await asked(f"{of_instance}/frames/{frame}/thumbnail")) == frame
        assert _frame(several, await asked(f"{of_instance}/thumbnail")) == 1 + FRAMES // 2
        assert _frame(several, await asked(f"{of_series}/thumbnail")) == 1 + FRAMES // 2
        assert (await asked(f"{shown.root}/studies/{study}/thumbnail")).shape == bare.pixel_array.shape  # of the CT
        assert (await asked(f"{of_bare}/thumbnail")).shape == (256, 256)
        for place in (f"{shown.root}/studies/{study}", of_series, of_instance, f"{of_instance}/frames/1"):
            assert (await asked(f"{place}/thumbnail", viewport="32,32")).shape[0] == 32


def _frame(dataset: FileDataset, picture: Grey) -> int:
    """Return the frame that a picture is most like."""
    away = [np.abs(picture - _expected(dataset, frame, _linear)).mean() for frame in range(1, FRAMES + 1)]
    return 1 + int(np.argmin(away))
