"""The local store: nobody else gets in, and a crash or a full disk leaves no half archive."""

import errno
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from tests.store.conftest import put

from studypub.errors import DiskFull, StorageRefused, StorageUnavailable
from studypub.store.local import LocalStore, _translated

HALF = 1 << 20
DIE_HALFWAY = f"""
import resource, signal, sys
from pathlib import Path
from studypub.store.local import LocalStore
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, ({HALF}, {HALF}))
LocalStore(Path(sys.argv[1])).put("key", Path(sys.argv[2]).open("rb"))
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "archive.zip"
    path.write_bytes(bytes(2 * HALF))
    return path


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_x50_only_we_may_enter(tmp_path: Path) -> None:
    (tmp_path / "storage").mkdir(mode=0o755)
    LocalStore(tmp_path / "storage")
    assert stat.S_IMODE((tmp_path / "storage").stat().st_mode) == 0o700


def test_a_put_that_fails_halfway_leaves_nothing(tmp_path: Path, archive: Path) -> None:
    store = LocalStore(tmp_path / "storage")
    with files_up_to(HALF), pytest.raises(StorageUnavailable):
        put(store, "key", archive)
    assert files(tmp_path / "storage") == []


def test_f08_a_put_that_is_killed_halfway_is_swept_away(tmp_path: Path, archive: Path) -> None:
    folder = tmp_path / "storage"
    died = subprocess.run([sys.executable, "-c", DIE_HALFWAY, folder, archive], check=False)
    assert died.returncode == -signal.SIGXFSZ
    store = LocalStore(folder)
    assert store.size("key") is None
    (leftover,) = files(folder)
    assert store.sweep(timedelta(hours=1)) == 0
    hours_ago = time.time() - 7200
    os.utime(leftover, (hours_ago, hours_ago))
    assert store.sweep(timedelta(hours=1)) == 1
    assert files(folder) == []


def test_f45_no_room_is_told_as_such() -> None:
    with pytest.raises(DiskFull), _translated():
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_folder_that_may_not_be_made_is_for_a_person_to_solve() -> None:
    with pytest.raises(StorageRefused):
        LocalStore(Path("/sys/studypub"))


def test_a_folder_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "storage")
    (tmp_path / "storage" / ".unfinished").rmdir()
    with pytest.raises(StorageUnavailable):
        store.check()
