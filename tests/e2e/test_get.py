"""A study is downloaded by its link, over connections that break, from a folder and from an S3 server."""

import asyncio
import hashlib
import io
import random
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from zipfile import ZipFile

import psycopg
import pytest
from tests.peers import panel
from tests.peers.chaos import ChaosProxy, chaos
from tests.peers.daemon import call
from tests.peers.database import PATIENCE
from tests.peers.panel import Panel
from tests.peers.postgres import PostgresPeer
from tests.peers.program import free_port
from tests.peers.s3 import S3Server, radosgw
from tests.peers.world import eventually

from studypub.config import S3
from studypub.core.clinics import EVERY_CLINIC
from studypub.core.publication import Publication
from studypub.db.database import Database
from studypub.flows import passwords, withdraw
from studypub.store.s3 import S3Store

__all__ = ["radosgw"]
pytestmark = pytest.mark.peer

Ended = subprocess.CompletedProcess[str]
_IMAGE = random.Random(7).randbytes(3_000_000)
_NUMBERS = count(1)


def archive(image: bytes = _IMAGE) -> bytes:
    """An archive of one image."""
    file = io.BytesIO()
    with ZipFile(file, "w") as packed:
        packed.writestr("DICOM/I0001", image)
        packed.writestr("README.txt", "What this is.")
    return file.getvalue()


@dataclass
class Service:
    """A site whose pages and archives both come through a proxy that breaks connections."""

    site: Panel
    url: str
    proxy: ChaosProxy
    archives: ChaosProxy

    async def publish(self, content: bytes, *, pin: str = "") -> Publication:
        """Publish that content."""
        publication = await self.site.published(await self.site.queued(f"KP{next(_NUMBERS)}"), size=len(content))
        self.site.parts.store.put(publication.object_key, io.BytesIO(content))
        await self.change(publication, content, pin=pin)
        return publication

    async def change(self, publication: Publication, content: bytes, *, pin: str = "") -> None:
        """Let the link lead to another content."""
        self.site.parts.store.put(publication.object_key, io.BytesIO(content))
        pin_hash = await passwords.hashed(pin) if pin else None
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            await connection.execute(
                "UPDATE published_studies SET size = %s, sha256 = %s, pin_hash = %s WHERE study_id = %s",
                (len(content), sha256(content).digest(), pin_hash, publication.study_id),
            )

    async def publish_large(self, blocks: int) -> Publication:
        """Publish so many blocks of the image."""
        publication = await self.publish(archive())
        with tempfile.TemporaryFile() as file:
            for _ in range(blocks):
                file.write(_IMAGE)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").digest()
            file.seek(0)
            await asyncio.to_thread(self.site.parts.store.put, publication.object_key, file)
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            await connection.execute(
                "UPDATE published_studies SET size = %s, sha256 = %s WHERE study_id = %s",
                (blocks * len(_IMAGE), digest, publication.study_id),
            )
        return publication

    async def get(self, publication: Publication, folder: Path, *more: str, stdin: str = "") -> Ended:
        """Run the command as a person does."""
        return await asyncio.to_thread(call, "get", self.link(publication), "-o", str(folder), *more, stdin=stdin)

    def link(self, publication: Publication) -> str:
        return f"http://{self.proxy.address}/s/{publication.token}"


# What does not concern the store's own ways is tried with one of them; `make thorough` takes both.
any_store = pytest.mark.parametrize("service", ["local", pytest.param("s3", marks=pytest.mark.long)], indirect=True)


@pytest.fixture(params=["local", "s3"])
async def service(
    request: pytest.FixtureRequest, postgres_server: PostgresPeer, schema: str, tmp_path: Path
) -> AsyncIterator[Service]:
    url = postgres_server.database(schema)
    with ExitStack() as opened:
        store = archives = None
        if request.param == "s3":
            server: S3Server = request.getfixturevalue("radosgw")
            archives = opened.enter_context(chaos(server.address))
            store = S3Store(
                S3(
                    endpoint=f"http://{archives.address}",
                    region=server.region,
                    bucket=server.new_bucket(),
                    access_key=server.access_key,
                    secret_key=server.secret_key,
                )
            )
        async with (
            Database(url, size=4, name="get", sees=EVERY_CLINIC, loan_seconds=PATIENCE) as database,
            panel.serve(database, tmp_path, store=store) as site,
        ):
            host, _, port = site.address.removeprefix("http://").partition(":")
            proxy = opened.enter_context(chaos((host, int(port))))
            yield Service(site, url, proxy, archives or proxy)
    postgres_server.drop(url)


async def test_a_study_arrives_unpacked_however_often_the_connection_breaks(service: Service, tmp_path: Path) -> None:
    publication = await service.publish(archive())
    service.archives.cuts[:] = [700_000] * 6  # the first of them break what comes before the archive, or not at all
    done = await service.get(publication, tmp_path / "new" / "folder")
    assert (done.returncode, done.stderr) == (0, "")
    folder = Path(done.stdout.strip())
    assert (folder / "DICOM/I0001").read_bytes() == _IMAGE
    assert len(service.archives.cuts) <= 2
    assert list((tmp_path / "new" / "folder").iterdir()) == [folder]


