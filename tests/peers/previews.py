"""Companions with a preview, as workers store them: pictures whose brightness tells their number."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from studypub.archive.companion import CompanionFile
from studypub.core.ids import new_companion_key
from studypub.core.preview import INDEX, Picture, Preview, Series, Stack, encoded, name_of
from studypub.core.publication import Companion
from studypub.errors import Sentence
from studypub.flows.companion import Companions
from studypub.flows.view import Views
from studypub.store.base import Store

SIDE = 128


def stored(store: Store, *, images: int = 40, others: int = 1, beside: Mapping[str, bytes] | None = None) -> Companion:
    """Store the companion of a CT of so many images, of which the second is broken, and of a scout; more `beside`."""
    parts: list[bytes] = []
    own = _stack("own", images, parts, broken=2)
    ct = Series(
        modality="CT",
        title="Chest 1.0",
        images=images * 10,
        stacks=(own, _stack("lung", 5, parts), _stack("bone", 5, parts)),
        thumbnail=0,
    )
    scout = Series(modality="CT", title="", images=1, stacks=(_stack("own", 1, parts),), thumbnail=0)
    held = (Sentence("Протокол дозы", "Dose report"), 2)
    return put(store, Preview(series=(scout, ct), others=others, held_back=(held,)), parts, beside or {})


def views_of(store: Store) -> Views:
    """Return what reads the companions of a store."""
    return Views(store, Companions(store))


def put(store: Store, preview: Preview, parts: list[bytes], beside: Mapping[str, bytes]) -> Companion:
    """Store a companion that holds this preview."""
    with TemporaryDirectory() as folder, CompanionFile(Path(folder, "study.view")) as file:
        file.add(INDEX, encoded(preview))
        for number, content in enumerate(parts):
            file.add(name_of(number), content)
        for name, content in beside.items():
            file.add(name, content)
        digest = file.close()
        key = new_companion_key()
        with file.path.open("rb") as source:
            store.put(key, source)
    return Companion(key, digest.size, digest.sha256)


def _stack(window: str, images: int, parts: list[bytes], broken: int = 0) -> Stack:
    pictures = []
    for number in range(1, images + 1):
        part = None if number == broken else len(parts)
        pictures.append(Picture(image=number, part=part, width=SIDE, height=SIDE))
        if part is not None:
            parts.append(_jpeg(number))
    return Stack(window=window, pictures=tuple(pictures))


def _jpeg(number: int) -> bytes:
    rows, columns = np.mgrid[:SIDE, :SIDE]
    circle = (rows - SIDE / 2) ** 2 + (columns - SIDE / 2) ** 2 < (8 + number) ** 2
    target = BytesIO()
    Image.fromarray(np.where(circle, 60 + 4 * (number % 48), 10).astype(np.uint8)).save(target, "JPEG")
    return target.getvalue()
