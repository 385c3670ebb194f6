"""The database of an earlier release is brought up to date, and everything in it goes on; so does that release."""

import json
import tarfile
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import httpx
import psycopg
import pytest
from tests.peers.daemon import Installation, call, client, install, serving
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import open_folder
from tests.peers.studies import make_study

from studypub.data_dir import embedded
from studypub.db import dump
from studypub.flows.backup import DATABASE, OBJECTS

RELEASES = sorted((Path(__file__).parent / "releases").glob("*.tar"))
# As they were printed then, by release.
KEYS = {"0.2.0": "arl5VGcE.hsAefLLszOh0FhLy78NmdlwzhXaXcXiRjIYmcrVX8TS"}
LINKS = {"0.2.0": ("HxnKwiXRtfbnPLBjs6UXY4", "TwrtJv5Cab7J7amR3kNW1R")}
PATIENT, EXPIRING, KEPT, NEW, BESIDE = "PID-7", "OLD-1", "OLD-2", "UPGRADED-1", "BESIDE-1"


@pytest.fixture(params=RELEASES, ids=lambda path: path.stem)
def upgraded(request: pytest.FixtureRequest, orthanc: Orthanc) -> Iterator[tuple[str, Installation]]:
    """An installation as the release left it, whose first link has come to its date while it was upgraded."""
    with open_folder() as folder:
        installation = install(folder, pacs=orthanc.ae_title, pacs_port=orthanc.port)
        orthanc.register("STUDYPUB", "127.0.0.1", installation.scp_port)
        _lay(request.param, installation)
        yield request.param.stem, installation


def _lay(release: Path, installation: Installation) -> None:
    data = installation.folder / "data"
    with tarfile.open(release) as archive, embedded(data, alone=True) as (url, _):
        archive.extract(DATABASE, installation.folder, filter="data")
        dump.restore(url, installation.folder / DATABASE)
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            connection.execute(
                "UPDATE published_studies SET save_till = CASE accession_number WHEN %s THEN now() "
                "ELSE now() + interval '30 days' END",
                [EXPIRING],
            )
        for member in archive.getmembers():
            if member.name.startswith(OBJECTS):
                member.name = member.name.removeprefix(OBJECTS)
                archive.extract(member, data / "storage", filter="data")


def images(installation: Installation, token: str) -> int:
    """Return how many images there are behind a link."""
    archive = httpx.get(f"{installation.url}/s/{token}/download", trust_env=False)
    return len([name for name in ZipFile(BytesIO(archive.content)).namelist() if name.startswith("DICOM/")])


def test_links_keys_and_tasks_of_an_earlier_release_go_on(upgraded: tuple[str, Installation], orthanc: Orthanc) -> None:
    release, installation = upgraded
    orthanc.store(make_study(patient_id=PATIENT, accession_number=NEW, seed=6650, instances=2))
    with serving(installation), client(installation, KEYS[release]) as mis:
        expired, kept = (httpx.get(f"{installation.url}/s/{token}", trust_env=False) for token in LINKS[release])
        assert (expired.status_code, kept.status_code) == (410, 200)
        archive = httpx.get(f"{installation.url}/s/{LINKS[release][1]}/download", trust_env=False)
        assert ZipFile(BytesIO(archive.content)).testzip() is None
        assert mis.get("/publish", params={"accession_number": "OLD-NONE"}).json()["status"] == "FAILED"
        again = mis.post("/publish", json={"patient_id": PATIENT, "accession_number": KEPT}).json()
        assert again["arch_link"].endswith(LINKS[release][1])
        done = installation.command("publish", "--patient-id", PATIENT, "--accession-number", NEW, "--wait")
        assert json.loads(done.stdout)["status"] == "COMPLETED", done.stdout
        assert len(mis.get("/publish").json()["tasks"]) == 4
    assert installation.command("audit", "verify").returncode == 0
    assert "registrator" in installation.command("user", "list").stdout


def test_the_program_of_an_earlier_release_goes_on_while_the_schema_becomes_new_and_is_told_when_it_starts(
    upgraded: tuple[str, Installation], orthanc: Orthanc
) -> None:
    release, installation = upgraded
    program = installation.folder / "program"
    with tarfile.open(next(RELEASES[0].parent.glob(f"{release}-*"))) as archive:
        archive.extractall(program, filter="data")
    earlier = {"PYTHONPATH": str(program / "src")}
    orthanc.store(make_study(patient_id=PATIENT, accession_number=BESIDE, seed=6651, instances=2))
    with serving(installation, **earlier):
        assert installation.command("migrate").returncode == 0
        done = installation.command("publish", "--patient-id", PATIENT, "--accession-number", BESIDE, "--wait")
        assert done.returncode == 0, done.stderr
        token = json.loads(done.stdout)["arch_link"].rsplit("/", 1)[1]
        assert images(installation, token) == images(installation, LINKS[release][1]) == 2
    refused = call("serve", "--config", str(installation.file), **earlier)
    assert (refused.returncode, "newer version" in refused.stderr) == (1, True)
    with serving(installation):
        assert images(installation, token) == 2
