"""A PostgreSQL of the clinic's own is lost, and comes back from its WAL by the manual's settings and steps."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from tests.peers.clinic_postgres import ClinicPostgres, archive_command, archive_timeout
from tests.peers.daemon import Installation, install, serving
from tests.peers.postgres import open_folder

from studypub.core import ids
from studypub.core.clinics import EVERY_CLINIC
from studypub.core.request import PublishRequest
from studypub.core.task import Event, Origin
from studypub.db import studies, tasks
from studypub.db.database import Database
from studypub.store.local import LocalStore

RPO_SECONDS, COPIED_WITHIN_SECONDS = 300, 60
KEEP = timedelta(days=30)
CLOSE = "UPDATE published_studies SET state = 'EXPIRED', closed_at = now(), deid_key = NULL WHERE token = %s"
END_SOON = "UPDATE published_studies SET save_till = now() + interval '2 s' WHERE token = %s"
WAIT = "SELECT pg_sleep_until(save_till) FROM published_studies WHERE token = %s"


class Clinic:
    """An installation on a server of the clinic's own."""

    def __init__(self, folder: Path) -> None:
        self.server = ClinicPostgres(folder)
        self.installation = install(folder, pacs="NOBODY", pacs_port=1)
        self.server.serve(self.installation.file)
        self.store = LocalStore(folder / "data" / "storage")

    def publish(self, first: int, count: int) -> dict[str, bytes]:
        """Publish so many studies; return what is behind each link, by token."""
        return asyncio.run(self._publish([f"WAL-{number}" for number in range(first, first + count)]))

    async def _publish(self, accessions: list[str]) -> dict[str, bytes]:
        async with Database(self.server.url, size=2, name="test", sees=EVERY_CLINIC) as database:
            return dict([await self._published(database, accession) for accession in accessions])

    async def _published(self, database: Database, accession: str) -> tuple[str, bytes]:
        request = PublishRequest(patient_id="PID-7", accession_number=accession, clinic_code="f_Khimki")
        key, content = ids.new_object_key(), accession.encode()
        archive = studies.StoredArchive(
            object_key=key,
            size=len(content),
            sha256=sha256(content).digest(),
            instances=1,
            modalities=("CT",),
            profile="basic",
            deid_key=bytes(32),
            shown_date=None,
            companion=None,
        )
        async with database.transaction() as tx:
            queued = await tasks.queue(tx, request, origin=Origin.MIS, requested_by="key:AbCd1234", search_time=KEEP)
            assert queued
            task = await tasks.claim(tx, worker_id=uuid4(), lease=KEEP)
            assert task
            for event in (Event.FOUND, Event.RECEIVED, Event.PREPARED):
                task = await tasks.advance(tx, task, event)
            await studies.add_object(tx, key, task.task_id)
            self.store.put(key, BytesIO(content))
            publication = await studies.publish(tx, task, archive, save_till=await tx.now() + KEEP)
            await tasks.end(tx, task, Event.PUBLISHED)
        return publication.token, content

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with closing(psycopg.connect(self.server.url, autocommit=True)) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def archive(self, token: str) -> Path:
        ((key,),) = self.sql("SELECT object_key FROM published_studies WHERE token = %s", token)
        path = self.store.path(str(key))
        assert path
        return path


@pytest.fixture
def clinic() -> Iterator[Clinic]:
    with open_folder() as folder:
        made = Clinic(folder)
        try:
            made.server.set_up()
            assert made.installation.command("migrate").returncode == 0
            yield made
        finally:
            made.server.stop()


def behind(installation: Installation, token: str) -> bytes | int:
    answer = httpx.get(f"{installation.url}/s/{token}/download", trust_env=False)
    return answer.content if answer.status_code == 200 else answer.status_code


def test_what_is_lost_with_the_server_is_at_most_what_was_not_archived(clinic: Clinic) -> None:
    copied = clinic.publish(100, 12)
    clinic.server.copy()
    followed = clinic.publish(200, 24)
    (closed, *others), (expiring, bare, *more) = copied, followed
    clinic.sql(CLOSE, closed)
    clinic.sql(END_SOON, expiring)
    clinic.server.archive()
    unarchived = clinic.publish(300, 6)
    clinic.archive(bare).unlink()
    clinic.server.lose()
    clinic.server.bring_back()
    clinic.sql(WAIT, expiring)

    done = clinic.installation.command("reconcile", "--collect")
    assert done.returncode == 0, done.stderr
    assert "expired: 1" in done.stdout
    assert f"Closed: {followed[bare].decode()}" in done.stdout
    held = {clinic.store.path(str(key)) for (key,) in clinic.sql("SELECT object_key FROM strange_objects")}
    assert sorted(path.read_bytes() for path in held if path) == sorted(unarchived.values())
    with serving(clinic.installation):
        live = {token: (copied | followed)[token] for token in (*others, *more)}
        assert {token: behind(clinic.installation, token) for token in live} == live
        assert [behind(clinic.installation, token) for token in (closed, expiring, bare)] == [410, 410, 410]
        assert {behind(clinic.installation, token) for token in unarchived} == {404}


def test_what_the_manual_says_archives_in_time() -> None:
    assert archive_timeout() + COPIED_WITHIN_SECONDS <= RPO_SECONDS


@pytest.mark.parametrize(
    ("there", "is_archived"),
    [({}, True), ({"NAME.part": "half"}, True), ({"NAME": "whole"}, True), ({"NAME": "another"}, False)],
    ids=["nothing", "one that broke off", "the same", "another"],
)
def test_the_archive_takes_what_is_new_and_loses_nothing(
    tmp_path: Path, there: dict[str, str], *, is_archived: bool
) -> None:
    (tmp_path / "wal").mkdir()
    (tmp_path / "from").write_text("whole")
    for name, content in there.items():
        (tmp_path / "wal" / name).write_text(content)
    command = archive_command(tmp_path).replace("%p", str(tmp_path / "from")).replace("%f", "NAME")
    assert (subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 0) is is_archived
    left = {path.name: path.read_text() for path in (tmp_path / "wal").iterdir()}
    assert left == ({"NAME": "whole"} if is_archived else there)
