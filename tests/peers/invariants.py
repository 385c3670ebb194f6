"""What must hold whatever has happened, looked at from outside: the database, the store, the archives' bytes."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import psycopg
from pydicom import dcmread
from pydicom.dataset import FileDataset
from tests.peers.studies import planted, spellings

_ENDED = ("COMPLETED", "NEEDS_REVIEW", "FAILED", "CANCELLED", "EXPIRED")


def violations(
    url: str, stored: Mapping[str, bytes], originals: Mapping[str, Sequence[FileDataset]], *, max_attempts: int
) -> list[str]:
    """Return every breach; `originals` are the studies by accession number, `stored` the objects by key."""
    with psycopg.connect(url, autocommit=True) as connection:
        return [
            *_of_tasks(connection, max_attempts),
            *_of_links(connection, stored, originals),
            *_of_objects(connection, stored),
            *_of_audit(connection),
        ]


def _of_tasks(connection: psycopg.Connection, max_attempts: int) -> Iterator[str]:
    for task_id, status, attempt in connection.execute("SELECT task_id, status, attempt FROM tasks"):
        if status not in _ENDED:
            yield f"INV 1: task {task_id} stays {status}"
        if attempt > max_attempts + 1:  # the one at which it is set aside
            yield f"INV 6: task {task_id} has {attempt} attempts"
    twice = "SELECT accession_number FROM published_studies WHERE state = 'LIVE' GROUP BY 1 HAVING count(*) > 1"
    yield from (f"INV 2: {number} has several live links" for (number,) in connection.execute(twice))
    unlinked = (
        "SELECT task_id FROM tasks t WHERE (status = 'COMPLETED') <>"
        " EXISTS (SELECT FROM published_studies s WHERE s.task_id = t.task_id AND state = 'LIVE')"
    )
    yield from (f"INV 2: task {task_id} and its link disagree" for (task_id,) in connection.execute(unlinked))


def _of_links(
    connection: psycopg.Connection, stored: Mapping[str, bytes], originals: Mapping[str, Sequence[FileDataset]]
) -> Iterator[str]:
    live = (
        "SELECT accession_number, object_key, size, sha256, companion_key, companion_size, companion_sha256"
        " FROM published_studies WHERE state = 'LIVE'"
    )
    for number, key, size, digest, *companion in connection.execute(live):
        beside = stored.get(companion[0], b"")
        if [companion[0], len(beside), sha256(beside).digest()] != companion:
            yield f"INV 3: another companion is stored for {number}, or none"
        data = stored.get(key)
        if data is None:
            yield f"INV 3: the object of {number} is missing"
        elif (len(data), sha256(data).digest()) != (size, digest):
            yield f"INV 3: other bytes are stored for {number}"
        else:
            yield from of_archive(number, data, originals[number])


def of_archive(number: str, data: bytes, study: Sequence[FileDataset]) -> Iterator[str]:
    """Return what is wrong with an archive of this study: instances too few or too many, a text that was planted."""
    with ZipFile(BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    found = [dcmread(BytesIO(body)) for name, body in members.items() if name.startswith("DICOM/")]
    expected = sorted(instance.InstanceNumber for instance in study)
    if sorted(one.InstanceNumber for one in found) != expected or len({one.SOPInstanceUID for one in found}) != len(
        expected
    ):
        yield f"INV 3: {len(found)} instances of {number} are published, {len(expected)} are expected"
    haystack = b"\0".join([data, *members.values(), *map(str.encode, members)])
    for text in planted(list(study)):
        if any(spelling in haystack for spelling in spellings(text)):
            yield f"INV 4: an identifier of {number} is published"


def _of_objects(connection: psycopg.Connection, stored: Mapping[str, bytes]) -> Iterator[str]:
    every = "SELECT object_key FROM stored_objects WHERE deleted_at IS NULL UNION ALL SELECT object_key FROM reports"
    known = {key for (key,) in connection.execute(every)}
    yield from (f"INV 5: {key} is stored and nobody knows" for key in sorted(stored.keys() - known))


def _of_audit(connection: psycopg.Connection) -> Iterator[str]:
    chain: list[tuple[Any, ...]] = connection.execute(
        "SELECT entry FROM (SELECT entry, hash, previous, lag(hash, 1, '\\x00'::bytea) OVER (ORDER BY entry) AS before,"
        " audit_hash(previous, at, actor, action, subject, details) AS taken FROM audit_log) chain"
        " WHERE previous <> before OR hash <> taken"
    ).fetchall()
    yield from (f"INV 7: the audit log is broken at {entry}" for (entry,) in chain)
