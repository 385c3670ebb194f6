"""The Debian package in clean systems: installed, used for the main job, upgraded, removed and purged."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pydicom
import pytest
from tests.peers.built import ROOT, packages
from tests.peers.clean_root import SYSTEMS, CleanRoot, clean_root
from tests.peers.orthanc import Orthanc
from tests.peers.postgres import open_folder
from tests.peers.program import free_port, running
from tests.peers.studies import make_study, planted, spellings

from studypub.viewer.edition import EDITION

pytestmark = [pytest.mark.long, pytest.mark.peer]

PATIENT, ACCESSION = "PID-PACKAGE-1", "ACSN-PACKAGE-1"
STUDY = make_study(patient_id=PATIENT, accession_number=ACCESSION, instances=4, seed=7100)
CONFIG = "etc/studypub/config.toml"
END_SECONDS = 30
# What dpkg, useradd and the loader write for themselves.
OTHERS = (
    *("var/lib/dpkg", "var/lib/systemd", "var/lib/logrotate", "var/log/dpkg.log", "var/cache", "tmp", "root"),
    *("etc/passwd-", "etc/shadow-", "etc/group-", "etc/gshadow-", "etc/subuid", "etc/subgid", "etc/.pwd.lock"),
)


@dataclass(frozen=True)
class Site:
    """A system that is to have the package, and a PACS outside of it."""

    root: CleanRoot
    orthanc: Orthanc
    port: int
    scp_port: int

    def do(self, *arguments: str) -> str:
        """Run a command of ours as the service's user."""
        return self.root.run("studypub", *arguments, user="studypub", home="/var/lib/studypub")

    def configure(self) -> str:
        """Change the configuration as a sysadmin does; return it."""
        path = self.root.path / CONFIG
        text = path.read_text("utf-8")
        for shipped, wanted in {
            "port = 8080": f"port = {self.port}",
            "port = 11112": f"port = {self.scp_port}",
            'host = "0.0.0.0"': 'host = "127.0.0.1"',
            'host = "10.0.0.5"': f'host = "{self.orthanc.host}"',
            "port = 4242": f"port = {self.orthanc.port}",
            "every_hours = 24.0": "every_hours = 0.0",
        }.items():
            assert text.count(shipped) == 1, shipped
            text = text.replace(shipped, wanted)
        path.write_text(text, "utf-8")
        return text

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run the daemon as its unit does, until it is told to stop; it must then end by itself."""
        unit = (self.root.path / "usr/lib/systemd/system/studypub.service").read_text("utf-8")
        settings = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))
        user, umask = settings["User"], settings["UMask"]
        start = f"umask {umask}; cd {settings['WorkingDirectory']}; exec {settings['ExecStart']}"
        confined = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--reuid", user, "--regid", user]
        command = self.root.command(*confined, "--init-groups", "sh", "-c", start)
        with running(command, self.root.path / "tmp/journal", self.ready) as process:
            yield
            process.terminate()
            assert process.wait(END_SECONDS) == 0

    def ready(self) -> bool:
        """Say whether all that the daemon needs can be used."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", trust_env=False).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(params=SYSTEMS)
def site(request: pytest.FixtureRequest, orthanc: Orthanc) -> Iterator[Site]:
    with open_folder() as folder, clean_root(request.param, folder) as root:
        found = Site(root, orthanc, free_port(), free_port())
        orthanc.register("STUDYPUB", "127.0.0.1", found.scp_port)
        orthanc.store(STUDY)
        yield found
        orthanc.clear()


def test_it_is_installed_used_upgraded_removed_and_purged(site: Site) -> None:
    root, older, newer = site.root, packages().older, packages().deb
    before = root.files()
    put(root, older)
    shipped = (root.path / CONFIG).read_text("utf-8")
    assert root.run("stat", "-c", "%U:%G %a", f"/{CONFIG}") == "root:studypub 640\n"
    configured = site.configure()
    key = site.do("apikey", "add", "--clinic", "f_Khimki", "--name", "MIS").strip()
    with site.serving():
        link = publish(site, key)
        require_the_archive(link)
        require_a_healthy(site)
        require_rotation(site)

    assert f"Configuration file '/{CONFIG}'" in put(root, newer)
    assert (root.path / CONFIG).read_text("utf-8") == configured != shipped
    assert not (root.path / "opt/studypub/lib/gone-since.txt").exists()
    with site.serving():
        require_the_archive(link)

    root.run("dpkg", "--remove", "studypub")
    assert not (root.path / "opt").exists() or not list((root.path / "opt").iterdir())
    assert (root.path / CONFIG).read_text("utf-8") == configured
    assert "studypub" in root.run("getent", "passwd", "studypub")
    said = root.run("dpkg", "--purge", "studypub")
    assert "kept in /var/lib/studypub" in said
    left = {path for path in root.files() - before if not path.startswith(OTHERS)}
    assert {path for path in left if not path.startswith("var/lib/studypub")} == set()
    assert not {path for path in root.files() - before if path.startswith(("var/log/studypub", "var/lib/systemd"))}
    assert "studypub" not in (root.path / "etc/passwd").read_text() + (root.path / "etc/group").read_text()
    assert set(root.run("find", "/var/lib/studypub", "-printf", "%u:%g\n").split()) == {"root:root"}

    put(root, newer)
    site.configure()
    with site.serving():
        require_the_archive(link)


