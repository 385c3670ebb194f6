"""What a download is unpacked to, and what is never written."""

import io
import tarfile
from pathlib import Path

import pytest
import zstandard

from studypub.archive.tar_zst import TarZstArchive
from studypub.fetch.errors import DownloadDiffers, NoRoom
from studypub.fetch.unpack import unpack


def packed(path: Path, *members: tarfile.TarInfo) -> Path:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(bytes(min(member.size, 100))) if member.isreg() else None)
    path.write_bytes(zstandard.compress(stream.getvalue()))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname = kind, link
    return found


def test_a_compressed_tar_becomes_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "study-1.tar.zst"
    with path.open("wb") as stream:
        archive = TarZstArchive(stream)
        archive.add("DICOM/S0001/I0000001", b"image" * 1000, compress=False, cuts=[100])
        archive.add("DICOMDIR", b"directory", compress=True)
        archive.close()
    folder = unpack(path)
    assert folder == tmp_path / "study-1"
    assert (folder / "DICOM/S0001/I0000001").read_bytes() == b"image" * 1000
    assert (folder / "DICOMDIR").read_bytes() == b"directory"


@pytest.mark.parametrize(
    "hostile",
    [
        member("../A"),
        member("/tmp/A"),
        member("A/../../B"),
        member("A", tarfile.SYMTYPE, "/etc/passwd"),
        member("A", tarfile.LNKTYPE, "DICOMDIR"),
        member("A", tarfile.FIFOTYPE),
    ],
)
def test_x43_nothing_is_written_but_plain_files_below_the_folder(tmp_path: Path, hostile: tarfile.TarInfo) -> None:
    path = packed(tmp_path / "study.tar.zst", member("DICOMDIR"), hostile)
    with pytest.raises(DownloadDiffers):
        unpack(path)
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_disk_cannot_hold_is_not_begun(tmp_path: Path) -> None:
    bomb = member("A")
    bomb.size = 1 << 60
    stream = tarfile.TarInfo.tobuf(bomb, tarfile.GNU_FORMAT)
    (tmp_path / "study.tar.zst").write_bytes(zstandard.compress(stream))
    with pytest.raises(NoRoom):
        unpack(tmp_path / "study.tar.zst")


@pytest.mark.parametrize("cut", [10, 600])
def test_what_is_cut_off_is_told_as_damaged(tmp_path: Path, cut: int) -> None:
    path = packed(tmp_path / "study.tar.zst", *(member(f"A{number}") for number in range(2000)))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DownloadDiffers):
        unpack(path)


def test_the_image_of_a_disc_stays_one(tmp_path: Path) -> None:
    assert unpack(tmp_path / "study-1.iso") == tmp_path / "study-1.iso"
