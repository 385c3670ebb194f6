"""Packs a study: instances one by one, then the DICOMDIR and the README, under the name only when whole."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from pydicom import FileDataset
from pydicom.uid import UID

from studypub.archive.container import Container, Member
from studypub.archive.dicomdir import Directory
from studypub.archive.iso import IsoArchive
from studypub.archive.readme import readme
from studypub.archive.tar_zst import TarZstArchive
from studypub.archive.whole_file import Follower, WholeFile, disk_errors
from studypub.archive.zip import ZipArchive
from studypub.core.archive_format import ArchiveFormat

_CONTAINERS: Final[Mapping[ArchiveFormat, type[Container[Any]]]] = {
    ArchiveFormat.ZIP: ZipArchive,
    ArchiveFormat.TAR_ZST: TarZstArchive,
    ArchiveFormat.ISO: IsoArchive,
}
Inspect = Callable[[str, bytes], None]


def _see_nothing(_name: str, _data: bytes) -> None:
    """Look at nothing."""


@dataclass(frozen=True, slots=True)
class ArchiveSummary:
    """A finished archive: size in bytes, hash, and how many instances and series of which modalities it holds."""

    size: int
    sha256: bytes
    instances: int
    series: int
    modalities: tuple[str, ...]


class StudyArchive:
    """What one publication is downloaded as; leaving the `with` block before `close` leaves no file."""

    def __init__(self, path: Path, form: ArchiveFormat = ArchiveFormat.ZIP) -> None:
        """Raise DiskFull."""
        self._form = form
        self._names: list[str] = []
        with disk_errors():
            self._file = WholeFile(path)
        self._container = _CONTAINERS[form](self._file.stream, self._file.settle)
        self._directory = Directory()
        self._series: dict[UID, list[int]] = {}
        self._modalities: dict[str, None] = {}

    def add(self, dataset: FileDataset, part10: bytes | Path, cuts: Sequence[int] = ()) -> tuple[str, Member]:
        """Add a de-identified instance: its data set for the DICOMDIR and its file (PS3.10), or where that is.

        `cuts`: as of Container. Return its name, which tells the order in which series and instances came, and nothing
        else; and what stands in the archive. Raises DiskFull.
        """
        file_id = self._next_file_id(dataset.SeriesInstanceUID)
        name = "/".join(file_id)
        self._names.append(name)
        with disk_errors():
            native = _is_native(dataset.file_meta.TransferSyntaxUID)
            member: Member = self._container.add(name, part10, compress=native, cuts=cuts)
        self._directory.add(dataset, file_id)
        self._modalities[str(dataset.get("Modality") or "OT")] = None
        return name, member

    def close(
        self, *, whole: bool = True, page: Iterable[tuple[str, bytes]] | None = None, inspect: Inspect = _see_nothing
    ) -> ArchiveSummary:
        """Finish the archive, which says so where it is not the `whole` study; return what it is known by.

        `page`: the start page and its pictures. `inspect` is shown what is added now, name and bytes, and the names of
        all members. Raises DiskFull.
        """
        with disk_errors():
            text = readme(self._form, whole=whole, start_page=page is not None)
            for piece in self._directory.pieces():
                inspect("DICOMDIR", piece)
            self._add_own("DICOMDIR", self._directory.encode())
            for name, data in chain([("README.txt", text)], page or ()):
                inspect(name, data)
                self._add_own(name, data)
            inspect("names", "\n".join(self._names).encode())
            self._container.close()
            digest = self._file.commit()
        instances = sum(count for _, count in self._series.values())
        return ArchiveSummary(*digest, instances, len(self._series), tuple(self._modalities))

    def _add_own(self, name: str, data: bytes) -> None:
        self._names.append(name)
        self._container.add(name, data, compress=not name.endswith(".JPG"))

    def follow(self) -> Follower:
        """Return the archive as a stream that is read while it is made; it ends with `release`."""
        return self._file.follow()

    def release(self) -> None:
        """Let those who follow come to the end of the archive, which is closed."""
        self._file.release()

    def _next_file_id(self, series: UID) -> tuple[str, str, str]:
        place = self._series.setdefault(series, [len(self._series) + 1, 0])
        place[1] += 1
        return "DICOM", f"S{place[0]:04}", f"I{place[1]:07}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.discard()
        self._file.discard()


def _is_native(syntax: UID) -> bool:
    """Say whether compression gains anything (PS3.5 Section 10); of a private syntax nothing is known."""
    return syntax.is_transfer_syntax and not syntax.is_private and not (syntax.is_encapsulated or syntax.is_deflated)
