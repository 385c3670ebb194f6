"""The image of a disc, as other programs see it."""

import subprocess
from pathlib import Path

from pycdlib.pycdlib import PyCdlib

from studypub.archive.container import Member
from studypub.archive.iso import IsoArchive

CONTENTS = {
    "DICOM/S0001/I0000001": b"image" * 1000,
    "DICOM/S0001/I0000002": bytes(2048),
    "DICOM/S0002/I0000001": b"",
    "DICOMDIR": b"directory",
    "README.txt": b"text",
}


def packed(folder: Path, name: str = "a.iso") -> tuple[Path, list[Member]]:
    path = folder / name
    (folder / "long").write_bytes(CONTENTS["DICOM/S0001/I0000001"])
    with path.open("w+b") as stream:
        archive = IsoArchive(stream)
        members = [
            archive.add(member, folder / "long" if content.startswith(b"image") else content, compress=True)
            for member, content in CONTENTS.items()
        ]
        archive.close()
        archive.discard()
    (folder / "long").unlink()
    return path, members


def test_each_member_lies_where_it_is_said_to(tmp_path: Path) -> None:
    path, members = packed(tmp_path)
    image = path.read_bytes()
    found = {one.name.decode(): image[one.content : one.content + one.packed] for one in members}
    assert found == CONTENTS
    assert [one.name for one in tmp_path.iterdir()] == ["a.iso"]


def test_names_are_those_of_level_1_and_of_joliet(tmp_path: Path) -> None:
    path, _ = packed(tmp_path)
    image = PyCdlib()
    image.open(str(path))
    plain = {f"{folder.rstrip('/')}/{name}" for folder, _, names in image.walk(iso_path="/") for name in names}
    longer = {f"{folder.rstrip('/')}/{name}" for folder, _, names in image.walk(joliet_path="/") for name in names}
    image.close()
    assert longer == {f"/{name}" for name in CONTENTS}
    assert plain == {f"/{name.upper()};1" if "." in name else f"/{name}.;1" for name in CONTENTS}


def test_nothing_tells_when_it_was_made(tmp_path: Path) -> None:
    path, _ = packed(tmp_path)
    listed = subprocess.run(["7zz", "l", "-slt", path], check=True, capture_output=True, text=True).stdout
    times = {line for line in listed.partition("----------")[2].splitlines() if line.startswith("Modified")}
    assert {time[:21] for time in times} == {"Modified = 1980-01-01"}
    volume = path.read_bytes()[16 * 2048 :]
    for descriptor in (volume[:2048], volume[2048:4096]):
        assert descriptor[1:6] == b"CD001"
        assert descriptor[813:881] == (b"0" * 16 + b"\0") * 4
    assert path.read_bytes() == packed(tmp_path, "b.iso")[0].read_bytes()
