"""Words in pictures, as Tesseract reads them: a program that may be there or not."""

import csv
import math
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from PIL import Image

from studypub.core.masking import Box
from studypub.pixels.arrays import Grey

_LANGUAGES: Final = ("rus", "eng")
_SPARSE: Final = "11"  # "sparse text": as much as there is, in no order, without asking which way is up
_SECONDS: Final = 90
_WORD_LEVEL: Final = "5"


class CannotRead(Exception):
    """Tesseract is not there, lacks a language, fails, or takes too long."""


@dataclass(frozen=True, slots=True)
class Word:
    """What was read, how sure that is (0 to 100), and where it stands."""

    text: str
    confidence: float
    box: Box

    @property
    def signs(self) -> int:
        """How many letters and digits it has."""
        return sum(sign.isalnum() for sign in self.text)


@cache
def can_read() -> bool:
    """Say whether Tesseract is there with both languages."""
    try:
        listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return False
    return set(_LANGUAGES) <= set(listed.stdout.decode(errors="replace").split())


@dataclass(frozen=True, slots=True)
class Page:
    """Dark letters on white, how much they are to be enlarged, and where in the frame the page begins."""

    grey: Grey
    scale: float = 1.0
    x: int = 0
    y: int = 0


def words(pages: Sequence[Page], folder: Path) -> list[list[Word]]:
    """Read the pages; boxes are in pixels of the frame.

    The pages lie in `folder` meanwhile. Raises CannotRead.
    """
    if not can_read():
        raise CannotRead
    with tempfile.TemporaryDirectory(dir=folder) as private:
        names = [str(_saved(page, Path(private, f"{number}.pgm"))) for number, page in enumerate(pages)]
        listed = Path(private, "pages")
        listed.write_text("\n".join(names) + "\n")
        table = _table(listed)
    found: list[list[Word]] = [[] for _ in pages]
    for number, word in _words(table):
        found[number].append(Word(word.text, word.confidence, _in_frame(word.box, pages[number])))
    return found


def _saved(page: Page, path: Path) -> Path:
    rows, columns = page.grey.shape
    size = max(1, round(columns * page.scale)), max(1, round(rows * page.scale))
    Image.fromarray(page.grey).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def _table(listed: Path) -> str:
    command = ["tesseract", str(listed), "stdout", "-l", "+".join(_LANGUAGES), "--psm", _SPARSE, "--dpi", "150", "tsv"]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"}
    if "TESSDATA_PREFIX" in os.environ:
        environment["TESSDATA_PREFIX"] = os.environ["TESSDATA_PREFIX"]
    try:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_SECONDS,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotRead from error
    return ran.stdout.decode(errors="replace")


def _words(table: str) -> Iterator[tuple[int, Word]]:
    """Yield the page's place and the word, in pixels of what Tesseract saw."""
    for row in csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["level"] == _WORD_LEVEL and row["text"] and row["text"].strip():
            box = Box(*(int(row[name]) for name in ("left", "top", "width", "height")))
            yield int(row["page_num"]) - 1, Word(row["text"].strip(), float(row["conf"]), box)


def _in_frame(box: Box, page: Page) -> Box:
    x, y = math.floor(box.x / page.scale), math.floor(box.y / page.scale)
    right, bottom = math.ceil((box.x + box.width) / page.scale), math.ceil((box.y + box.height) / page.scale)
    return Box(page.x + x, page.y + y, right - x, bottom - y)
