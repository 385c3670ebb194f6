"""Published studies and the objects behind them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from studypub.core import ids
from studypub.core.publication import Companion, Part, Publication, State
from studypub.core.request import PublishRequest
from studypub.core.task import Task
from studypub.db.database import Row, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArchive:
    """An archive that is in the store and was checked there. `size` in bytes.

    `deid_key`: what its pseudonyms were made with; kept with the link, destroyed with it. `shown_date`: the study's
    date as the profile lets it be seen.
    """

    object_key: str
    size: int
    sha256: bytes
    instances: int
    modalities: tuple[str, ...]
    profile: str
    deid_key: bytes
    shown_date: date | None
    companion: Companion | None = None


async def add_object(tx: Transaction, object_key: str, task_id: UUID) -> None:
    """Write down an object before it is sent to the store."""
    await tx.run("add_object", object_key=object_key, task_id=task_id)


async def objects_to_delete(tx: Transaction, *, upload: timedelta, limit: int) -> list[str]:
    """Return the keys of objects that no live link, no running task and no upload needs; `upload` is the longest."""
    return [row["object_key"] for row in await tx.all("objects_to_delete", upload=upload, limit=limit)]


async def object_deleted(tx: Transaction, object_key: str) -> None:
    """Write down that the store has deleted an object."""
    await tx.run("object_deleted", object_key=object_key)


async def all_live(tx: Transaction) -> list[Publication]:
    """Return every open publication."""
    return [publication_of(row) for row in await tx.all("all_live_studies")]


async def strangers(tx: Transaction, keys: list[str]) -> list[str]:
    """Return those of these objects that nothing here made."""
    return [row["object_key"] for row in await tx.all("strange_objects", keys=keys)]


async def prefixes(tx: Transaction) -> set[str]:
    """Return what the names of objects begin with here, or have begun with."""
    return {row["prefix"] for row in await tx.all("object_prefixes")}


async def hold_strangers(tx: Transaction, keys: list[str]) -> None:
    """Write down objects that are to be deleted when they have been held for a while."""
    await tx.run("hold_strange_objects", keys=keys)


async def strangers_to_delete(tx: Transaction, *, hold: timedelta, limit: int) -> list[str]:
    """Return the keys of objects that nothing here made, and that were held for so long."""
    return [row["object_key"] for row in await tx.all("strange_objects_to_delete", hold=hold, limit=limit)]


async def stranger_deleted(tx: Transaction, object_key: str) -> None:
    """Forget an object that nothing here made, which the store has deleted."""
    await tx.run("strange_object_deleted", object_key=object_key)


async def publish(
    tx: Transaction, task: Task, archive: StoredArchive, *, save_till: datetime, part: Part | None = None
) -> Publication:
    """Make a link live; `part` where the archive is not the whole study."""
    token = ids.new_token()
    row = await tx.one(
        "publish_study",
        task_id=task.task_id,
        clinic_code=task.clinic_code,
        patient_id=task.patient_id,
        accession_number=task.accession_number,
        emk_record_id=task.emk_record_id,
        service_title=task.service_title,
        token=token,
        token_sha256=ids.digest(token),
        object_key=archive.object_key,
        size=archive.size,
        sha256=archive.sha256,
        instances=archive.instances,
        left_out=sum(group.count for group in task.left_out),
        modalities=list(archive.modalities),
        profile=archive.profile,
        deid_key=archive.deid_key,
        shown_date=archive.shown_date,
        study_date=task.study_date or task.requested_date,
        save_till=save_till,
        is_part=part is not None,
        missing=part.missing if part else None,
        companion_key=archive.companion and archive.companion.key,
        companion_size=archive.companion and archive.companion.size,
        companion_sha256=archive.companion and archive.companion.sha256,
    )
    assert row is not None  # noqa: S101 - INSERT … RETURNING
    return publication_of(row)


async def live(tx: Transaction, request: PublishRequest | Task) -> Publication | None:
    """Return the open publication of a study."""
    return _maybe(await tx.one("live_study", **_identity(request)))


async def expire_one(tx: Transaction, task: Task) -> Publication | None:
    """Close this study's earlier publication if its date has come."""
    return _maybe(await tx.one("expire_study_of", **_identity(task)))


async def behind_token(tx: Transaction, token: str) -> Publication | None:
    """Return what is behind a link."""
    return _maybe(await tx.one("study_of_token", token_sha256=ids.digest(token)))


async def of_task(tx: Transaction, task_id: UUID) -> Publication | None:
    """Return the publication that a task made."""
    return _maybe(await tx.one("study_of_task", task_id=task_id))


async def of_tasks(tx: Transaction, task_ids: list[UUID]) -> dict[UUID, Publication]:
    """Return the publications that these tasks made, by task."""
    rows = await tx.all("studies_of_tasks", task_ids=task_ids)
    return {row["task_id"]: publication_of(row) for row in rows}


async def find(tx: Transaction, study_id: UUID, *, clinic_code: str | None) -> Publication | None:
    """Return a publication that the asker may see; `clinic_code` None means every clinic."""
    return _maybe(await tx.one("study", study_id=study_id, clinic_code=clinic_code))


async def expire_due(tx: Transaction, *, limit: int) -> list[Publication]:
    """Close publications whose date has come, and return them."""
    return [publication_of(row) for row in await tx.all("expire_studies", limit=limit)]


async def withdraw(tx: Transaction, study_id: UUID) -> Publication | None:
    """Close a publication before its date; None where it is closed already."""
    return _maybe(await tx.one("withdraw_study", study_id=study_id))


async def set_pin(
    tx: Transaction, study_id: UUID, pin_hash: str | None, *, clinic_code: str | None
) -> Publication | None:
    """Give an open publication a PIN, or take it away; None where the asker sees none that is open."""
    return _maybe(await tx.one("set_pin_of_study", study_id=study_id, pin_hash=pin_hash, clinic_code=clinic_code))


async def forget_companion(tx: Transaction, study_id: UUID, key: str) -> Publication | None:
    """Let an open publication go on without its companion; None where it has another one, or is closed."""
    return _maybe(await tx.one("forget_companion", study_id=study_id, companion_key=key))


async def keep_until(tx: Transaction, study_id: UUID, save_till: datetime) -> Publication | None:
    """Change the date of an open publication; None where it is closed."""
    return _maybe(await tx.one("keep_study_until", study_id=study_id, save_till=save_till))


def _identity(study: PublishRequest | Task) -> dict[str, object]:
    return {
        "clinic_code": study.clinic_code,
        "accession_number": study.accession_number,
        "patient_id": study.patient_id,
    }


_COLUMNS = tuple(name for name in Publication.__dataclass_fields__ if name not in {"part", "companion"})


def _maybe(row: Row | None) -> Publication | None:
    return publication_of(row) if row else None


def publication_of(row: Row) -> Publication:
    """Return the publication of a row that has all its columns."""
    values = {name: row[name] for name in _COLUMNS}
    values["state"] = State(row["state"])
    values["modalities"] = tuple(row["modalities"])
    values["part"] = Part(row["missing"]) if row["is_part"] else None
    if row["companion_key"]:
        values["companion"] = Companion(row["companion_key"], row["companion_size"], row["companion_sha256"])
    return Publication(**values)
