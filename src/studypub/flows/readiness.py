"""Says whether everything that publishing needs can be used now."""

import asyncio
import time
from collections.abc import Callable

from studypub.db.database import Database
from studypub.dicom.scp import StorageScp
from studypub.dicom.spool import Spool
from studypub.errors import Sentence, StorageRefused, StorageUnavailable, StudypubError
from studypub.store.base import Store

# The store is tried by really writing to it; not at every question.
_STORE_SECONDS = 30.0
# A store that keeps silent is given up after a minute; nobody who asks is to wait for that.
_PATIENCE_SECONDS = 2.0
_WATCH_SECONDS = 5.0
_NO_ROOM = Sentence(
    "На сервере публикации мало места на диске: новые задания ждут. Сообщите администратору.",
    "The publishing server is short of disk space: new tasks wait. Tell the administrator.",
)


class Readiness:
    """The database, the listener, the store and the disk, each with what is wrong with it, or None."""

    def __init__(
        self,
        database: Database,
        scp: StorageScp,
        spool: Spool,
        store: Store,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._scp = scp
        self._spool = spool
        self._store = store
        self._clock = clock
        self._store_checked = float("-inf")
        self._store_error: StudypubError | None = None
        self._checking: asyncio.Task[None] | None = None

    async def __call__(self) -> dict[str, str | None]:
        """Return each part's fault."""
        return {
            "database": await self._database_fault(),
            "scp": None if self._scp.is_listening() else "the DICOM listener has stopped",
            "storage": await self._storage_fault(),
            "disk": self._disk_fault(),
        }

    async def watch(self) -> None:
        """Keep knowing how the store is; one that said no is asked again soon."""
        while True:
            await self._storage_fault()
            await asyncio.sleep(_WATCH_SECONDS)

    def obstacle(self) -> Sentence | None:
        """Return why no task can be begun now, as far as it is known without asking anybody: no room, no store."""
        if self._disk_fault():
            return _NO_ROOM
        return self._store_error.sentence if isinstance(self._store_error, StorageRefused) else None

    def _disk_fault(self) -> str | None:
        try:
            return None if self._spool.has_room() else "the disk is nearly full"
        except OSError:
            return "the spool's folder cannot be used"

    async def _database_fault(self) -> str | None:
        try:
            async with self._database.transaction() as tx:
                row = await tx.one("ping")
        except StudypubError as error:
            return error.sentence.en
        return None if row and row["writable"] else "the database is read-only"

    async def _storage_fault(self) -> str | None:
        age = self._clock() - self._store_checked
        due = age > (_WATCH_SECONDS if isinstance(self._store_error, StorageRefused) else _STORE_SECONDS)
        if due and (self._checking is None or self._checking.done()):
            self._checking = asyncio.create_task(self._check_store())
        if self._checking:
            ended, _ = await asyncio.wait([self._checking], timeout=_PATIENCE_SECONDS)
            if not ended:
                return StorageUnavailable().sentence.en
            self._checking.result()
        return self._store_error.sentence.en if self._store_error else None

    async def _check_store(self) -> None:
        try:
            await asyncio.to_thread(self._store.check)
            self._store_error = None
        except StudypubError as error:
            self._store_error = error
        self._store_checked = self._clock()
