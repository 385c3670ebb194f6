"""A backup, and the way back: as a sysadmin types it, onto a machine where nothing is."""

import json
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.peers.daemon import Installation, client, install, serving
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import open_folder
from tests.peers.studies import make_study

from studypub.data_dir import embedded

PATIENT = "PID-7"
ACCESSIONS = ("BACKUP-1", "BACKUP-2")
LOGO = b"RIFF of a logo"
_REPORTS = "[clinics.report]\nallowed = true\n"


Published = tuple[Installation, dict[str, str]]
_OTHER_DAMAGES = ("database", "manifest", "another file", "newer")
_DAMAGES = ["cut", "archive", *(pytest.param(name, marks=pytest.mark.long) for name in _OTHER_DAMAGES)]


@pytest.fixture(scope="module")
def published(orthanc: Orthanc) -> Iterator[Published]:
    """An installation with two open links, by accession number; it is not to be changed."""
    with _published(orthanc) as made:
        yield made


@pytest.fixture
def changing(published: Published) -> Iterator[Published]:
    """A copy of it, which may be changed."""
    original, links = published
    with open_folder() as folder:
        subprocess.run(["cp", "--archive", original.folder / "data", folder], check=True)
        copy = replace(original, folder=folder)
        copy.file.write_text(original.file.read_text("utf-8").replace(str(original.folder), str(folder)), "utf-8")
        yield copy, links


@pytest.fixture(scope="module")
def made(published: Published) -> Path:
    """A backup of the first one; it is not to be changed."""
    return backed_up(published[0])


@contextmanager
def _published(orthanc: Orthanc) -> Iterator[Published]:
    with open_folder() as folder:
        installation = install(folder, pacs=orthanc.ae_title, pacs_port=orthanc.port, more=_REPORTS)
        orthanc.register("STUDYPUB", "127.0.0.1", installation.scp_port)
        for number, accession in enumerate(ACCESSIONS, 4711):
            orthanc.store(make_study(patient_id=PATIENT, accession_number=accession, seed=number, instances=2))
        links = {}
        with serving(installation):
            for accession in ACCESSIONS:
                done = installation.command(
                    "publish", "--patient-id", PATIENT, "--accession-number", accession, "--wait"
                )
                assert done.returncode == 0, done.stderr
                links[accession] = json.loads(done.stdout)["arch_link"]
        yield installation, links


@pytest.fixture
def empty() -> Iterator[Installation]:
    """Another machine."""
    with open_folder() as folder:
        yield install(folder, pacs="NOBODY", pacs_port=1, more=_REPORTS)


def backed_up(installation: Installation, *options: str, folder: str = "backups") -> Path:
    done = installation.command("backup", str(installation.folder / folder), *options)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def sql(installation: Installation, statement: str, *values: object) -> list[tuple[object, ...]]:
    with (
        embedded(installation.folder / "data", alone=False) as (url, _),
        closing(psycopg.connect(url, autocommit=True)) as connection,
    ):
        cursor = connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def archive_of(installation: Installation, link: str, what: str = "download") -> bytes | None:
    """Download what is behind a link of another installation from this one; None where it is closed."""
    token = link.rsplit("/", 1)[1]
    answer = httpx.get(f"{installation.url}/s/{token}/{what}", trust_env=False)
    return answer.content if answer.status_code == 200 else None


def test_what_was_published_is_published_again(published: Published, empty: Installation) -> None:
    installation, links = published
    key = installation.command("apikey", "add", "--clinic", "f_Khimki", "--name", "МИС").stdout.strip()
    with serving(installation), client(installation, key) as mis:
        task_id = mis.get("/publish", params={"accession_number": ACCESSIONS[0]}).json()["task_id"]
        text = {"Content-Type": "text/plain; charset=utf-8"}
        assert mis.put(f"/publish/{task_id}/report", content="Заключение".encode(), headers=text).status_code == 200
        report = archive_of(installation, links[ACCESSIONS[0]], "report")
        logo = "INSERT INTO clinic_logos (clinic_code, width, height, content, changed_by) VALUES (%s, 1, 1, %s, 'x')"
        sql(installation, logo, "f_Khimki", LOGO)
        path = backed_up(installation, folder="beside")  # the daemon
        before = {accession: archive_of(installation, link) for accession, link in links.items()}
    assert all(before.values())
    assert path.stat().st_mode & 0o077 == 0
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    done = empty.command("restore", str(path))
    assert done.returncode == 0, done.stderr
    assert "2" in done.stdout
    with serving(empty), client(empty, key) as mis:
        assert {accession: archive_of(empty, link) for accession, link in links.items()} == before
        assert report
        assert mis.get(f"/logo/{sha256(LOGO).hexdigest()}.webp").content == LOGO
        assert archive_of(empty, links[ACCESSIONS[0]], "report") == report
        again = mis.post("/publish", json={"patient_id": PATIENT, "accession_number": ACCESSIONS[0]}).json()
        assert again["arch_link"].rsplit("/", 1)[1] == links[ACCESSIONS[0]].rsplit("/", 1)[1]
    assert empty.command("audit", "verify").returncode == 0
    refused = empty.command("restore", str(path))
    assert (refused.returncode, "not empty" in refused.stderr) == (1, True)


