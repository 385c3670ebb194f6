"""A store whose calls are measured, and counted where they fail."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from studypub.errors import DiskFull, StorageRefused, StorageUnavailable, StoredObjectDiffers
from studypub.metrics import Metrics
from studypub.store.base import Sent, Store, Stream

# An archive that is given up while it is sent is no fault of the store.
_FAULTS = (StorageUnavailable, StorageRefused, StoredObjectDiffers, DiskFull)


class MeasuredStore:
    """A Store before another one."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    def put(self, key: str, stream: Stream) -> Sent:
        """Store what comes; an archive that is sent while it is packed takes as long as that."""
        with self._measured("put"):
            return self._store.put(key, stream)

    def verify(self, key: str, sent: Sent, size: int, sha256: bytes) -> None:
        """Hold what is stored against what was sent."""
        with self._measured("verify"):
            self._store.verify(key, sent, size, sha256)

    def size(self, key: str) -> int | None:
        """Return the size of the object."""
        with self._measured("size"):
            return self._store.size(key)

    def stored_keys(self) -> Iterator[str]:
        """Yield the key of every archive; how long that takes depends on whoever takes them."""
        return self._store.stored_keys()

    def delete(self, key: str) -> None:
        """Remove the object."""
        with self._measured("delete"):
            self._store.delete(key)

    def link(self, key: str, file_name: str, lifetime: timedelta) -> str | None:
        """Return an address of the object; that asks nobody."""
        return self._store.link(key, file_name, lifetime)

    def path(self, key: str) -> Path | None:
        """Return the file that holds the object."""
        return self._store.path(key)

    def read(self, key: str, offset: int, length: int) -> bytes:
        """Return these bytes of the object."""
        with self._measured("read"):
            return self._store.read(key, offset, length)

    def sweep(self, age: timedelta) -> int:
        """Remove what puts left behind."""
        with self._measured("sweep"):
            return self._store.sweep(age)

    def check(self) -> None:
        """Put, get and delete a small object."""
        with self._measured("check"):
            self._store.check()

    @contextmanager
    def _measured(self, operation: str) -> Iterator[None]:
        try:
            with self._metrics.store_seconds.labels(operation).time():
                yield
        except _FAULTS as error:
            self._metrics.store_errors.labels(operation, error.code).inc()
            raise
