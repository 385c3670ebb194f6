"""Installs the viewer: obtained, checked, made ours, packed, and put in its place as a whole."""

import gzip
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import brotli
import msgspec

from studypub.errors import Refused
from studypub.viewer import edition, obtain, recipe
from studypub.viewer.installed import MANIFEST, SUFFIXES, Manifest
from studypub.viewer.minify import minified

_PACKED: Final = (".js", ".css", ".wasm")  # the others are packed by what they are
_BEST: Final = 11
_EDITION: Final = re.compile(r"[0-9.]+-[0-9]+")


def install(folder: Path, viewer: bytes, esbuild: bytes | None, *, quality: int = _BEST) -> Path:
    """Put the viewer of this tarball into its place below the folder; return that place.

    `esbuild`: the tarball of what minifies. `quality`: how hard brotli tries, 0 to 11.
    Raises Refused where a package is not the one that is known, and where the folder cannot be written.
    """
    obtain.require_integrity(viewer, edition.INTEGRITY, edition.PACKAGE)
    if esbuild is not None:
        obtain.require_integrity(esbuild, edition.MINIFIER_INTEGRITY, edition.MINIFIER)
    files = obtain.read(viewer, lambda name: name == "LICENSE" or recipe.is_served(name.removeprefix("dist/")))
    licence = files.pop("LICENSE")
    dist = {name.removeprefix("dist/"): content for name, content in files.items()}
    made = recipe.made(dist)
    notices = licence + b"\n\n" + recipe.notices(dist).encode()
    try:
        served = made.files if esbuild is None else minified(made.files, _program(esbuild))
        return _put(folder, made, served, notices, quality)
    except (OSError, subprocess.SubprocessError) as error:
        raise Refused(
            str(error),
            reason_ru=f"В папку {folder} не удаётся записать OHIF Viewer.",
            reason_en=f"OHIF Viewer cannot be written into the folder {folder}.",
        ) from error


def _program(esbuild: bytes) -> bytes:
    return obtain.read(esbuild, lambda name: name == "bin/esbuild")["bin/esbuild"]


def _put(folder: Path, made: recipe.Viewer, served: Mapping[str, bytes], notices: bytes, quality: int) -> Path:
    """Write beside the place and move there: what is there serves until then. Other editions serve nobody any more."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    place = folder / edition.EDITION
    with TemporaryDirectory(prefix=".new-", dir=folder) as name:
        fresh = Path(name, "viewer")
        sizes = _write(fresh, served, quality)
        (fresh / "LICENSES.txt").write_bytes(notices)
        manifest = Manifest(made.main, made.styles, made.decoder, sizes)
        (fresh / MANIFEST).write_bytes(msgspec.json.encode(manifest))
        _open_to_all(fresh)
        if place.exists():
            place.replace(Path(name, "before"))
        fresh.replace(place)
    for manifest_of_other in folder.glob(f"*/{MANIFEST}"):
        other = manifest_of_other.parent
        if other != place and _EDITION.fullmatch(other.name):
            shutil.rmtree(other)
    return place


def _write(folder: Path, files: Mapping[str, bytes], quality: int) -> dict[str, dict[str, int]]:
    def write(name: str) -> tuple[str, dict[str, int]]:
        path = folder / name
        codings = _codings(files[name], quality) if path.suffix in _PACKED else {"identity": files[name]}
        for coding, content in codings.items():
            path.with_name(path.name + SUFFIXES[coding]).write_bytes(content)
        return name, {coding: len(content) for coding, content in codings.items()}

    for parent in {(folder / name).parent for name in files}:
        parent.mkdir(parents=True, exist_ok=True)
    # The largest first, so that none is left for the end; both compressors leave other threads running.
    order = sorted(files, key=lambda name: -len(files[name]))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(sorted(pool.map(write, order)))


def _codings(content: bytes, quality: int) -> dict[str, bytes]:
    return {
        "br": brotli.compress(content, quality=quality),
        "gzip": gzip.compress(content, 9, mtime=0),
        "identity": content,
    }


def _open_to_all(folder: Path) -> None:
    """Let the daemon's user read what root installs."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
