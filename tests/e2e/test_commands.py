"""The commands, as a sysadmin types them, on a real daemon and a real Orthanc."""

import json
import signal
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import httpx
import pydicom
import pytest
from tests.peers.daemon import END_SECONDS, Installation, call, client, install, serving, started
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import open_folder
from tests.peers.program import free_port
from tests.peers.receiver import Receiver, receiving
from tests.peers.studies import make_study, planted, spellings

from studypub.core import callback

PATIENT, ACCESSION = "PID-90210-77", "ACSN-5512-E2E"
PASSWORD = "длинный-пароль-7\n"
STUDY = make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=4)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture(params=["move", "get"])
def installation(request: pytest.FixtureRequest, orthanc: Orthanc, receiver: Receiver) -> Iterator[Installation]:
    called = f'[callbacks]\nallow = ["http://127.0.0.1:{receiver.port}"]\n'
    with open_folder() as folder:
        found = install(folder, pacs=orthanc.ae_title, pacs_port=orthanc.port, retrieve=request.param, more=called)
        orthanc.register("STUDYPUB", "127.0.0.1", found.scp_port)
        orthanc.store(STUDY)
        yield found


@pytest.fixture
def idle() -> Iterator[Installation]:
    """An installation whose PACS is not there."""
    with open_folder() as folder:
        yield install(folder, pacs="NOBODY", pacs_port=free_port())


def test_a_study_goes_from_orthanc_to_a_link_and_nothing_names_the_patient(
    installation: Installation, receiver: Receiver
) -> None:
    key = installation.command("apikey", "add", "--clinic", "f_Khimki", "--name", "МИС").stdout.strip()
    key_id, url = key.partition(".")[0], f"http://127.0.0.1:{receiver.port}/hook?key=SECRETPATH"
    secret = installation.command("apikey", "callback", key_id, "--url", url).stdout.strip()
    refused = installation.command("apikey", "callback", key_id, "--url", "https://elsewhere.example/")
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (1, "", 1)
    with serving(installation):
        done = installation.command("publish", "--patient-id", PATIENT, "--accession-number", ACCESSION, "--wait")
        assert done.returncode == 0, done.stderr
        task = json.loads(done.stdout)
        assert (task["status"], task["progress"]) == ("COMPLETED", {"received": 4, "expected": 4})
        with client(installation, key) as mis:
            again = mis.post("/publish", json={"patient_id": PATIENT, "accession_number": ACCESSION})
            assert (again.status_code, again.json()["arch_link"]) == (200, task["arch_link"])
        call = receiver.call()
        assert json.loads(call.body)["data"]["arch_link"] == task["arch_link"]
        moment = call.headers["webhook-timestamp"]
        signed = callback.signature(secret, call.headers["webhook-id"], moment, call.body)
        assert call.headers["webhook-signature"] == signed
        page = httpx.get(task["arch_link"], trust_env=False)
        archive = httpx.get(f"{task['arch_link']}/download", trust_env=False, follow_redirects=True)
        assert len(archive.content) == task["size"]
        _require_anonymous(archive.content, page.text)
    log = _log_of(installation)
    assert PATIENT in log
    assert task["arch_link"].rsplit("/", 1)[1] not in log
    assert key.split(".")[1] not in log
    assert "SECRETPATH" not in log
    assert installation.command("audit", "verify").returncode == 0


def _log_of(installation: Installation) -> str:
    return (installation.folder / "log").read_text("utf-8")


