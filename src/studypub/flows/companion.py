"""Reads the companion of a publication part by part: one ranged read each, once its table is known."""

from collections import OrderedDict
from threading import Lock
from typing import Final

from studypub.archive.companion import Damaged, Table, table_length, table_of
from studypub.core.publication import Companion, Publication
from studypub.errors import StorageUnavailable
from studypub.store.base import Store

_TAIL_BYTES: Final = 1 << 16
_MOST_TABLES: Final = 64


class Companions:
    """The companions in one store; remembers the tables that were read last. For many threads; calls block."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tables: OrderedDict[str, Table] = OrderedDict()
        self._lock = Lock()

    def read_part(self, publication: Publication, name: str) -> bytes | None:
        """Return a part, None where there is none: of older publications there are no companions.

        Raises StorageUnavailable, StorageRefused.
        """
        companion = publication.companion
        place = self.table(companion).get(name) if companion else None
        if companion is None or place is None:
            return None
        return self._store.read(companion.key, place.offset, place.length)

    def read_range(self, publication: Publication, name: str, offset: int, length: int) -> bytes:
        """Return these bytes of a part. Raises StorageUnavailable where they are not there, StorageRefused."""
        companion = publication.companion
        place = self.table(companion).get(name) if companion else None
        if companion is None or place is None or offset + length > place.length:
            raise StorageUnavailable("a part of a companion is missing")
        return self._store.read(companion.key, place.offset + offset, length)

    def table(self, companion: Companion) -> Table:
        """Return where each part lies. Raises StorageUnavailable, StorageRefused."""
        with self._lock:
            if companion.key in self._tables:
                self._tables.move_to_end(companion.key)
                return self._tables[companion.key]
        table = self._read_table(companion)
        with self._lock:
            self._tables[companion.key] = table
            while len(self._tables) > _MOST_TABLES:
                self._tables.popitem(last=False)
        return table

    def _read_table(self, companion: Companion) -> Table:
        known = min(companion.size, _TAIL_BYTES)
        end = self._store.read(companion.key, companion.size - known, known)
        try:
            length = table_length(end)
            if length > len(end):
                end = self._store.read(companion.key, companion.size - length, length)
            return table_of(end)
        except Damaged as error:
            raise StorageUnavailable(f"a companion: {error}") from error
