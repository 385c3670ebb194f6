"""Writes a ZIP: members in, bytes out; nothing in it but names that we made, sizes and contents."""

import contextlib
import io
import re
import shutil
import zipfile
from pathlib import Path
from typing import IO

_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*(/[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)*", re.ASCII)
_FASTEST = 1
_ZIP64_FROM_BYTES = 2_000_000_000
_BLOCK_BYTES = 1 << 20


class ZipArchive:
    """A ZIP in the making: ZIP64 where needed, no comments, no times, no extra fields besides those of ZIP64."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Write to a stream that can seek; it stays the caller's, who closes it."""
        self._zip = zipfile.ZipFile(stream, "w", allowZip64=True, compresslevel=_FASTEST)

    def add(self, name: str, data: bytes | Path, *, compress: bool) -> None:
        """Add a member, given as its bytes or as the file that holds them.

        Raises ValueError for a name that is not plain ASCII parts joined by `/`.
        """
        if not _NAME.fullmatch(name):
            raise ValueError("not a name for a member")
        size = len(data) if isinstance(data, bytes) else data.stat().st_size
        self._zip.compression = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        # A member opened by its name has neither time nor owner; a compressed one may grow a little.
        with _opened(data) as source, self._zip.open(name, "w", force_zip64=size > _ZIP64_FROM_BYTES) as target:
            shutil.copyfileobj(source, target, _BLOCK_BYTES)

    def close(self) -> None:
        """Write the central directory."""
        self._zip.close()

    def discard(self) -> None:
        """Let go of the stream, whatever becomes of it."""
        with contextlib.suppress(OSError, ValueError):
            self._zip.close()


def _opened(data: bytes | Path) -> IO[bytes]:
    return io.BytesIO(data) if isinstance(data, bytes) else data.open("rb")