def _require_anonymous(archive: bytes, page: str) -> None:
    with ZipFile(BytesIO(archive)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    instances = [pydicom.dcmread(BytesIO(data)) for name, data in members.items() if name.startswith("DICOM/")]
    assert len(instances) == 4
    assert {instance.PatientIdentityRemoved for instance in instances} == {"YES"}
    for text in planted(STUDY):
        assert text not in page
        for spelling in spellings(text):
            assert not [name for name, data in members.items() if spelling in data or spelling in name.encode()], text


@pytest.mark.parametrize("installation", ["move", pytest.param("get", marks=pytest.mark.long)], indirect=True)
def test_the_doctor_tries_everything_and_says_what_fails(installation: Installation, orthanc: Orthanc) -> None:
    healthy = installation.command("doctor", "--accession", ACCESSION)
    lines = healthy.stdout.splitlines()
    assert [line for line in lines if line.startswith("✗")] == [line for line in lines if "/healthz" in line]
    assert any(line.startswith("✓") and "4 of 4" in line for line in lines)
    with serving(installation):
        assert installation.command("doctor").returncode == 0
    if "move" in installation.file.read_text():
        orthanc.forget("STUDYPUB")
        sick = installation.command("doctor", "--accession", ACCESSION)
        assert sick.returncode == 1
        assert any(line.startswith("✗") and "AE title STUDYPUB" in line for line in sick.stdout.splitlines())


def test_the_doctor_tells_programs_the_same(idle: Installation) -> None:
    done = idle.command("doctor", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    shape = {"part", "code", "clinic", "passed", "warned", "ru", "en", "remedy_ru", "remedy_en"}
    assert all(set(each) == shape and each["ru"] and each["en"] for each in found)
    assert all(each["remedy_ru"] and each["remedy_en"] for each in found if each["warned"] or not each["passed"])
    assert [each["code"] for each in found if each["clinic"] == "f_Khimki"] == ["PACS_PORT_CLOSED"]
    assert {each["passed"] for each in found} == {True, False}


def test_accounts_and_keys_are_made_listed_and_closed(idle: Installation) -> None:
    add = idle.command(
        "user", "add", "ivanova", "--role", "registrator", "--password-stdin", stdin="длинный-пароль-7\n"
    )
    assert (add.returncode, add.stdout) == (0, "")
    weak = idle.command("user", "passwd", "ivanova", "--password-stdin", stdin="123\n")
    assert (weak.returncode, weak.stderr.count("\n")) == (1, 1)
    twice = idle.command(
        "user", "add", "Ivanova", "--role", "registrator", "--password-stdin", stdin="длинный-пароль-7\n"
    )
    assert "taken" in twice.stderr
    without = idle.command("user", "reset-totp", "ivanova")
    assert (without.returncode, "without a code" in without.stderr) == (1, True)
    assert idle.command("user", "disable", "ivanova").returncode == 0
    assert idle.command("user", "list").stdout == "ivanova\tregistrator\t*\tdisabled\n"
    key = idle.command("apikey", "add", "--clinic", "f_Khimki", "--name", "mis")
    assert (key.stderr, key.stdout.count("\n")) == ("", 1)
    assert idle.command("apikey", "add", "--clinic", "nowhere", "--name", "mis").returncode == 1
    key_id = key.stdout.split(".")[0]
    assert idle.command("apikey", "revoke", key_id).returncode == 0
    assert idle.command("apikey", "list").stdout.rstrip("\n").split("\t")[4] == "revoked"


def test_f70_bad_input_is_told_in_a_line_and_never_as_a_traceback(idle: Installation, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[server]\nprot = 1\n")
    for arguments, status, said in (
        (("serve", "--config", str(bad)), 78, "server.prot"),
        (("migrate", "--config", str(tmp_path / "nowhere.toml")), 78, "nowhere.toml"),
        (("publish", "--config", str(idle.file), "--patient-id", "*", "--accession-number", ""), 2, "patient_id"),
        (("deidentify", str(tmp_path / "nothing"), str(tmp_path / "out")), 1, "nothing"),
        (("deid", "explain", "--profile", "none"), 1, "none"),
        (("user", "passwd", "--config", str(idle.file), "nobody", "--password-stdin"), 1, "password"),
        (("frobnicate",), 2, "frobnicate"),
    ):
        ended = call(*arguments)
        assert (ended.returncode, "Traceback" in ended.stderr) == (status, False), ended.stderr
        assert said in ended.stderr


def test_a_second_daemon_leaves_the_first_alone(idle: Installation) -> None:
    with serving(idle):
        second = idle.command("serve")
        assert (second.returncode, "already running" in second.stderr) == (1, True)
        assert httpx.get(f"{idle.url}/readyz", trust_env=False).status_code == 200


def test_a_daemon_that_was_killed_comes_back_with_what_it_had_acknowledged(idle: Installation) -> None:
    key = idle.command("apikey", "add", "--clinic", "f_Khimki", "--name", "mis").stdout.strip()
    document = {"patient_id": "P-1", "accession_number": "A-1"}
    with started(idle) as process, client(idle, key) as mis:
        task = mis.post("/publish", json=document).json()
        process.send_signal(signal.SIGKILL)
        process.wait(END_SECONDS)
    with serving(idle), client(idle, key) as mis:
        found = mis.get(f"/publish/{task['task_id']}").json()
    assert found["accession_number"] == "A-1"
    assert found["error"] is None or found["error"]["code"] == "PACS_UNREACHABLE"


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.long)])
def test_the_daemon_ends_in_order_on_a_signal(idle: Installation, number: signal.Signals) -> None:
    with started(idle) as process:
        process.send_signal(number)
        assert process.wait(END_SECONDS) == 0


def test_a_folder_is_deidentified_offline_with_a_private_report(tmp_path: Path) -> None:
    source, target, report = tmp_path / "in", tmp_path / "out", tmp_path / "report.json"
    source.mkdir()
    for number, instance in enumerate(STUDY):
        instance.save_as(source / f"{PATIENT}-{number}.dcm", enforce_file_format=True)
    (source / "note.txt").write_text(PATIENT)
    ended = call("deidentify", str(source), str(target), "--report", str(report))
    assert ended.returncode == 0, ended.stderr
    entries = json.loads(report.read_bytes())
    assert sorted(entry["outcome"] for entry in entries) == ["kept"] * 4 + ["left_out"]
    assert report.stat().st_mode & 0o077 == 0
    written = [path for path in target.rglob("*") if path.is_file()]
    assert len(written) == 4
    found = subprocess.run(["grep", "-r", "-l", "-a", PATIENT, str(target)], capture_output=True, check=False)
    assert found.stdout == b""