def test_what_has_expired_or_is_not_in_the_store_does_not_come_back(changing: Published, empty: Installation) -> None:
    installation, links = changing
    expiring, lost = ACCESSIONS
    soon = "UPDATE published_studies SET save_till = now() + interval '3 s' WHERE accession_number = %s"
    sql(installation, soon, expiring)
    path = backed_up(installation, "--without-archives")
    with tarfile.open(path) as archive:
        assert archive.getnames() == ["database.dump", "manifest.json"]
    sql(installation, "SELECT pg_sleep(greatest(0, extract(epoch FROM min(save_till) - now()))) FROM published_studies")
    done = empty.command("restore", str(path))
    assert done.returncode == 0, done.stderr
    assert lost in done.stdout
    assert expiring not in done.stdout
    with serving(empty):
        assert [archive_of(empty, link) for link in links.values()] == [None, None]
    states = sql(empty, "SELECT accession_number, state FROM published_studies ORDER BY 1")
    assert states == [(expiring, "EXPIRED"), (lost, "WITHDRAWN")]


def test_archives_that_nothing_knows_are_told_and_deleted_only_when_that_is_asked_for(
    made: Path,
) -> None:
    stranger = f"studies/{'a' * 22}.zip"
    for options, held in (([], []), (["--collect"], [(stranger,)])):
        with open_folder() as folder:
            other = install(folder, pacs="NOBODY", pacs_port=1)
            for name in (stranger, "studies/of-somebody-else.zip"):
                file = folder / "data" / "storage" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"PK")
            (folder / "data").chmod(0o711)
            done = other.command("restore", str(made), *options)
            assert done.returncode == 0, done.stderr
            assert "does not know: 1" in done.stdout
            assert sql(other, "SELECT object_key FROM strange_objects") == held


@pytest.mark.parametrize("damage", _DAMAGES)
def test_a_damaged_backup_is_refused_and_nothing_is_made_of_it(made: Path, empty: Installation, damage: str) -> None:
    path = empty.folder / "backup.tar"
    path.write_bytes(made.read_bytes())
    spoil(path, damage)
    done = empty.command("restore", str(path))
    assert done.returncode == 1, done.stdout
    assert "studypub: " in done.stderr
    assert "Traceback" not in done.stderr
    assert sql(empty, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(0,)]


def spoil(path: Path, damage: str) -> None:
    content = bytearray(path.read_bytes())
    with tarfile.open(path) as archive:
        members = {member.name: member for member in archive.getmembers()}
    names = {"database": "database.dump", "archive": next(name for name in members if name.startswith("objects/"))}
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage in names:
        content[members[names[damage]].offset_data + 200] ^= 1
    elif damage == "another file":
        content = bytearray(b"nothing of the kind")
    else:
        manifest = members["manifest.json"]
        begin, end = manifest.offset_data, manifest.offset_data + manifest.size
        said = bytes(content[begin:end])
        changed = said.replace(b'"format": 1', b'"format": 9') if damage == "newer" else said.replace(b"{", b"[", 1)
        assert changed != said
        content[begin:end] = changed
    path.write_bytes(content)


def test_an_archive_that_was_damaged_on_the_disk_is_told(changing: Published) -> None:
    installation, _ = changing
    first = min((installation.folder / "data" / "storage").rglob("*.zip"))
    content = first.read_bytes()
    first.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    done = installation.command("backup", str(installation.folder / "backups"))
    assert done.returncode == 1
    assert ": 1." in done.stdout
    assert "Traceback" not in done.stderr


def test_old_backups_are_removed(published: Published) -> None:
    installation, _ = published
    folder = installation.folder / "others"
    folder.mkdir()
    for name in ("studypub-20200101T000000Z.tar", "studypub-20200102T000000Z.tar", "notes.tar"):
        (folder / name).write_bytes(BytesIO().getvalue())
    path = backed_up(installation, "--keep", "2", folder="others")
    assert {each.name for each in folder.iterdir()} == {path.name, "studypub-20200102T000000Z.tar", "notes.tar"}


def test_a_restore_that_broke_off_is_finished_before_anything_is_served(
    made: Path, empty: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.environ.get("PYTHONPATH", "")
    (tmp_path / "sitecustomize.py").write_text(
        "import os\nfrom studypub.flows import restore\nrestore.reconcile = lambda *_, **__: os._exit(9)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{before}")
    assert empty.command("restore", str(made)).returncode == 9
    monkeypatch.setenv("PYTHONPATH", before)
    lost, *_ = (empty.folder / "data" / "storage" / "studies").glob("*.zip")
    lost.unlink()
    for command in (("serve",), ("restore", str(made))):
        refused = empty.command(*command)
        assert refused.returncode == 1
        assert "reconcile" in refused.stderr
    done = empty.command("reconcile")
    assert done.returncode == 0, done.stderr
    assert "Closed: BACKUP-" in done.stdout
    with serving(empty):
        assert len(sql(empty, "SELECT 1 FROM published_studies WHERE state = 'LIVE'")) == 1
