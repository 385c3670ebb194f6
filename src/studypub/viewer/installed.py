"""Finds the viewer where it was installed, and each of its files as a browser accepts it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from studypub import resources
from studypub.viewer.edition import EDITION

MANIFEST: Final = "manifest.json"
SUFFIXES: Final = {"br": ".br", "gzip": ".gz", "identity": ""}
"""How a file is named that is coded so (RFC 9110 8.4), the smallest first."""

_REFUSED: Final = re.compile(r";\s*q=0(\.0*)?\s*$")

TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
    ".png": "image/png",
}


class Manifest(msgspec.Struct, frozen=True):
    """What was installed: the page's script and styles, the script that decodes, and each file's sizes by coding."""

    main: str
    styles: str
    decoder: str
    files: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class ViewerFile:
    """A file as it is sent."""

    path: Path
    size: int
    media_type: str
    coding: str


class Installed:
    """The viewer in the first of these folders that has it; it may come while we look, and then it stays."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = [folder / EDITION for folder in folders]
        self._found: tuple[Path, Manifest] | None = None

    @property
    def manifest(self) -> Manifest | None:
        """What there is; None where none of this edition is installed."""
        found = self._look()
        return found[1] if found else None

    def file(self, name: str, accepted: str) -> ViewerFile | None:
        """Return a file for whoever sends this Accept-Encoding; None where there is none."""
        found = self._look()
        sizes = found[1].files.get(name) if found else None
        if found is None or sizes is None:
            return None
        codings = {part.partition(";")[0].strip() for part in accepted.lower().split(",") if not _REFUSED.search(part)}
        coding = next(coding for coding in SUFFIXES if coding in sizes and coding in {*codings, "identity"})
        path = found[0] / (name + SUFFIXES[coding])
        return ViewerFile(path, sizes[coding], TYPES[Path(name).suffix], coding)

    def _look(self) -> tuple[Path, Manifest] | None:
        if self._found is None:
            self._found = next(filter(None, map(_read, self._folders)), None)
        return self._found


def folders(data_dir: Path) -> tuple[Path, Path]:
    """Return where a viewer is looked for: one of the machine's own, before the one that came with the program."""
    return data_dir / "viewer", resources.path("viewer")


def _read(folder: Path) -> tuple[Path, Manifest] | None:
    try:
        return folder, msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return None
