"""A backup is taken up on an empty machine, and what it says is held against what is in the store."""

import asyncio
import hashlib
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import msgspec

from studypub.core import ids
from studypub.core.publication import Publication
from studypub.core.task import Event
from studypub.db import audit, dump, reports, studies, tasks
from studypub.db.database import Database
from studypub.errors import Refused
from studypub.flows.backup import DATABASE, FORMAT, MANIFEST, OBJECTS, Manifest
from studypub.flows.expire import expire
from studypub.store.base import Store

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What did not fit: publications that were closed for want of their archive; objects that no link leads to.

    `expired`: how many had come to their date since.
    """

    expired: int
    closed: tuple[Publication, ...]
    strangers: tuple[str, ...]


@contextmanager
def opened(path: Path) -> Iterator[tuple[tarfile.TarFile, Manifest]]:
    """Open a backup. Raises Refused where it is none, or made by a newer program."""
    try:
        archive = tarfile.open(path, "r:")  # noqa: SIM115 - closed below
    except (OSError, tarfile.TarError) as error:
        raise _no_backup(path) from error
    with archive:
        try:
            manifest = msgspec.json.decode(_member(archive, MANIFEST).read(), type=Manifest)
        except (OSError, tarfile.TarError, KeyError, msgspec.MsgspecError) as error:
            raise _no_backup(path) from error
        if manifest.format > FORMAT:
            raise Refused(
                f"format {manifest.format}",
                reason_ru="Копия сделана более новой версией studypub. Установите её.",
                reason_en="The backup was made by a newer version of studypub. Install that one.",
            )
        yield archive, manifest


def fill_database(archive: tarfile.TarFile, manifest: Manifest, url: str) -> None:
    """Fill an empty database. Raises Refused where it is not empty, or where the backup is damaged."""
    with tempfile.TemporaryDirectory(prefix="studypub-restore-") as folder:
        database = Path(folder) / DATABASE
        digest = hashlib.sha256()
        source = _member(archive, DATABASE)
        with database.open("wb") as file:
            while block := source.read(_BLOCK_BYTES):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != manifest.database_sha256:
            _damaged()
        dump.restore(url, database)
    found = dump.contents(url)
    if (found.rows, found.audit_head.hex()) != (manifest.rows, manifest.audit_head):
        _damaged()


def fill_store(archive: tarfile.TarFile, manifest: Manifest, store: Store) -> int:
    """Put the objects that are in the backup where they were, and read each back; return how many."""
    here = [each for each in manifest.objects if each.here]
    for each in here:
        sent = store.put(each.key, _member(archive, OBJECTS + each.key))
        store.verify(each.key, sent, each.size, bytes.fromhex(each.sha256))
    return len(here)


async def reconcile(
    database: Database, store: Store, *, collect: bool, actor: str, prefixes: frozenset[str] = frozenset()
) -> Reconciled:
    """Close what has come to its date, and links whose archive is not there; look for objects that no link leads to.

    These may be of publications that were made after the backup, or of another installation that shares the store:
    only where they are to be collected they are deleted, once they have been held for a week. `prefixes`: what names of
    ours may begin with, besides what the database knows.
    """
    expired = await expire(database)
    closed: list[Publication] = []
    async with database.transaction() as tx:
        live = await studies.all_live(tx)
    for publication in live:
        if await asyncio.to_thread(store.size, publication.object_key) != publication.size:
            closed += await _close(database, publication, actor)
        companion = publication.companion
        if companion and await asyncio.to_thread(store.size, companion.key) != companion.size:
            async with database.transaction(actor) as tx:
                await studies.forget_companion(tx, publication.study_id, companion.key)
    await _forget_lost_reports(database, store, actor)
    async with database.transaction() as tx:
        known = prefixes | await studies.prefixes(tx)
    keys = await asyncio.to_thread(lambda: [key for key in store.stored_keys() if ids.is_object_key(key, known)])
    async with database.transaction() as tx:
        strangers = await studies.strangers(tx, keys)
        if collect:
            await studies.hold_strangers(tx, strangers)
        found = {"expired": expired, "closed": len(closed), "strangers": len(strangers), "collect": collect}
        await audit.append(tx, actor, "backup.restored", "", **found)
    return Reconciled(expired, tuple(closed), tuple(strangers))


async def _forget_lost_reports(database: Database, store: Store, actor: str) -> None:
    async with database.transaction() as tx:
        attached = await reports.attached(tx)
    for report in attached:
        if await asyncio.to_thread(store.size, report.key) == report.size:
            continue
        async with database.transaction(actor) as tx:
            if task_id := await reports.lose(tx, report.key):
                await audit.append(tx, actor, "report.lost", str(task_id))


async def _close(database: Database, publication: Publication, actor: str) -> list[Publication]:
    async with database.transaction(actor) as tx:
        closed = await studies.withdraw(tx, publication.study_id)
        if closed is None:
            return []
        await tasks.close_with_study(tx, closed.task_id, Event.CANCEL)
        await audit.append(tx, actor, "study.lost", str(closed.study_id), accession_number=closed.accession_number)
        return [closed]


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise KeyError(name)
    return found


def _no_backup(path: Path) -> Refused:
    return Refused(
        reason_ru=f"{path} не читается как резервная копия studypub: файл не тот или не полон.",
        reason_en=f"{path} cannot be read as a backup of studypub: another file, or not a whole one.",
    )


def _damaged() -> NoReturn:
    raise Refused(
        "checksum",
        reason_ru="Резервная копия повреждена: содержимое не сходится с её описью. Возьмите предыдущую.",
        reason_en="The backup is damaged: its content is not what its manifest says. Take an earlier one.",
    )
