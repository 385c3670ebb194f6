"""Members in, bytes out: what every form of an archive has in common."""

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import IO, Final, Generic, TypeVar

_NAME: Final = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*(/[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)*", re.ASCII)
_PACKERS: Final = 2
_MOST_PACKING: Final = 4


class Coding(Enum):
    """How the content of a member lies in the archive."""

    STORED = auto()
    DEFLATED = auto()  # RFC 1951, without a header
    ZSTD = auto()  # RFC 8878, a frame at every place that was cut


@dataclass(slots=True)
class Member:
    """What stands in the archive; where, and what its sizes are, is known when the archive is closed.

    `marks`: where in the packed content begins what unpacks without what is before it, for each place that was cut.
    """

    name: bytes
    coding: Coding
    place: int = 0
    packed: int = 0
    size: int = 0
    marks: list[int] = field(default_factory=list)

    @property
    def content(self) -> int:
        """Where the packed content begins in the archive."""
        return self.place


M = TypeVar("M", bound=Member)
Pieces = Iterable[bytes | memoryview]


class Container(ABC, Generic[M]):
    """An archive in the making.

    Members are compressed by threads while the next ones are made, and written in their order.
    """

    def __init__(self, stream: IO[bytes], settled: Callable[[], None] = lambda: None) -> None:
        """Write to a stream that can seek; it stays the caller's, who closes it.

        `settled` is called when all that was written so far is final.
        """
        self._stream = stream
        self._settled = settled
        self._packing: deque[tuple[M, Future[Pieces]]] = deque()
        self._packers = ThreadPoolExecutor(_PACKERS, "archive")

    def add(self, name: str, data: bytes | Path, *, compress: bool, cuts: Sequence[int] = ()) -> M:
        """Add a member, given as its bytes or as the file that holds them, which is not needed afterwards.

        `compress`: whether that gains anything. `cuts`: places in it, in order, from which on it is unpacked without
        what is before. Raises ValueError for a name that is not plain ASCII parts joined by `/`.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("not a name for a member")
        member = self._member(name, compress=compress)
        if isinstance(data, bytes):
            self._packing.append((member, self._packers.submit(self._packed, member, data, cuts)))
            self._write_packed(_MOST_PACKING)
        else:
            self._write_packed(0)
            self._write_file(member, data, cuts)
            self._settled()
        return member

    def close(self) -> None:
        """Write what is left, and the end of the archive."""
        self._write_packed(0)
        self._packers.shutdown()
        self._write_end()

    def discard(self) -> None:
        """End the threads, whatever becomes of the stream."""
        self._packers.shutdown(cancel_futures=True)

    def _write_packed(self, most_left: int) -> None:
        """Write members until no more than so many are being compressed."""
        while len(self._packing) > most_left:
            member, packing = self._packing.popleft()
            self._write(member, packing.result())
            self._settled()

    @abstractmethod
    def _member(self, name: str, *, compress: bool) -> M:
        """Return a new member."""

    @abstractmethod
    def _packed(self, member: M, data: bytes, cuts: Sequence[int]) -> Pieces:
        """Return what is written of a member, and note in it what is known then; in any thread."""

    @abstractmethod
    def _write(self, member: M, content: Pieces) -> None:
        """Write a member that was packed."""

    @abstractmethod
    def _write_file(self, member: M, path: Path, cuts: Sequence[int]) -> None:
        """Write a member that is not held in memory."""

    @abstractmethod
    def _write_end(self) -> None:
        """Write what follows the last member."""
