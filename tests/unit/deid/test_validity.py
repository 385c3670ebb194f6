"""Instances that are filled with everything their IOD knows stay as valid as they were."""

import re
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from tests.unit.deid import corpus

from studypub.deid import encode, tables
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load

REAL = ["CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "liver_1frame.dcm", "rtdose_1frame.dcm", "693_J2KI.dcm"]
IMAGES = sorted({known.iod: uid for uid, known in tables.sop_classes().items() if known.iod}.items())

pytestmark = pytest.mark.skipif(
    not (shutil.which("dciodvfy") and shutil.which("dcmdump")), reason="dicom3tools and dcmtk are not installed"
)


def errors(path: Path) -> set[str]:
    """Return what dciodvfy calls errors, without values, item numbers and the names of modules."""
    run = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, errors="replace", check=False)
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("Error")]
    return {re.sub(r" - (Module|Macro)=<.*|= <.*|\[\d+\]", "", line) for line in lines}


@pytest.mark.parametrize(("iod", "sop_class"), IMAGES)
def test_no_rule_breaks_an_iod(iod: str, sop_class: str, tmp_path: Path) -> None:
    original = corpus.filled(iod, sop_class)
    before, after = tmp_path / "before.dcm", tmp_path / "after.dcm"
    before.write_bytes(encode.to_part10(original))
    known = errors(before)
    for profile in ("basic", "second-opinion"):
        result = Deidentifier(load(profile), corpus.KEY).header(original)
        assert isinstance(result, Kept)
        after.write_bytes(encode.to_part10(result.dataset))
        assert errors(after) - known == set()
        subprocess.run(["dcmdump", "-q", after], check=True, capture_output=True)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("profile", ["basic", "second-opinion"])
def test_real_files_stay_as_valid_as_they_were(name: str, profile: str, tmp_path: Path) -> None:
    before = Path(get_testdata_file(name) or "")
    after = tmp_path / "after.dcm"
    after.write_bytes(corpus.published(pydicom.dcmread(before), profile))
    assert errors(after) - errors(before) == set()
    subprocess.run(["dcmdump", "-q", after], check=True, capture_output=True)
