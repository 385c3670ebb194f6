"""Instances that are filled with everything their IOD knows stay as valid as they were."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from tests.peers import dicom3tools
from tests.peers.dicom3tools import errors
from tests.unit.deid import corpus

from studypub.deid import elements, encode, tables
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load

REAL = ["CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "liver_1frame.dcm", "rtdose_1frame.dcm", "693_J2KI.dcm"]
FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
WILD = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.suffix in {"", ".dcm"})
IMAGES = sorted({known.iod: uid for uid, known in tables.sop_classes().items() if known.iod}.items())

pytestmark = pytest.mark.skipif(not dicom3tools.PRESENT, reason="dicom3tools and dcmtk are not installed")


@pytest.mark.parametrize(("iod", "sop_class"), IMAGES)
def test_no_rule_breaks_an_iod(iod: str, sop_class: str, tmp_path: Path) -> None:
    original = corpus.filled(iod, sop_class)
    before = tmp_path / "before.dcm"
    before.write_bytes(encode.to_part10(original))
    known = errors(before)
    for profile in ("basic", "second-opinion"):
        result = Deidentifier(load(profile), corpus.KEY).header(original)
        assert isinstance(result, Kept)
        after = tmp_path / f"{profile}.dcm"
        after.write_bytes(encode.to_part10(result.dataset))
        assert errors(after) - known == set()
        assert dicom3tools.opens(after)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("profile", ["basic", "second-opinion"])
def test_real_files_stay_as_valid_as_they_were(name: str, profile: str, tmp_path: Path) -> None:
    before = Path(get_testdata_file(name) or "")
    after = tmp_path / "after.dcm"
    after.write_bytes(corpus.published(pydicom.dcmread(before), profile))
    assert errors(after) - errors(before) == set()
    assert dicom3tools.opens(after)


def readable(path: Path) -> bool:
    """Say whether dciodvfy can be asked: it does not inflate, and stops at what it cannot parse."""
    with path.open("rb") as file:
        return b"1.2.840.10008.1.2.1.99" not in file.read(1024) and not any(
            "read failed" in each for each in errors(path)
        )


def decoded(dataset: pydicom.FileDataset) -> Any:
    """Return the samples; None where no decoder here knows the coding, or the object is broken."""
    try:
        return dataset.pixel_array
    except (*elements.BROKEN, RuntimeError):
        return None


@pytest.mark.slow
@pytest.mark.parametrize("path", WILD, ids=lambda path: path.name)
def test_files_of_many_makers_stay_whole(path: Path, tmp_path: Path) -> None:
    after = tmp_path / "after.dcm"
    with warnings.catch_warnings(action="ignore"):
        try:
            original = pydicom.dcmread(path, force=True)
            result = Deidentifier(load("second-opinion"), corpus.KEY).header(original)
        except elements.BROKEN:
            return
        if not isinstance(result, Kept):
            return
        after.write_bytes(encode.to_part10(result.dataset))
        assert dicom3tools.opens(after)
        assert not readable(path) or errors(after) - errors(path) == set()
        before = decoded(original)
        assert before is None or np.array_equal(decoded(pydicom.dcmread(after)), before)
