"""OHIF Viewer as it is installed: fetched by npm once, made once for each recipe, kept for the next run."""

import hashlib
import shutil
from functools import cache
from pathlib import Path

import pytest
from tests.peers.built import ROOT, only_one

from studypub.viewer import edition, obtain
from studypub.viewer.install import install

_RECIPE = ROOT / "src/studypub/viewer"
_QUICK = 4
"""How hard brotli tries: what is served is the same."""


@cache
def package(name: str) -> bytes:
    """Return a tarball, NAME@VERSION."""
    with only_one(f"{name.replace('/', '+')}.tgz") as file:
        if not file.exists():
            unfinished = file.with_suffix(".new")
            unfinished.write_bytes(obtain.fetched(name))
            unfinished.replace(file)
        return file.read_bytes()


@pytest.fixture(scope="session")
def viewer_folder() -> Path:
    """The folder that a viewer is installed in."""
    return installed()


def installed() -> Path:
    """Return a folder that a viewer is installed in; made once."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(_RECIPE.glob("*.py")))).hexdigest()[:16]
    with only_one("viewer") as home:
        folder = home / digest
        if not (folder / edition.EDITION).exists():
            shutil.rmtree(home, ignore_errors=True)
            install(folder, package(edition.PACKAGE), package(edition.MINIFIER), quality=_QUICK)
        return folder
