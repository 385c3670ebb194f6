"""An archive opens elsewhere: in each of its forms, by programs that others wrote."""

import re
import subprocess
from pathlib import Path, PureWindowsPath

import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import RLELossless
from tests.peers.archives import unpack
from tests.peers.orthanc import Orthanc
from tests.peers.studies import make_study
from tests.unit.archive.instances import in_file_set, part10

from studypub.archive.study import StudyArchive
from studypub.core.archive_format import ArchiveFormat

pytestmark = pytest.mark.peer
# PS3.10 8.2 and 8.5; what Windows keeps for devices has no digit before its last place.
_COMPONENT = re.compile(r"[A-Z0-9_]{1,8}", re.ASCII)


def study() -> list[FileDataset]:
    """Return two series of one study, one of them compressed."""
    first = make_study(patient_id="P1", accession_number="A1", seed=970, instances=4)
    second = make_study(patient_id="P1", accession_number="A1", seed=971, instances=2, transfer_syntax=RLELossless)
    for dataset in second:
        dataset.StudyInstanceUID = first[0].StudyInstanceUID
    return [*first, *second]


@pytest.fixture(params=ArchiveFormat)
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"study.{request.param}"
    with StudyArchive(path, request.param) as made:
        for dataset in study():
            made.add(dataset, part10(dataset))
        made.close()
    return path


def test_it_opens_elsewhere(archive: Path, tmp_path: Path, orthanc: Orthanc) -> None:
    folder = tmp_path / "folder"
    unpack(archive, folder)
    files = sorted(path for path in (folder / "DICOM").rglob("*") if path.is_file())
    assert len(files) == 6
    _require_file_ids(folder)
    listed = in_file_set(folder / "DICOMDIR", lambda one: (Path(one.path), str(one.load().SOPInstanceUID)))
    assert sorted(path for path, _ in listed) == files
    assert len({uid for _, uid in listed}) == 6
    _require_of_dcmtk(folder, files)
    orthanc.clear()
    for path in files:
        orthanc.keep(path.read_bytes())
    assert orthanc.count() == 6
    orthanc.clear()


def _require_file_ids(folder: Path) -> None:
    """Hold the names against those that a DICOMDIR may tell, and against Windows' rules."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    assert {name for name in names if "/" not in name} == {"DICOM", "DICOMDIR", "README.txt"}
    assert all(_COMPONENT.fullmatch(part) for name in names if name != "README.txt" for part in name.split("/"))
    assert len({name.casefold() for name in names}) == len(names)
    assert not any(PureWindowsPath(name).is_reserved() or name.endswith((".", " ")) for name in names)
    assert max(map(len, names)) < 60


def _require_of_dcmtk(folder: Path, files: list[Path]) -> None:
    """Let dcmtk read the DICOMDIR, and make another of the same files, that tells of the same."""
    for path in files[:4]:  # of compressed ones it says nothing
        subprocess.run(["dcm2json", path], check=True, capture_output=True)
    other = folder.with_name("OTHERDIR")
    names = [str(path.relative_to(folder)) for path in files]
    making = ["dcmmkdir", "--no-xfer-check", "--input-directory", str(folder), "--output-file", str(other), *names]
    subprocess.run(making, check=True, capture_output=True)
    assert len(_references(other)) == len(files)
    assert _references(folder / "DICOMDIR") == _references(other)


def _references(directory: Path) -> list[str]:
    dump = subprocess.run(["dcmdump", "+P", "0004,1500", directory], check=True, capture_output=True, text=True).stdout
    return sorted(re.findall(r"\[(.+)\]", dump))


def test_it_opens_with_7_zip(archive: Path, tmp_path: Path) -> None:
    """It tells the members of a TAR inside of what is compressed."""
    inner = archive
    if archive.suffix == ".zst":
        subprocess.run(["7zz", "x", "-bso0", f"-o{tmp_path}", archive], check=True)
        inner = archive.with_suffix("")
    listed = subprocess.run(["7zz", "t", "-bb1", inner], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^T (.+)$", listed, re.MULTILINE)
    assert {name for name in found if not re.fullmatch(r"DICOM/(S\d{4}/)?", name)} == {
        *(f"DICOM/S0001/I{number:07}" for number in range(1, 5)),
        *(f"DICOM/S0002/I{number:07}" for number in range(1, 3)),
        "DICOMDIR",
        "README.txt",
    }
