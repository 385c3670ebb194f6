"""Studies of any size are prepared and received in bounded memory."""

from pathlib import Path

import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit
from tests.peers import dcmtk, getting, large, preparing

from studypub.config import Pacs

MEBIBYTE = 2**20
MOST = 250 * MEBIBYTE  # the interpreter and the program included


@pytest.fixture
def originals(tmp_path: Path) -> Path:
    folder = tmp_path / "originals"
    folder.mkdir()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("syntax", "frames"), [(ExplicitVRLittleEndian, 200), (JPEGBaseline8Bit, 120)], ids=["native", "encapsulated"]
)
def test_f50_a_large_multi_frame_instance_is_prepared_in_little_memory(
    originals: Path, tmp_path: Path, syntax: UID, frames: int
) -> None:
    large.write(originals / "1.dcm", large.multi_frame(frames, syntax))
    told = preparing.in_a_child(originals, tmp_path / "work")
    assert told.instances == 1
    assert told.peak < MOST
    assert {path.name for path in (tmp_path / "work").iterdir()} == {"study.zip", "study.view"}


@pytest.mark.slow
def test_f50_a_study_of_many_instances_is_prepared_in_little_memory(originals: Path, tmp_path: Path) -> None:
    large.write_slices(originals, 600, 128)
    told = preparing.in_a_child(originals, tmp_path / "work", warm_up=60)
    assert told.instances == 600
    assert told.peak - told.before < 540 * 20 * 1024


@pytest.mark.slow
@pytest.mark.peer
def test_f50_a_large_instance_that_comes_by_c_get_is_not_held_in_memory(originals: Path, tmp_path: Path) -> None:
    dataset = large.multi_frame(200)
    large.write(originals / "1.dcm", dataset)
    size = (originals / "1.dcm").stat().st_size
    with dcmtk.started(tmp_path, {}) as peer:
        peer.adopt(originals / "1.dcm")
        pacs = Pacs(ae_title=peer.ae_title, host=peer.host, port=peer.port)
        told = getting.in_a_child(pacs, dataset.StudyInstanceUID, dataset.SOPClassUID, tmp_path)
    assert told.instances == 1
    assert abs(told.size - size) < 1000  # file meta and preamble are ours
    assert told.peak - told.before < 30 * MEBIBYTE
