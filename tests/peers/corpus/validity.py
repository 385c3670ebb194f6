"""Says which faults new objects have that their originals have not, by programs that know nothing of ours."""

import re
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pydicom import dcmread
from tests.peers import dicom3tools
from tests.peers.corpus.files import Planted

_THREADS: Final = 4
_ATTRIBUTE: Final = re.compile(r"\(([0-9a-f]{4},[0-9a-f]{4})\)>")
# What was no value is gone: what needs it misses it, what stands only beside it stands alone, a sequence that may be
# empty (Type 2C) has no items.
_CONDITION: Final = re.compile(
    "Missing attribute|condition unsatisfied|Shall not be present|Bad Sequence number of Items|Type 3 Optional"
)


def new_faults(pairs: list[tuple[Planted, Path]]) -> dict[Path, list[str]]:
    """Return the faults of each new file that has some; the others are as valid as their originals."""
    with ThreadPoolExecutor(_THREADS) as pool:
        told = [*pool.map(_told, pairs)]
    found = {}
    for (planted, path), errors in zip(pairs, told, strict=True):
        undecoded = undecodable(path)  # not in threads: it turns warnings into errors
        if errors or (undecoded and not undecodable(BytesIO(planted.content))):
            found[path] = [*errors, undecoded]
    return found


def undecodable(file: Path | BytesIO) -> str:
    """Return what pydicom complains or warns of when it decodes every value; empty where nothing is wrong."""
    with warnings.catch_warnings(action="error"):
        try:
            for _ in dcmread(file).iterall():
                pass
        except Exception as error:  # noqa: BLE001 - whatever pydicom raises is its answer
            return f"pydicom: {error}"
    return ""


def faults(planted: Planted) -> set[str]:
    """Return what dciodvfy says of an original."""
    return _errors(planted.checked or planted.content)


def _told(pair: tuple[Planted, Path]) -> list[str]:
    planted, path = pair
    unread = [] if dicom3tools.opens(path) else ["dcmdump does not read it to its end"]
    before = faults(planted)
    new = dicom3tools.errors(path) - before
    if planted.hostile:
        doubtful = _attributes(before)
        new = {error for error in new if not _CONDITION.search(error) and not _attributes([error]) & doubtful}
    return [*unread, *sorted(new)]


@cache
def _errors(content: bytes) -> set[str]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "original.dcm"
        path.write_bytes(content)
        return dicom3tools.errors(path)


def _attributes(errors: Iterable[str]) -> set[str]:
    found = (_ATTRIBUTE.search(error) for error in errors)
    return {match[1] for match in found if match}
