"""What every store of archives can do; the calls block, so callers use threads."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

LONGEST_LINK = timedelta(minutes=5)
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)


class Stream(Protocol):
    """Bytes that come one after the other."""

    def read(self, size: int, /) -> bytes:
        """Return so many of the next bytes, fewer at the end alone."""


class Sent(NamedTuple):
    """What a store has to know of what was put, to hold what is stored against it."""

    sha256: bytes = b""
    etag: str = ""
    tail: bytes = b""


class Store(Protocol):
    """A place for archives, each under a key of plain ASCII parts joined by `/` (ValueError for any other).

    All calls raise StorageUnavailable where time may heal it, StorageRefused where only a person can, and
    DiskFull where the local disk has no room.
    """

    def put(self, key: str, stream: Stream) -> Sent:
        """Store what comes; it is reachable only when it is whole, and replaces what was there.

        Where the stream raises, so does this, and nothing is stored.
        """

    def verify(self, key: str, sent: Sent, size: int, sha256: bytes) -> None:
        """Raise StoredObjectDiffers unless that many bytes of that hash are stored; `sent` is what `put` returned."""

    def size(self, key: str) -> int | None:
        """Return the size of the object in bytes, or None where there is none."""

    def stored_keys(self) -> Iterator[str]:
        """Yield the key of every archive that is stored, whoever stored it."""

    def delete(self, key: str) -> None:
        """Remove the object, every version of it; a missing one is fine."""

    def link(self, key: str, file_name: str, lifetime: timedelta) -> str | None:
        """Return an address that serves the object as a download of that name, for at most LONGEST_LINK.

        None means that the daemon itself streams what `path` names.
        """

    def path(self, key: str) -> Path | None:
        """Return the file that holds the object, or None where there is none on this machine."""

    def read(self, key: str, offset: int, length: int) -> bytes:
        """Return these bytes of the object. Raises StorageUnavailable where they are not all there."""

    def sweep(self, age: timedelta) -> int:
        """Remove what puts left behind that have sent nothing for so long; return how many there were."""

    def check(self) -> None:
        """Put, get and delete a small object; raise BucketIsPublic if strangers can read it."""


def is_key(name: str) -> bool:
    """Whether a name that was found in the store can be a key."""
    return _KEY.fullmatch(name) is not None


def checked(key: str) -> str:
    """Return the key, or raise ValueError where it could lead out of the store."""
    if not _KEY.fullmatch(key):
        raise ValueError("not a key")
    return key
