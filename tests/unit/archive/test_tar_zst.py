"""TAR members in frames of Zstandard, as other programs see them."""

import io
import subprocess
import tarfile
from pathlib import Path
from random import Random

import pytest
from zstandard import ZstdDecompressor, get_frame_parameters

from studypub.archive.tar_zst import TarZstArchive


def unpacked(path: Path) -> bytes:
    return subprocess.run(["zstd", "-dcq", path], check=True, capture_output=True).stdout


def test_members_tell_nothing_but_name_size_and_content(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.zst"
    contents = {"DICOM/A": b"a" * 9000, "DICOM/B": b"", "README.txt": bytes(512)}
    with path.open("wb") as stream:
        archive = TarZstArchive(stream)
        for name, content in contents.items():
            archive.add(name, content, compress=True)
        archive.close()
    subprocess.run(["zstd", "-tq", path], check=True)
    with tarfile.open(fileobj=io.BytesIO(unpacked(path))) as found:
        assert {one.name: found.extractfile(one).read() for one in found} == contents  # type: ignore[union-attr]
        for one in found:
            assert (one.uid, one.gid, one.uname, one.gname, one.pax_headers) == (0, 0, "", "", {})
            assert (one.mode, one.mtime, one.isreg()) == (0o600, 315_532_800, True)


@pytest.mark.parametrize("cuts", [[], [0], [5], [100, 200], [1 << 20, (1 << 20) + 1, 3_000_000]])
def test_what_is_cut_unpacks_piece_by_piece_and_as_a_whole(tmp_path: Path, cuts: list[int]) -> None:
    data = Random(1).randbytes(1000) * 3500
    (tmp_path / "instance").write_bytes(data)
    path = tmp_path / "a.tar.zst"
    with path.open("wb") as stream:
        archive = TarZstArchive(stream)
        members = [
            archive.add(name, given, compress=name == "A", cuts=cuts)
            for name, given in (("A", data), ("B", tmp_path / "instance"))
        ]
        archive.close()
    with tarfile.open(fileobj=io.BytesIO(unpacked(path))) as found:
        assert [found.extractfile(name).read() for name in "AB"] == [data, data]  # type: ignore[union-attr]
    for member in members:
        packed = path.read_bytes()[member.content : member.content + member.packed]
        ends = [*member.marks[1:], member.packed]
        for begin, end, low, high in zip(member.marks, ends, cuts, [*cuts[1:], len(data)], strict=bool(cuts)):
            frame = packed[begin:end]
            assert ZstdDecompressor().decompress(frame) == data[low:high]
            known = get_frame_parameters(frame)
            assert (known.content_size, known.has_checksum) == (high - low, True)


def test_a_name_that_leads_out_of_the_folder_is_none() -> None:
    with pytest.raises(ValueError, match="not a name"):
        TarZstArchive(io.BytesIO()).add("../A", b"", compress=False)


@pytest.mark.long
def test_x43_a_member_beyond_8_gib(tmp_path: Path) -> None:
    size = (8 << 30) + 1
    with (tmp_path / "huge").open("wb") as sparse:
        sparse.truncate(size)
    path = tmp_path / "huge.tar.zst"
    with path.open("wb") as stream:
        archive = TarZstArchive(stream)
        archive.add("HUGE", tmp_path / "huge", compress=True)
        archive.add("AFTER", b"after", compress=False)
        archive.close()
    listing = subprocess.run(["tar", "--zstd", "-tvf", path], check=True, capture_output=True, text=True).stdout
    assert str(size) in listing
    assert listing.endswith("AFTER\n")
