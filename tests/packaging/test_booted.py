"""The Debian package under systemd, with all that its unit forbids the daemon."""

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.peers.booted import Booted, booted
from tests.peers.built import packages
from tests.peers.clean_root import clean_root
from tests.peers.postgres import open_folder

from studypub.dicom import demo_study

pytestmark = [pytest.mark.long, pytest.mark.peer]

CONFIG = "etc/studypub/config.toml"
AS_SERVICE = ("runuser", "-u", "studypub", "--", "studypub")
PYTHON = ("/opt/studypub/bin/python3.11", "-I", "-c")
PACS = """
import threading
from studypub.dicom import demo_pacs, demo_study
us = {"STUDYPUB": ("127.0.0.1", 11112)}
demo_pacs.DemoPacs("ORTHANC", 4242, destinations=us, instances=demo_study.slices()).start()
threading.Event().wait()
"""
DOWNLOAD = """
import io, sys, urllib.request, zipfile
archive = urllib.request.urlopen(sys.argv[1] + "/download").read()
print(sum(name.startswith("DICOM/") and name[-1] != "/" for name in zipfile.ZipFile(io.BytesIO(archive)).namelist()))
"""


@pytest.fixture
def system() -> Iterator[Booted]:
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder())
        root = stack.enter_context(clean_root("bookworm", folder, "systemd-sysv", "dbus"))
        yield stack.enter_context(booted(root, folder / "console"))


def put(system: Booted, package: Path) -> None:
    shutil.copy(package, system.root.path / "root/studypub.deb")
    system.run("dpkg", "--force-unsafe-io", "--install", "/root/studypub.deb", stdin="\n" * 5)


def state(system: Booted) -> tuple[str, str]:
    """Return whether the service runs, and whether it will after the next boot."""
    asked = ("is-active", "is-enabled")
    active, enabled = (system.call("systemctl", ask, "studypub").stdout.strip() for ask in asked)
    return active, enabled


def test_the_service_runs_does_its_work_is_upgraded_and_is_gone(system: Booted) -> None:
    older, newer = packages().older, packages().deb
    put(system, older)
    assert state(system) == ("active", "enabled")

    system.run("systemd-run", "--unit=pacs", *PYTHON, PACS)
    config = system.root.path / CONFIG
    config.write_text(config.read_text("utf-8").replace('"10.0.0.5"', '"127.0.0.1"'), "utf-8")
    system.run("systemctl", "restart", "studypub")
    named = ("--patient-id", demo_study.PATIENT_ID, "--accession-number", demo_study.ACCESSION_NUMBER)
    task = json.loads(system.run(*AS_SERVICE, "publish", *named, "--wait"))
    assert task["status"] == "COMPLETED"
    assert system.run(*PYTHON, DOWNLOAD, task["arch_link"]) == "60"
    findings = [json.loads(line) for line in system.call(*AS_SERVICE, "doctor", "--json").stdout.splitlines()]
    assert [finding["code"] for finding in findings if not finding["passed"]] == ["TEXT_UNREAD"]  # no Tesseract

    first = system.run("systemctl", "show", "--property=MainPID", "studypub")
    put(system, newer)
    assert state(system) == ("active", "enabled")
    assert system.run("systemctl", "show", "--property=MainPID", "studypub") != first
    assert system.run(*PYTHON, DOWNLOAD, task["arch_link"]) == "60"

    system.run("systemctl", "disable", "--now", "studypub")
    put(system, newer)
    assert state(system) == ("inactive", "disabled")
    system.run("systemctl", "enable", "--now", "studypub")
    system.run("systemctl", "stop", "pacs")
    system.run("dpkg", "--purge", "studypub")
    assert state(system)[0] == "inactive"
    assert "/opt/studypub" not in system.run("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "studypub" not in system.run("systemctl", "list-unit-files")
