"""Studies of any size are prepared and received in bounded memory."""

from pathlib import Path

import pytest
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit
from tests.peers import large, preparing

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
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["study.zip"]


@pytest.mark.slow
def test_f50_a_study_of_many_instances_is_prepared_in_little_memory(originals: Path, tmp_path: Path) -> None:
    large.write_slices(originals, 600, 128)
    told = preparing.in_a_child(originals, tmp_path / "work", warm_up=60)
    assert told.instances == 600
    assert told.peak - told.before < 540 * 20 * 1024