async def test_what_was_interrupted_goes_on_where_it_was(service: Service, tmp_path: Path) -> None:
    content = archive()
    publication = await service.publish(content)
    (tmp_path / "got").mkdir()
    digest = sha256(content).hexdigest()
    (tmp_path / "got" / f"study-{digest[:8]}.zip.{digest[:16]}.part").write_bytes(content[:2_900_000])
    service.archives.cuts[:] = [150_000]  # were it to begin anew, it would break
    done = await service.get(publication, tmp_path / "got", "--zip")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got" / Path(done.stdout.strip()).name).read_bytes() == content
    assert service.archives.cuts == [150_000]
    # And what is there as a whole is not downloaded again.
    service.archives.cuts[:] = [10_000] * 20
    assert (await service.get(publication, tmp_path / "got", "--zip")).stdout == done.stdout


@any_store
async def test_what_arrived_damaged_is_not_kept(service: Service, tmp_path: Path) -> None:
    content = archive()
    publication = await service.publish(content)
    (tmp_path / "got").mkdir()
    digest = sha256(content).hexdigest()
    part = tmp_path / "got" / f"study-{digest[:8]}.zip.{digest[:16]}.part"
    part.write_bytes(b"another file's beginning")
    done = await service.get(publication, tmp_path / "got")
    assert (done.returncode, done.stdout) == (1, "")
    assert "повреждён" in done.stderr or "damaged" in done.stderr
    assert list((tmp_path / "got").iterdir()) == []


@any_store
async def test_a_version_that_comes_meanwhile_is_downloaded_from_its_beginning(
    service: Service, tmp_path: Path
) -> None:
    before, after = archive(), archive(bytes(reversed(_IMAGE)))
    publication = await service.publish(before)
    service.archives.cuts[:] = [1_000_000]
    service.archives.bytes_per_second = 2_000_000
    asked = asyncio.create_task(service.get(publication, tmp_path / "got"))
    await asyncio.to_thread(eventually, lambda: list(tmp_path.glob("got/*.part")))
    await service.change(publication, after)
    done = await asked
    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "DICOM/I0001").read_bytes() == bytes(reversed(_IMAGE))


@pytest.mark.long
@pytest.mark.parametrize("service", ["local"], indirect=True)
async def test_six_gigabytes_arrive_through_what_cuts_every_fifty_megabytes(service: Service, tmp_path: Path) -> None:
    publication = await service.publish_large(2000)
    service.archives.cuts[:] = [50_000_000] * 200
    done = await service.get(publication, tmp_path / "got", "--zip")
    assert done.returncode == 0, done.stderr
    assert len(service.archives.cuts) < 90


@any_store
async def test_a_link_with_a_pin_asks_for_it(service: Service, tmp_path: Path) -> None:
    publication = await service.publish(archive(), pin="271828")
    for stdin, said in (("", "ПИН"), ("000000\n", "ПИН")):
        done = await service.get(publication, tmp_path / "got", *(["--pin-stdin"] if stdin else []), stdin=stdin)
        assert done.returncode == 1
        assert said in done.stderr or "PIN" in done.stderr
    done = await service.get(publication, tmp_path / "got", "--pin-stdin", stdin="271828\n")
    assert done.returncode == 0, done.stderr


@any_store
async def test_a_link_that_opens_nothing_is_told_at_once(service: Service, tmp_path: Path) -> None:
    publication = await service.publish(archive())
    await withdraw.withdraw(service.site.database, publication.study_id, actor="user:admin", clinic_code=None)
    closed = await service.get(publication, tmp_path)
    unknown = await asyncio.to_thread(call, "get", f"{service.link(publication)[:-4]}AAAA", "-o", str(tmp_path))
    other = await asyncio.to_thread(call, "get", service.site.address, "-o", str(tmp_path))
    nobody = await asyncio.to_thread(call, "get", f"ftp://127.0.0.1:{free_port()}/s/{publication.token}")
    for ended in (closed, unknown, other, nobody):
        assert ended.returncode == 1
        assert len(ended.stderr.splitlines()) == 1
        assert publication.token not in ended.stderr
    assert len({closed.stderr, unknown.stderr, other.stderr}) == 3


@any_store
async def test_the_viewer_that_was_named_is_opened_with_the_folder(service: Service, tmp_path: Path) -> None:
    publication = await service.publish(archive())
    viewer = tmp_path / "viewer"
    viewer.write_text(f'#!/bin/sh\nls "$1" > {tmp_path}/seen.new && mv {tmp_path}/seen.new {tmp_path}/seen\n')
    viewer.chmod(0o755)
    assert (await service.get(publication, tmp_path / "got", "--open", str(viewer))).returncode == 0
    await asyncio.to_thread(eventually, (tmp_path / "seen").exists)
    assert (tmp_path / "seen").read_text().split() == ["DICOM", "README.txt"]
    assert (await service.get(publication, tmp_path / "other", "--open", "/nonexistent")).returncode == 1