def put(root: CleanRoot, package: Path) -> str:
    """Install a package without a network; whatever dpkg asks is answered by the default."""
    shutil.copy(package, root.path / "root/studypub.deb")
    said = root.run("dpkg", "--force-unsafe-io", "--install", "/root/studypub.deb", stdin="\n" * 5)
    (root.path / "root/studypub.deb").unlink()
    return said


def publish(site: Site, key: str) -> str:
    """Have the study published as a MIS does; return the link."""
    headers = {"Authorization": f"Bearer {key}"}
    asked = {"patient_id": PATIENT, "accession_number": ACCESSION}
    accepted = httpx.post(f"http://127.0.0.1:{site.port}/publish", json=asked, headers=headers, trust_env=False)
    assert accepted.status_code == 202
    done = site.do("publish", "--patient-id", PATIENT, "--accession-number", ACCESSION, "--wait")
    task: dict[str, Any] = json.loads(done)
    assert (task["status"], task["task_id"]) == ("COMPLETED", accepted.json()["task_id"])
    return str(task["arch_link"])


def require_the_archive(link: str) -> None:
    """All images are behind the link, and nothing of the patient."""
    archive = httpx.get(f"{link}/download", trust_env=False, follow_redirects=True).raise_for_status().content
    with ZipFile(BytesIO(archive)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    images = [pydicom.dcmread(BytesIO(data)) for name, data in members.items() if name.startswith("DICOM/") and data]
    assert len(images) == len(STUDY)
    assert sorted(image.pixel_array.tobytes() for image in images) == sorted(
        image.pixel_array.tobytes() for image in STUDY
    )
    for text in planted(STUDY):
        assert not [name for name, data in members.items() for spelling in spellings(text) if spelling in data], text


def require_a_healthy(site: Site) -> None:
    """The doctor finds nothing wrong but that nobody has installed Tesseract."""
    command = site.root.command("studypub", "doctor", "--json", user="studypub", home="/var/lib/studypub")
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    failed = [finding["code"] for finding in map(json.loads, found.splitlines()) if not finding["passed"]]
    assert failed == ["TEXT_UNREAD"], found


def require_rotation(site: Site) -> None:
    """The daemon goes on in the new file."""
    log = site.root.path / "var/log/studypub/studypub.log"
    written = log.stat().st_size
    site.root.run("logrotate", "--force", "/etc/logrotate.d/studypub")
    assert log.with_name("studypub.log.1").stat().st_size == written > 0
    assert (log.stat().st_mode & 0o777, log.stat().st_size) == (0o640, 0)
    site.do("publish", "--patient-id", PATIENT, "--accession-number", "ACSN-NONE")
    seen = site.root.run("sh", "-c", f"timeout 30 tail -c +1 -F /var/log/studypub/{log.name} | head -n 1")
    assert json.loads(seen)["message"]


def test_it_brings_the_viewer() -> None:
    (manifest,) = packages().runtime.rglob(f"_data/viewer/{EDITION}/manifest.json")
    assert (manifest.parent / "LICENSES.txt").exists()


def test_the_tree_asks_nothing_of_the_system_but_what_the_package_depends_on() -> None:
    runtime = packages().runtime
    libraries = {path.name for path in runtime.rglob("*.so*")}
    programs = [path for path in runtime.rglob("*") if is_program(path)]
    told = subprocess.run(["objdump", "-p", *programs], stdout=subprocess.PIPE, text=True, check=False).stdout
    listed = told.splitlines()
    needed = {line.split()[1] for line in listed if line.strip().startswith("NEEDED")}
    depends = (ROOT / "packaging/debian/control").read_text().split("\nDepends: ")[1].splitlines()[0]
    asked = {"libc6", "libcrypt1", "libgcc-s1", "libstdc++6"}
    assert asked < {part.split()[0] for part in depends.split(", ")}
    libc = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libresolv.so.2"}
    system = libc | {"ld-linux-x86-64.so.2", "libcrypt.so.1", "libgcc_s.so.1", "libstdc++.so.6"}
    assert "libc.so.6" in needed
    assert needed - libraries - system == set()


def is_program(path: Path) -> bool:
    with path.open("rb") if path.is_file() else BytesIO() as file:
        return file.read(4) == b"\x7fELF"
