"""Writes the corpus: a folder of files with canaries in their bytes and names, and what should become of each."""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from tests.peers import dicom3tools
from tests.peers.corpus import canaries, codings, documents, hiding, images, pictures, spellings, tidy
from tests.peers.corpus.pictures import Drawn

from studypub.deid import tables


@dataclass(frozen=True)
class Planted:
    """A file of the corpus, and what should become of it; `publishable`: by its header alone.

    `hostile`: what is no value of its VR cannot be published, and what needs it is invalid without. `checked`: the same
    object in a coding that checkers read, where this one's is not. `drawn`: letters in its pixels.
    """

    path: str
    content: bytes
    publishable: bool
    hostile: bool = False
    checked: bytes = b""
    drawn: Drawn | None = None

    @property
    def canaries(self) -> list[str]:
        """What is hidden in it, as far as its bytes show."""
        return canaries.leaks(self.content)


def write(folder: Path, planted: Iterable[Planted]) -> list[Planted]:
    """Write the files and return them."""
    found = [*planted]
    for each in found:
        path = folder / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.content)
    return found


def all_of_them() -> list[Planted]:
    """Return the files, without pydicom's warnings of what is wrong with them."""
    with warnings.catch_warnings(action="ignore"):
        return [*headers(), *drawings(pictures.CASES), *drawings(pictures.UNSUSPECTED)]


def headers() -> Iterator[Planted]:
    """Yield the files that are judged by their headers, numbered in the order of their names."""
    for number, each in enumerate(_headers(), 1):
        yield replace(each, path=_path(number, each.path))


def drawings(cases: tuple[pictures.Case, ...]) -> Iterator[Planted]:
    """Yield the files whose pixels are to be looked at."""
    for number, (name, content, drawn) in enumerate(pictures.pictures(100_000, cases), 1000):
        yield Planted(_path(number, name), content, publishable=cases is pictures.UNSUSPECTED, drawn=drawn)


def _path(number: int, name: str) -> str:
    words = "".join(letter if letter.isalnum() else "_" for letter in name)
    return f"{canaries.word('a folder')}/{canaries.NAME}/{number:04}_{words}_{canaries.word('a file')}.dcm"


def _headers() -> Iterator[Planted]:
    numbers = count(1)
    image_classes = [(uid, known.iod) for uid, known in tables.sop_classes().items() if known.iod]
    for hostile in (False, True):
        for sop_class, iod in image_classes:
            dataset = images.image(sop_class, next(numbers), hostile=hostile)
            if hostile:
                hiding.everywhere(dataset)
            yield Planted(iod, codings.part10(dataset), images.is_published(iod), hostile)
    for name, content, explicit in codings.native(1000 * next(numbers)):
        yield Planted(name, content, publishable=True, checked=explicit)
    for group, publishable in (
        (codings.compressed, True),
        (codings.unsupported, False),
        (spellings.spelled, True),
        (documents.documents, False),
    ):
        for name, content in group(1000 * next(numbers)):
            yield Planted(name, content, publishable)
    yield Planted("overlay in samples", codings.with_overlay_in_samples(next(numbers)), publishable=True)
    if dicom3tools.PRESENT:
        for iod, content in tidy.tidy(1000 * next(numbers)):
            yield Planted(f"{iod}, tidy", content, images.is_published(iod))
