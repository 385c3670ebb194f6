"""Archives as programs that others wrote open them."""

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from studypub.core.archive_format import ArchiveFormat

_COMMANDS = {
    ArchiveFormat.ZIP: ("unzip", "-q", "{archive}", "-d", "{folder}"),
    ArchiveFormat.ISO: ("7zz", "x", "-bso0", "-o{folder}", "{archive}"),
    ArchiveFormat.TAR_ZST: ("tar", "--zstd", "-xf", "{archive}", "-C", "{folder}"),
}


def form_of(content: bytes) -> ArchiveFormat:
    """Tell a form by how it begins."""
    if content.startswith(b"PK"):
        return ArchiveFormat.ZIP
    return ArchiveFormat.TAR_ZST if content.startswith(b"\x28\xb5\x2f\xfd") else ArchiveFormat.ISO


def unpack(archive: Path, folder: Path) -> None:
    """Unpack an archive into a folder, which is made."""
    folder.mkdir()
    with archive.open("rb") as file:
        command = _COMMANDS[form_of(file.read(4))]
    subprocess.run([word.format(archive=archive, folder=folder) for word in command], check=True)


def members(content: bytes) -> dict[str, bytes]:
    """Return what an archive holds."""
    with TemporaryDirectory() as place:
        archive, folder = Path(place) / "archive", Path(place) / "folder"
        archive.write_bytes(content)
        unpack(archive, folder)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
