"""Backups: one file, made and tried out; and the way back."""

import argparse
import asyncio

from studypub.commands.console import actor, configuration
from studypub.commands.language import language
from studypub.config import Config
from studypub.core.clinics import EVERY_CLINIC
from studypub.data_dir import database_url, only_daemon, place
from studypub.db import half_restored
from studypub.db.database import Database
from studypub.db.dump import require_empty
from studypub.db.migrate import migrate
from studypub.errors import Sentence
from studypub.flows import restore as restoring
from studypub.flows.backup import back_up, rotate
from studypub.flows.join import require_none_elsewhere
from studypub.flows.restore import Reconciled
from studypub.store.base import Store
from studypub.store.configured import open_store


def backup(options: argparse.Namespace) -> int:
    """Write a backup into a folder and print its path; 1 where an archive of the local store is not in it."""
    settings = configuration(options)
    with database_url(settings) as url:
        store = open_store(settings.storage, settings.database.data_dir)
        path, manifest = back_up(
            url,
            store,
            options.folder,
            with_objects=not options.without_archives,
            reserve=settings.workers.least_free_mb << 20,
        )
    print(path)
    if options.keep:
        rotate(options.folder, options.keep)
    missing = [each for each in manifest.objects if not each.here]
    if settings.storage.kind == "s3" or options.without_archives or not missing:
        return 0
    _say(Sentence(
        f"Архивов, которых нет на диске или которые повреждены: {len(missing)}. Их ссылки не откроются.",
        f"Archives that are not on the disk, or damaged: {len(missing)}. Their links do not open.",
    ))  # fmt: skip
    return 1


def restore(options: argparse.Namespace) -> int:
    """Fill an empty installation from a backup, and say what of it does not fit any more."""
    settings = configuration(options)
    with (
        only_daemon(settings.database.data_dir),
        restoring.opened(options.file) as (archive, manifest),
        database_url(settings) as url,
    ):
        require_empty(url)
        store = open_store(settings.storage, settings.database.data_dir)
        put = restoring.fill_store(archive, manifest, store)
        half_restored.mark(url)
        restoring.fill_database(archive, manifest, url)  # last: where anything fails before, it can be tried again
        found = asyncio.run(_reconciled(url, store, settings, collect=options.collect))
    _say(Sentence(
        f"Восстановлена копия от {manifest.made_at:%Y-%m-%d %H:%M} UTC. Архивов возвращено в хранилище: {put}.",
        f"Restored the backup of {manifest.made_at:%Y-%m-%d %H:%M} UTC. Archives put back into the store: {put}.",
    ))  # fmt: skip
    _tell(found, collect=options.collect)
    return 0


def reconcile(options: argparse.Namespace) -> int:
    """Hold a database that was restored by other means, or not to the end, against what is in the store."""
    settings = configuration(options)
    folder = settings.database.data_dir
    with only_daemon(folder), database_url(settings) as url:
        if settings.database.url != "embedded":
            asyncio.run(_require_none_elsewhere(url, place(folder)))
        store = open_store(settings.storage, folder)
        found = asyncio.run(_reconciled(url, store, settings, collect=options.collect))
    _tell(found, collect=options.collect)
    return 0


async def _require_none_elsewhere(url: str, ours: str) -> None:
    await migrate(url)
    async with Database(url, size=1, name="reconcile", sees=EVERY_CLINIC) as database:
        await require_none_elsewhere(database, ours)


async def _reconciled(url: str, store: Store, settings: Config, *, collect: bool) -> Reconciled:
    prefixes = frozenset(clinic.storage_prefix for clinic in settings.clinics)
    await migrate(url)
    async with Database(url, size=2, name="restore", sees=EVERY_CLINIC) as database:
        found = await restoring.reconcile(database, store, collect=collect, actor=actor(), prefixes=prefixes)
    half_restored.clear(url)
    return found


def _tell(found: Reconciled, *, collect: bool) -> None:
    _say(Sentence(
        f"Ссылок, у которых истёк срок: {found.expired}.", f"Links that have expired: {found.expired}.",
    ))  # fmt: skip
    for publication in found.closed:
        _say(Sentence(
            f"Закрыта: {publication.accession_number}, архива нет в хранилище. Опубликуйте заново.",
            f"Closed: {publication.accession_number}, its archive is not in the store. Publish it anew.",
        ))  # fmt: skip
    if found.strangers:
        later = Sentence(
            "Через неделю они будут удалены." if collect else "Они остались; --collect удаляет их через неделю.",
            "They are deleted in a week." if collect else "They stay; --collect deletes them in a week.",
        )
        _say(Sentence(
            f"Архивов в хранилище, о которых копия не знает: {len(found.strangers)}. {later.ru}",
            f"Archives in the store that the backup does not know: {len(found.strangers)}. {later.en}",
        ))  # fmt: skip


def _say(sentence: Sentence) -> None:
    print(getattr(sentence, language()))
