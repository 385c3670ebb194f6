import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from tests.peers.studies import BANNER, make_study, scan_with_banner, with_region
from tests.unit.deid.corpus import CT, ROOT, WORD, image, leaks

from studypub.deid.profile import load
from studypub.errors import Refused
from studypub.flows.deidentify import deidentify_folder


def content(number: int, *, sop_class: str = CT, study: int = 1) -> bytes:
    dataset = image(sop_class)
    dataset.SOPInstanceUID = f"{ROOT}.1.1.{number}"
    dataset.StudyInstanceUID = f"{ROOT}.{study}"
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


FILES = {
    f"{WORD}/one.dcm": content(1),
    f"{WORD}/two": content(2),
    f"{WORD}/other.dcm": content(3, study=2),
    "report.dcm": content(4, sop_class="1.2.840.10008.5.1.4.1.1.88.11"),
    "letter.txt": b"Dear Dr. Ivanov",
    "empty": b"",
    "broken.dcm": bytes(128) + b"DICM" + b"\x02\0\x10\0XX" * 30,
    "cut.dcm": content(5)[:-4],
}
OUTCOMES = {
    f"{WORD}/one.dcm": None,
    f"{WORD}/two": None,
    f"{WORD}/other.dcm": None,
    "report.dcm": "structured_report",
    "letter.txt": "not_dicom",
    "empty": "not_dicom",
    "broken.dcm": "broken",
    "cut.dcm": "broken",
}


@pytest.fixture(params=["folder", "zip"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
            for name, data in FILES.items():
                archive.writestr(name, data)
        return tmp_path / "in.zip"
    for name, data in FILES.items():
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "in"


def test_every_input_is_listed_with_its_outcome(source: Path, tmp_path: Path) -> None:
    report = deidentify_folder(source, tmp_path / "out", load("basic"))
    assert {entry["file"]: entry["reason"] for entry in report} == OUTCOMES
    assert {entry["outcome"] for entry in report} == {"kept", "left_out"}
    kept = {entry["sop_instance_uid"] for entry in report if entry["outcome"] == "kept"}
    assert kept == {f"{ROOT}.1.1.{number}" for number in (1, 2, 3)}


def test_output_holds_one_folder_a_study_and_nothing_original(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    deidentify_folder(source, target, load("basic"))
    files = sorted(path for path in target.rglob("*") if path.is_file())
    assert sorted(len(list(folder.iterdir())) for folder in target.iterdir()) == [1, 2]
    assert not [path for path in files if leaks(path.read_bytes()) or leaks(str(path.relative_to(target)).encode())]
    read = [pydicom.dcmread(path) for path in files]
    assert {str(dataset.StudyInstanceUID) for dataset in read} == {folder.name for folder in target.iterdir()}
    assert len({dataset.PatientID for dataset in read}) == 1


def test_ultrasound_comes_out_with_its_banner_covered(tmp_path: Path) -> None:
    study = make_study(patient_id="1000001158664", accession_number="KP125706548L", instances=1)
    scan = with_region(scan_with_banner(study, printed="КОВАЛЕВСКАЯ С.Ю. 1000001158664"))
    (tmp_path / "in").mkdir()
    scan.save_as(tmp_path / "in" / "scan", enforce_file_format=True)
    (entry,) = deidentify_folder(tmp_path / "in", tmp_path / "out", load("second-opinion"))
    assert (entry["outcome"], entry["reason"], entry["sop_instance_uid"]) == ("masked", None, scan.SOPInstanceUID)
    (path,) = (tmp_path / "out").rglob("*.dcm")
    assert not pydicom.dcmread(path).pixel_array[:BANNER].any()


@pytest.mark.parametrize("only", [True, pytest.param(False, marks=pytest.mark.long)], ids=["some", "all"])
def test_every_file_that_comes_with_pydicom_ends_in_an_outcome(tmp_path: Path, only: bool) -> None:
    source = Path(pydicom.__file__).parent / "data"
    if only:
        chosen = [path for path in source.rglob("*") if path.name in REAL]
        source = tmp_path / "in"
        source.mkdir()
        for path in chosen:
            shutil.copy(path, source)
    report = deidentify_folder(source, tmp_path / "out", load("second-opinion"))
    outcomes = {entry["file"].rpartition("/")[2]: entry["reason"] for entry in report}
    assert len(report) == sum(path.is_file() for path in source.rglob("*"))
    assert {name: outcomes[name] for name in REAL} == REAL
    for path in (tmp_path / "out").rglob("*.dcm"):
        assert pydicom.dcmread(path).PatientIdentityRemoved == "YES"


REAL = {
    "CT_small.dcm": None,
    "MR_small.dcm": None,
    "MR_small_bigendian.dcm": None,
    "MR_small_implicit.dcm": None,
    "MR_small_RLE.dcm": None,
    "MR_small_jp2klossless.dcm": None,
    "MR_small_jpeg_ls_lossless.dcm": None,
    "693_J2KI.dcm": None,
    "liver_1frame.dcm": None,
    "rtdose.dcm": None,
    "MR_truncated.dcm": "broken",
    "reportsi.dcm": "structured_report",
    "rtplan.dcm": "no_pixels",
    "waveform_ecg.dcm": "waveform",
    "examples_rgb_color.dcm": "text_may_remain",
    "SC_rgb_rle.dcm": "secondary_capture",
    "DICOMDIR": "media_directory",
    "README.txt": "not_dicom",
}


def test_what_the_rules_miss_is_not_written(tmp_path: Path) -> None:
    dataset = image(CT)
    dataset.PatientName, dataset.PatientID = "Verkhovtseva^Apollinariya", "7731-405592-KZ"
    shown = b"VERKHOVTSEVA APOLLINARIYA 7731-405592-KZ"
    dataset.Rows = dataset.Columns = 16
    dataset.BitsStored, dataset.HighBit = 16, 15
    dataset.PixelData = shown + bytes(512 - len(shown))
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "one.dcm", enforce_file_format=True)
    [entry] = deidentify_folder(tmp_path / "in", tmp_path / "out", load("second-opinion"))
    assert (entry["outcome"], entry["reason"]) == ("left_out", "phi_suspected")
    assert list((tmp_path / "out").rglob("*.dcm")) == []


def test_two_patients_stay_two(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in (1, 2):
        dataset = image()
        dataset.PatientID, dataset.StudyInstanceUID = f"P{number}", f"1.2.{number}"
        dataset.save_as(tmp_path / "in" / f"{number}.dcm", enforce_file_format=True)
    deidentify_folder(tmp_path / "in", tmp_path / "out", load("basic"))
    read = [pydicom.dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    assert len({dataset.PatientID for dataset in read}) == 2


def test_each_run_has_its_own_key(source: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        deidentify_folder(source, tmp_path / name, load("basic"))
    assert not {path.name for path in (tmp_path / "a").iterdir()} & {path.name for path in (tmp_path / "b").iterdir()}


def test_a_missing_source_and_a_full_target_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused):
        deidentify_folder(tmp_path / "none", tmp_path / "out", load("basic"))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(Refused):
        deidentify_folder(tmp_path / "full", tmp_path / "full", load("basic"))
