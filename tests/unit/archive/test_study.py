"""A whole archive: its layout, what is told of it, and that a half-written one never looks finished."""

import hashlib
import subprocess
import zipfile
from pathlib import Path
from random import randbytes

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)
from tests.unit.archive.instances import in_file_set, instance, part10

from studypub.archive.readme import readme
from studypub.archive.study import StudyArchive
from studypub.errors import DiskFull


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_the_layout_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    first, second, third = instance(), instance(SeriesInstanceUID="2.25.2", Modality="SR"), instance()
    with StudyArchive(path) as archive:
        for dataset in (first, second, third):
            archive.add(dataset, part10(dataset))
        archive.close()
    with zipfile.ZipFile(path) as found:
        assert found.namelist() == [
            "DICOM/S0001/I0000001",
            "DICOM/S0002/I0000001",
            "DICOM/S0001/I0000002",
            "DICOMDIR",
            "README.txt",
        ]
        assert found.read("DICOM/S0002/I0000001") == part10(second)
        assert found.read("DICOM/S0001/I0000002") == part10(third)


def test_the_summary_describes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    with StudyArchive(path) as archive:
        for dataset in (instance(), instance(), instance(SeriesInstanceUID="2.25.2", Modality="SEG")):
            archive.add(dataset, part10(dataset))
        summary = archive.close()
    data = path.read_bytes()
    assert summary.size == len(data)
    assert summary.sha256 == hashlib.sha256(data).digest()
    assert (summary.instances, summary.series, summary.modalities) == (3, 2, ("CT", "SEG"))


def test_an_unpacked_archive_is_a_file_set(tmp_path: Path) -> None:
    datasets = [instance(), instance(SeriesInstanceUID="2.25.2")]
    with StudyArchive(tmp_path / "study.zip") as archive:
        for dataset in datasets:
            archive.add(dataset, part10(dataset))
        archive.close()
    subprocess.run(["unzip", "-q", tmp_path / "study.zip", "-d", tmp_path / "out"], check=True)
    expected = [str(dataset.SOPInstanceUID) for dataset in datasets]
    assert in_file_set(tmp_path / "out" / "DICOMDIR", lambda one: str(one.load().SOPInstanceUID)) == expected


@pytest.mark.parametrize(
    ("syntax", "method"),
    [
        (ImplicitVRLittleEndian, zipfile.ZIP_DEFLATED),
        (ExplicitVRLittleEndian, zipfile.ZIP_DEFLATED),
        (ExplicitVRBigEndian, zipfile.ZIP_DEFLATED),
        (DeflatedExplicitVRLittleEndian, zipfile.ZIP_STORED),
        (JPEGBaseline8Bit, zipfile.ZIP_STORED),
        (RLELossless, zipfile.ZIP_STORED),
        ("1.2.840.113619.5.2", zipfile.ZIP_STORED),
    ],
)
def test_only_native_pixels_are_compressed(tmp_path: Path, syntax: str, method: int) -> None:
    with StudyArchive(tmp_path / "study.zip") as archive:
        archive.add(instance(syntax=syntax), b"x" * 1000)
        archive.close()
    with zipfile.ZipFile(tmp_path / "study.zip") as found:
        assert found.getinfo("DICOM/S0001/I0000001").compress_type == method


def test_everything_is_named_or_shown_before_it_is_finished(tmp_path: Path) -> None:
    shown: dict[str, bytes] = {}
    with StudyArchive(tmp_path / "study.zip") as archive:
        shown[archive.add(instance(), b"bytes")[0]] = b"bytes"
        (tmp_path / "long").write_bytes(b"of a file")
        shown[archive.add(instance(), tmp_path / "long")[0]] = b"of a file"
        archive.close(page=[("INDEX.HTM", b"page"), ("PREVIEW/S01I0001.JPG", b"jpeg")], inspect=shown.__setitem__)
    with zipfile.ZipFile(tmp_path / "study.zip") as found:
        members = {name: found.read(name) for name in found.namelist()}
    assert shown.pop("names") == "\n".join(members).encode()
    assert shown == members


def test_a_long_directory_is_shown_in_pieces_that_hold_all_of_it(tmp_path: Path) -> None:
    shown: list[bytes] = []

    def inspect(name: str, data: bytes) -> None:
        if name == "DICOMDIR":
            shown.append(data)

    with StudyArchive(tmp_path / "study.zip") as archive:
        for number in range(600):
            archive.add(instance(SOPInstanceUID=f"2.25.{number}"), b"x")
        archive.close(inspect=inspect)
    with zipfile.ZipFile(tmp_path / "study.zip") as found:
        whole = found.read("DICOMDIR")
    assert max(map(len, shown)) < len(whole) / 2
    records = whole.index(b"\x04\x00\x20\x12SQ") + 12
    assert b"".join(piece[records:] for piece in shown) == whole[records:]


def test_f06_an_unfinished_archive_has_no_name(tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    with StudyArchive(path) as archive:
        archive.add(instance(), b"x")
        assert not path.exists()
        archive.close()
        assert path.exists()
    assert names(tmp_path) == ["study.zip"]


def test_f06_an_abandoned_archive_leaves_nothing(tmp_path: Path) -> None:
    with StudyArchive(tmp_path / "study.zip") as archive:
        archive.add(instance(), b"x")
    assert names(tmp_path) == []


def test_f06_the_leftover_of_a_crash_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "study.zip.part").write_bytes(b"half" * 100_000)
    with StudyArchive(tmp_path / "study.zip") as archive:
        archive.add(instance(), b"x")
        archive.close()
    with zipfile.ZipFile(tmp_path / "study.zip") as found:
        assert found.testzip() is None
    assert names(tmp_path) == ["study.zip"]


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "study.zip.part").symlink_to("/dev/full")

    def pack() -> None:
        with StudyArchive(tmp_path / "study.zip") as archive:
            for _ in range(9):  # a few are compressed before the first is written
                archive.add(instance(), randbytes(1_000_000))

    with pytest.raises(DiskFull):
        pack()
    assert names(tmp_path) == []


def test_the_readme_is_read_right_by_the_plainest_editor() -> None:
    text = readme(whole=False).decode("utf-8-sig")
    assert readme(whole=False).startswith(b"\xef\xbb\xbf")
    assert "обезличены" in text
    assert "de-identified" in text
    assert "DICOMDIR" in text
    assert text.count("\n") == text.count("\r\n")
    assert max(map(len, text.splitlines())) < 80


@pytest.mark.parametrize("whole", [True, False])
def test_an_archive_that_is_not_the_whole_study_says_so(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "study.zip"
    with StudyArchive(path) as archive:
        archive.add(instance(), part10(instance()))
        archive.close(whole=whole)
    text = zipfile.ZipFile(path).read("README.txt").decode("utf-8-sig")
    assert ("Здесь не всё исследование" not in text) is whole
    assert ("This is not the whole study" not in text) is whole
