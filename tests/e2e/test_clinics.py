"""A clinic that is added in the panel is there at once: for a running daemon, its PACS and its commands."""

import json
from html import unescape
from re import DOTALL, findall, search

import httpx
import pytest
from tests.e2e.test_commands import ACCESSION, PASSWORD, PATIENT, STUDY
from tests.peers.daemon import install, serving
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.postgres import open_folder
from tests.peers.program import free_port

__all__ = ["orthanc"]

pytestmark = pytest.mark.peer


def added(panel: httpx.Client, **fields: str) -> httpx.Response:
    """Fill in the form of a new clinic as a browser does."""
    text = panel.get("/admin/clinics/new").raise_for_status().text
    token = search(r'name="csrf_token" value="([^"]+)"', text)
    assert token
    usual = {"csrf_token": token[1], "time_zone": "Europe/Moscow", "hours": "24", "do": "save"}
    usual |= {"profile": "second-opinion", "archive_format": "zip", "consent": "never", "release": "at_once"}
    usual |= dict(findall(r'<input id="[^"]*" name="(subject_\w+)"[^>]*value="([^"]*)"', text))
    letters = findall(r'<textarea [^>]*name="(\w+)"[^>]*>\n(.*?)</textarea>', text, DOTALL)
    usual |= {name: unescape(letter) for name, letter in letters}
    return panel.post("/admin/clinics/new", data={**usual, "language": "ru", "edition": "", **fields})


def test_a_clinic_of_the_panel_publishes_from_its_pacs_without_a_restart(orthanc: Orthanc) -> None:
    with open_folder() as folder:
        installation = install(folder, pacs="NOBODY", pacs_port=free_port())
        orthanc.register("STUDYPUB", "127.0.0.1", installation.scp_port)
        orthanc.store(STUDY)
        add = installation.command(
            "user", "add", "admin", "--role", "administrator", "--password-stdin", stdin=PASSWORD
        )
        assert add.returncode == 0, add.stderr
        with serving(installation), httpx.Client(base_url=installation.url, trust_env=False, timeout=60) as panel:
            sign_in = {"name": "admin", "password": PASSWORD.strip()}
            assert panel.post("/login", data=sign_in, headers={"Origin": installation.url}).status_code == 303
            pacs = {"ae_title": orthanc.ae_title, "host": "127.0.0.1", "port": str(orthanc.port), "retrieve": "move"}
            answer = added(panel, code="north", name="Северная", phone="+7 812 000-00-00", **pacs)
            assert answer.status_code == 303, answer.text
            numbers = ("--patient-id", PATIENT, "--accession-number", ACCESSION)
            done = installation.command("publish", "--clinic", "north", *numbers, "--wait")
            assert done.returncode == 0, done.stderr + done.stdout
            task = json.loads(done.stdout)
            assert (task["status"], task["clinic_code"]) == ("COMPLETED", "north")
            assert "+7 812 000-00-00" in panel.get(task["arch_link"]).text
            doctor = installation.command("doctor", "--clinic", "north", "--json")
            codes = {json.loads(line)["code"] for line in doctor.stdout.splitlines()}
            assert codes >= {"PACS_ECHO", "DATABASE_CLINICS_OF_PANEL"}, doctor.stdout
