"""What was packed, kept to be searched once all that identifies is known."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from studypub.archive.whole_file import disk_errors
from studypub.pixels.drawing import Piece


class Shared(NamedTuple):
    """Bytes of an original with which what was made of it ends: pixels that nobody changed."""

    original: Path
    begin: int
    end: int


class _Output(NamedTuple):
    """A member: a file of its own, or so many bytes of the common one and what it shares with its original."""

    member: str
    path: Path | None = None
    begin: int = 0
    end: int = 0
    shared: Shared | None = None


class Outputs:
    """The members of one archive, in files that are gone afterwards; shared bytes are not kept twice."""

    def __init__(self, folder: Path) -> None:
        """Raise DiskFull."""
        self._folder = folder
        self._outputs: list[_Output] = []
        with disk_errors():
            self._file = (folder / "outputs").open("w+b")

    def keep(self, member: str, content: bytes | Path, shared: Shared | None = None) -> None:
        """Keep a member; one that is a file is moved away. `shared`: its end, which is not kept. Raises DiskFull."""
        with disk_errors():
            if isinstance(content, Path):
                path = content.rename(self._folder / f"output-{len(self._outputs)}")
                self._outputs.append(_Output(member, path))
                return
            own = len(content) - (shared.end - shared.begin if shared else 0)
            begin = self._file.tell()
            self._file.write(memoryview(content)[:own])
            self._outputs.append(_Output(member, None, begin, begin + own, shared))

    def pieces(self) -> tuple[Piece, ...]:
        """Return where the bytes of the member that was kept last lie, once `flush` was called."""
        last = self._outputs[-1]
        if last.path:
            return (Piece(last.path, 0, last.path.stat().st_size),)
        own = Piece(self._folder / "outputs", last.begin, last.end)
        return (own, Piece(*last.shared)) if last.shared else (own,)

    def flush(self) -> None:
        """Let others read what is kept. Raises DiskFull."""
        with disk_errors():
            self._file.flush()

    def contents(self) -> Iterator[tuple[str, bytes | Path]]:
        """Yield each member with its bytes or the file in which they are. Raises DiskFull."""
        self.flush()
        for output in self._outputs:
            if output.path:
                yield output.member, output.path
            else:
                own = os.pread(self._file.fileno(), output.end - output.begin, output.begin)
                yield output.member, own + _read(output.shared) if output.shared else own

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what was buffered finds no room any more
            self._file.close()
        for path in (self._folder / "outputs", *(output.path for output in self._outputs if output.path)):
            path.unlink(missing_ok=True)


def _read(shared: Shared) -> bytes:
    with shared.original.open("rb", buffering=0) as file:
        return os.pread(file.fileno(), shared.end - shared.begin, shared.begin)
