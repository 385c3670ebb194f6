"""ZIP members: names, times, methods and sizes, as other programs see them."""

import io
import struct
import subprocess
import zipfile
import zlib
from pathlib import Path
from random import Random

import pytest

from studypub.archive.zip import ZipArchive


def packed(*members: tuple[str, bytes, bool]) -> bytes:
    stream = io.BytesIO()
    archive = ZipArchive(stream)
    for name, data, compress in members:
        archive.add(name, data, compress=compress)
    archive.close()
    return stream.getvalue()


def test_members_come_back() -> None:
    with zipfile.ZipFile(io.BytesIO(packed(("DICOM/A", b"a" * 9000, True), ("README.txt", b"b", False)))) as archive:
        assert archive.testzip() is None
        assert archive.read("DICOM/A") == b"a" * 9000
        assert archive.read("README.txt") == b"b"
        assert [info.compress_type for info in archive.infolist()] == [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]


def test_members_tell_nothing_but_name_size_and_content() -> None:
    encoded = packed(("DICOM/A", b"a", True), ("B", b"b", False))
    assert b"PK\6\6" not in encoded
    with zipfile.ZipFile(io.BytesIO(encoded)) as archive:
        assert archive.comment == b""
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.comment, info.extra, info.flag_bits) == (b"", b"", 0)
            assert info.external_attr >> 16 == 0o600
            assert struct.unpack_from("<H", encoded, info.header_offset + 28) == (0,)


def test_the_same_members_give_the_same_bytes() -> None:
    assert packed(("A", b"a", True)) == packed(("A", b"a", True))


def test_a_file_is_packed_as_its_bytes_are(tmp_path: Path) -> None:
    data = bytes(range(256)) * 9000
    (tmp_path / "instance").write_bytes(data)
    stream = io.BytesIO()
    archive = ZipArchive(stream)
    archive.add("A", tmp_path / "instance", compress=True)
    archive.close()
    assert stream.getvalue() == packed(("A", data, True))


@pytest.mark.parametrize(
    "name", ["", "/A", "../A", "A/../B", "A//B", "A/", "A\\B", "C:A", "Ю", "A B", "A\n", ".A", "A\0"]
)
def test_x43_no_name_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        ZipArchive(io.BytesIO()).add(name, b"", compress=False)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "is_large"), [(65_534, False), (65_535, True)])
def test_x43_a_zip64_only_where_there_are_as_many_members(tmp_path: Path, count: int, is_large: bool) -> None:
    path = tmp_path / "many.zip"
    with path.open("wb") as stream:
        archive = ZipArchive(stream)
        for number in range(count):
            archive.add(f"DICOM/S0001/I{number:07}", b"x", compress=False)
        archive.close()
    with zipfile.ZipFile(path) as found:
        assert len(found.infolist()) == count
    assert (b"PK\6\6" in path.read_bytes()[-200:]) is is_large
    for command in (["unzip", "-tqq"], ["7zz", "t"]):
        subprocess.run([*command, path], check=True, capture_output=True)


@pytest.mark.slow
def test_x43_a_member_beyond_4_gib(tmp_path: Path) -> None:
    size = (4 << 30) + 1
    huge, path = tmp_path / "huge", tmp_path / "huge.zip"
    with huge.open("wb") as sparse:
        sparse.truncate(size)
    with path.open("wb") as stream:
        archive = ZipArchive(stream)
        archive.add("HUGE", huge, compress=True)
        archive.add("AFTER", b"after", compress=False)
        archive.close()
    with zipfile.ZipFile(path) as found:
        assert found.getinfo("HUGE").file_size == size
        assert found.read("AFTER") == b"after"
    listing = subprocess.run(["unzip", "-l", path], check=True, capture_output=True, text=True)
    assert str(size) in listing.stdout


@pytest.mark.parametrize("cuts", [[0], [5], [100, 200], [1 << 20, (1 << 20) + 1, 3_000_000]])
def test_what_is_cut_inflates_piece_by_piece_and_as_a_whole(tmp_path: Path, cuts: list[int]) -> None:
    data = Random(1).randbytes(1000) * 3500
    (tmp_path / "instance").write_bytes(data)
    stream = io.BytesIO()
    archive = ZipArchive(stream)
    members = [
        archive.add(name, given, compress=True, cuts=cuts)
        for name, given in (("A", data), ("B", tmp_path / "instance"))
    ]
    archive.close()
    with zipfile.ZipFile(stream) as found:
        assert found.testzip() is None
        assert found.read("A") == found.read("B") == data
    for member in members:
        packed = stream.getvalue()[member.content : member.content + member.packed]
        ends = [*member.marks[1:], member.packed]
        for begin, end, low, high in zip(member.marks, ends, cuts, [*cuts[1:], len(data)], strict=True):
            assert zlib.decompressobj(-15).decompress(packed[begin:end]) == data[low:high]


def test_what_is_stored_is_not_cut() -> None:
    archive = ZipArchive(io.BytesIO())
    member = archive.add("A", b"abc", compress=False, cuts=[1])
    archive.close()
    assert (member.marks, member.packed) == ([], 3)
