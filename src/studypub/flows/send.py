"""The archive goes to the store, as far as that goes while it is still made, and is held against what was packed."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import IO, NamedTuple
from uuid import UUID

from studypub.archive.whole_file import Abandoned, Follower
from studypub.core import ids
from studypub.core.archive_format import ArchiveFormat
from studypub.core.publication import Companion
from studypub.db import studies
from studypub.db.database import Database
from studypub.flows.packing import Prepared
from studypub.log import describe
from studypub.store.base import Sent, Store

log = logging.getLogger(__name__)


class _Put(NamedTuple):
    """An object that was put under this name."""

    key: str
    sent: Sent


class Sending:
    """One archive on its way to the store."""

    def __init__(
        self, database: Database, store: Store, task_id: UUID, form: ArchiveFormat, *, prefix: str = ""
    ) -> None:
        """Let what is stored have names that begin with `prefix`."""
        self._database = database
        self._store = store
        self._task_id = task_id
        self._form = form
        self._prefix = prefix
        # A thread of its own: it waits for an archive, which must not wait for a free one.
        self._thread = ThreadPoolExecutor(1, "send")
        self._under_way: asyncio.Task[_Put] | None = None

    def begin(self, archive: Follower) -> None:
        """Send what there is of the archive, as it comes, to an object that is not complete before `finish`."""
        self._under_way = asyncio.create_task(self._ahead(archive))
        self._under_way.add_done_callback(_tell)

    async def finish(self, prepared: Prepared, release: Callable[[], None]) -> tuple[str, Companion]:
        """Store the archive, and beside it its companion; return the archive's name and what the companion is known by.

        `release` lets what was begun come to its end. Nothing is completed where strangers can read by now. Raises
        StorageUnavailable, StorageRefused, BucketIsPublic, StoredObjectDiffers.
        """
        await asyncio.to_thread(self._store.check)
        release()
        archive = await self._archive(prepared)
        companion = asyncio.create_task(self._companion(prepared))
        try:
            # Where one of them fails, the sweep deletes both within hours.
            size, sha256 = prepared.summary.size, prepared.summary.sha256
            await asyncio.to_thread(self._store.verify, archive.key, archive.sent, size, sha256)
            return archive.key, await companion
        finally:
            companion.cancel()
            await asyncio.gather(companion, return_exceptions=True)

    async def _archive(self, prepared: Prepared) -> _Put:
        key, packed = ids.new_object_key(self._form, self._prefix), prepared.path
        return await self._begun() or await self._put(key, packed.open("rb"), self._thread)

    async def _companion(self, prepared: Prepared) -> Companion:
        put = await self._put(ids.new_companion_key(self._prefix), prepared.companion_path.open("rb"))
        size, sha256 = prepared.companion
        await asyncio.to_thread(self._store.verify, put.key, put.sent, size, sha256)
        return Companion(put.key, size, sha256)

    def abandon(self) -> None:
        """Wait for nothing that is under way; it ends with the archive that it follows."""
        self._thread.shutdown(wait=False)
        if self._under_way is not None:
            self._under_way.cancel()

    async def _begun(self) -> _Put | None:
        """Return what was begun, when it is complete; None where it failed before, or followed another archive."""
        if self._under_way is None or (self._under_way.done() and self._under_way.exception()):
            return None
        try:
            return await self._under_way
        except Abandoned:
            return None

    async def _ahead(self, archive: Follower) -> _Put:
        """Put unless strangers could read it by now."""
        with ExitStack() as in_vain:
            in_vain.callback(archive.close)
            await asyncio.to_thread(self._store.check)
            in_vain.pop_all()
        return await self._put(ids.new_object_key(self._form, self._prefix), archive, self._thread)

    async def _put(self, key: str, archive: IO[bytes] | Follower, thread: ThreadPoolExecutor | None = None) -> _Put:
        """Put under a name nobody can guess, which is written down first: nothing unknown is left behind."""
        with ExitStack() as in_vain:
            in_vain.callback(archive.close)
            async with self._database.transaction() as tx:
                await studies.add_object(tx, key, self._task_id)
            in_vain.pop_all()  # the thread closes it: nobody may while it reads
        loop = asyncio.get_running_loop()
        return _Put(key, await loop.run_in_executor(thread, self._sent, key, archive))

    def _sent(self, key: str, archive: IO[bytes] | Follower) -> Sent:
        with closing(archive):
            return self._store.put(key, archive)


def _tell(under_way: asyncio.Task[_Put]) -> None:
    if not under_way.cancelled() and (error := under_way.exception()):
        log.debug("Архив не отправлен заранее: %s", describe(error))
