"""Writes the corpus: a folder of files with canaries in their bytes and names, and what should become of each."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.peers.corpus import canaries, codings, documents, hiding, images, spellings

from studypub.deid import tables


@dataclass(frozen=True)
class Planted:
    """A file of the corpus; `valid`: whoever checks objects gets through it, and finds its faults."""

    path: str
    content: bytes
    publishable: bool
    valid: bool = True

    @property
    def canaries(self) -> list[str]:
        """What is hidden in it, as far as its bytes show."""
        return canaries.leaks(self.content)


def write(folder: Path) -> list[Planted]:
    """Write all files and return them."""
    found = all_of_them()
    for each in found:
        path = folder / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(each.content)
    return found


def all_of_them() -> list[Planted]:
    """Return the files, without pydicom's warnings of what is wrong with them."""
    with warnings.catch_warnings(action="ignore"):
        return list(planted())


def planted() -> Iterator[Planted]:
    """Yield the files, in the order of their names."""
    numbers = count(1)
    for name, content, publishable, valid in _all():
        number = next(numbers)
        words = "".join(letter if letter.isalnum() else "_" for letter in name)
        path = f"{canaries.word('a folder')}/{canaries.NAME}/{number:04}_{words}_{canaries.word('a file')}.dcm"
        yield Planted(path, content, publishable, valid)


def _all() -> Iterator[tuple[str, bytes, bool, bool]]:
    numbers = count(1)
    image_classes = [(uid, known.iod) for uid, known in tables.sop_classes().items() if known.iod]
    for hostile in (False, True):
        for sop_class, iod in image_classes:
            dataset = images.image(sop_class, next(numbers), hostile=hostile)
            if hostile:
                hiding.everywhere(dataset)
            yield iod, codings.part10(dataset), images.is_published(iod), not hostile
    for group, publishable in (
        (codings.native, True),
        (codings.compressed, True),
        (codings.unsupported, False),
        (spellings.spelled, True),
        (documents.documents, False),
    ):
        for name, content in group(1000 * (1 + next(numbers))):
            yield name, content, publishable, False
    yield "overlay in samples", codings.with_overlay_in_samples(next(numbers)), True, False
