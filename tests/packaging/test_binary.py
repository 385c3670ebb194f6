"""The one executable file: what its head does, tried with little behind it; and all of it on a bare Debian 12."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from tests.peers.built import pack, packages
from tests.peers.clean_root import clean_root
from tests.peers.postgres import open_folder
from tests.peers.program import running

PROGRAM = '#!/bin/sh\nprintf "%s\\n" "$0" "$(umask)" "$@"\n'


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The executable file with a program that only says how it was started."""
    folder = tmp_path_factory.mktemp("small")
    program = folder / "runtime/bin/studypub"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM)
    program.chmod(0o755)
    pack("binary", folder / "runtime", folder)
    return folder / "studypub"


def start(program: Path, place: Path, *arguments: str, umask: int = -1) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.defpath, "STUDYPUB_UNPACKED": str(place)}
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, check=False, env=environment, umask=umask
    )


def test_it_unpacks_itself_once_and_starts_what_it_has_unpacked(small: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    first = start(small, place, "doctor", "two words", umask=0o077)
    program, umask, *arguments = first.stdout.splitlines()
    (unpacked,) = place.iterdir()
    assert Path(program) == unpacked / "bin/studypub"
    assert (umask, arguments) == ("0077", ["doctor", "two words"])
    made = Path(program).stat().st_ctime_ns
    assert start(small, place).returncode == 0
    assert Path(program).stat().st_ctime_ns == made
    assert (place.stat().st_mode | unpacked.stat().st_mode) & 0o022 == 0


def test_a_damaged_file_says_so_and_leaves_nothing(small: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "studypub"
    damaged.write_bytes(small.read_bytes()[:-20])
    damaged.chmod(0o755)
    failed = start(damaged, tmp_path / "place")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "damaged" in failed.stderr
    assert list((tmp_path / "place").iterdir()) == []


def test_another_version_makes_room_unless_it_runs(small: Path, tmp_path: Path) -> None:
    for version in ("0.0.1-idle", "0.0.2-running"):
        shutil.copytree(small.parent / "runtime", tmp_path / "place" / version)
    with (tmp_path / "place/0.0.2-running/bin/studypub").open() as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        assert start(small, tmp_path / "place").returncode == 0
    assert not (tmp_path / "place/0.0.1-idle").exists()
    assert (tmp_path / "place/0.0.2-running").exists()


def test_it_is_not_unpacked_where_others_can_write(small: Path, tmp_path: Path) -> None:
    place = tmp_path / "open"
    place.mkdir()
    place.chmod(0o777)
    refused = start(small, place)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "STUDYPUB_UNPACKED" in refused.stderr
    assert list(place.iterdir()) == []


@pytest.fixture
def bare() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.mark.long
@pytest.mark.peer
@pytest.mark.parametrize("user", ["joe", "root"])
def test_it_publishes_a_study_on_a_bare_debian(bare: Path, user: str) -> None:
    with clean_root("bookworm", bare) as root:
        assert not list(root.path.glob("usr/bin/python*"))
        shutil.copy(packages().binary, root.path / "usr/local/bin/studypub")
        root.run("useradd", "--create-home", "--user-group", "joe")
        home = {"joe": "/home/joe", "root": "/root"}[user]
        cache = root.path / {"joe": "home/joe/.cache/studypub", "root": "var/cache/studypub"}[user]
        assert root.run("studypub", "--version", user=user, home=home).startswith("studypub ")
        (unpacked,) = cache.iterdir()
        state, log = f"{home}/trial", bare / "log"
        command = root.command("studypub", "demo", "--state", state, user=user, home=home)

        def ready() -> bool:
            return "Ctrl-C" in log.read_text("utf-8")

        for _ in range(2):
            with running(command, log, ready) as trial:
                said = dict(line.split(":", 1) for line in log.read_text("utf-8").splitlines() if ":" in line)
                link = {name.strip(): value.strip() for name, value in said.items()}["Link"]
                archive = httpx.get(f"{link}/download", follow_redirects=True, trust_env=False).raise_for_status()
                names = ZipFile(BytesIO(archive.content)).namelist()
                assert len([name for name in names if name.startswith("DICOM/") and not name.endswith("/")]) == 60
                trial.terminate()
                assert trial.wait(60) == 0
        assert list(cache.iterdir()) == [unpacked]
        assert [path.name for path in (root.path / "tmp").iterdir()] == []
