"""What of a study is drawn for its preview, in which order, and what the pictures are called."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydicom.dataset import Dataset

from studypub.core import sampling
from studypub.core.preview import CT_WINDOWS, OWN
from studypub.deid import elements
from studypub.pixels.drawing import Drawing, Piece, Shot

_IMAGE_TYPE, _MODALITY, _DESCRIPTION = 0x00080008, 0x00080060, 0x0008103E
_INSTANCE, _SERIES, _SERIES_NUMBER, _NUMBER = 0x00080018, 0x0020000E, 0x00200011, 0x00200013
_FRAMES, _SHARED_GROUPS, _INTERCEPT, _PIXELS = 0x00280008, 0x52009229, 0x00281052, 0x7FE00010
_FEW: Final = 4  # images that are drawn larger
_SIDE, _LARGE_SIDE = 768, 1536  # pixels
_PRESETS: Final = 20  # images of a series that are drawn through each window of CT_WINDOWS, too


class Image(NamedTuple):
    """An instance that shows something: so many frames, and where its file lies."""

    uid: str
    number: int
    frames: int
    pieces: tuple[Piece, ...]


@dataclass(slots=True)
class Seen:
    """A series, as its instances came."""

    uid: str
    number: int
    modality: str
    title: str
    is_ct: bool
    images: list[Image]

    @property
    def count(self) -> int:
        """How many images it shows, frames counted."""
        return sum(image.frames for image in self.images)


class Job(NamedTuple):
    """A drawing, and of which series (its place) which instance and images (from 0 on) it shows, shot by shot."""

    series: int
    instance: str
    places: tuple[int, ...]
    windows: tuple[tuple[str, ...], ...]
    drawing: Drawing


def has_pixels(dataset: Dataset) -> bool:
    """Whether an instance shows anything."""
    return elements.find(dataset, _PIXELS) is not None


def series_of(dataset: Dataset) -> str:
    """Return the UID of an instance's series."""
    return elements.string(dataset, _SERIES)


def begun(dataset: Dataset) -> Seen:
    """Return the series of which this de-identified instance is the first that has come."""
    modality = elements.string(dataset, _MODALITY)
    return Seen(
        uid=series_of(dataset),
        number=_integer(dataset, _SERIES_NUMBER),
        modality=modality,
        title=str(dataset.get("SeriesDescription") or "").strip(),
        is_ct=modality == "CT" and _is_in_hu(dataset) and "LOCALIZER" not in elements.string(dataset, _IMAGE_TYPE),
        images=[],
    )


def image_of(dataset: Dataset, pieces: tuple[Piece, ...]) -> Image:
    """Return what of an instance is needed to draw it."""
    uid, frames = elements.string(dataset, _INSTANCE), max(1, _integer(dataset, _FRAMES))
    return Image(uid, _integer(dataset, _NUMBER), frames, pieces)


def jobs(series: Sequence[Seen], each: int, total: int) -> list[Job]:
    """Return what is to be drawn: whenever that is broken off, what there is of a series lies evenly in it."""
    counts = sampling.shares([one.count for one in series], each, total)
    found = [
        job for place, (one, count) in enumerate(zip(series, counts, strict=True)) for job in _of(place, one, count)
    ]
    return [job for _, job in sorted(found, key=lambda pair: (pair[0], pair[1].series))]


def _of(place: int, series: Seen, count: int) -> Iterator[tuple[int, Job]]:
    """Yield the jobs of a series, each with its rank."""
    shown = sampling.evenly(series.count, count)
    through_all = {shown[each] for each in sampling.evenly(count, _PRESETS)} if series.is_ct else set()
    small = shown[count // 2] if shown else -1
    wanted: dict[int, list[tuple[int, int]]] = {}
    ranks: dict[int, int] = {}
    where = _frames(series.images, shown)
    for rank, each in enumerate(sampling.coarse_first(count)):
        image, frame = where[each]
        wanted.setdefault(image, []).append((shown[each], frame))
        ranks.setdefault(image, rank)
    for image, frames in wanted.items():
        names = tuple((OWN, *CT_WINDOWS) if each in through_all else (OWN,) for each, _ in frames)
        shots = tuple(
            Shot(frame, tuple(CT_WINDOWS.get(name) for name in names[at]), small=each == small)
            for at, (each, frame) in enumerate(frames)
        )
        drawing = Drawing(
            pieces=series.images[image].pieces,
            shots=shots,
            side=_LARGE_SIDE if count <= _FEW else _SIDE,
            otherwise=CT_WINDOWS["soft"] if series.is_ct else None,
        )
        yield ranks[image], Job(place, series.images[image].uid, tuple(each for each, _ in frames), names, drawing)


def _frames(images: Sequence[Image], shown: Sequence[int]) -> list[tuple[int, int]]:
    """Return instance and frame of images that are counted through a series; they are asked for in order."""
    found = []
    instance, before = 0, 0
    for each in shown:
        while each - before >= images[instance].frames:
            before += images[instance].frames
            instance += 1
        found.append((instance, each - before))
    return found


def _is_in_hu(dataset: Dataset) -> bool:
    return any(elements.find(dataset, tag) is not None for tag in (_INTERCEPT, _SHARED_GROUPS))


def _integer(dataset: Dataset, tag: int) -> int:
    """Return the first number of an IS, 0 where there is none (PS3.5 6.2)."""
    text = elements.string(dataset, tag).partition("\\")[0].strip()
    return int(text) if text.lstrip("+-").isdecimal() and len(text) <= 12 else 0
