"""A data folder that cannot be used, on real file systems."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.examine.conftest import by_code

from studypub.config import Config, Database
from studypub.flows.examine import disk
from studypub.flows.examine.causes import disk as causes
from studypub.flows.examine.finding import Cause

GB = 2**30


def code_of(folder: Path) -> str:
    (code,) = by_code([disk.examine(Config(database=Database(data_dir=folder)))])
    return code


def test_a_folder_that_works(tmp_path: Path) -> None:
    assert code_of(tmp_path) in {"DISK_ROOM", "DISK_LITTLE"}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert code_of(tmp_path / "nowhere") == "DISK_MISSING"


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount an empty file system of its own there."""
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False, capture_output=True
    ).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_disk_that_is_read_only(tmp_path: Path) -> None:
    with mounted(tmp_path, "ro"):
        assert code_of(tmp_path) == "DISK_READ_ONLY"


def test_a_disk_that_is_full_or_small(tmp_path: Path) -> None:
    with mounted(tmp_path, "size=4M"):
        assert code_of(tmp_path) == "DISK_FULL"  # less than least_free_mb
    with mounted(tmp_path, "size=2G"):
        assert code_of(tmp_path) == "DISK_LITTLE"
    with mounted(tmp_path, "size=64k"):
        (tmp_path / "all").write_bytes(bytes(65536))
        assert code_of(tmp_path) == "DISK_FULL"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_another_user(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    os.seteuid(65534)
    try:
        code = disk.examine(Config(database=Database(data_dir=tmp_path / "."))).code
    finally:
        os.seteuid(0)
    assert code == "DISK_NOT_OURS"


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENOSPC, causes.FULL),
        (errno.EDQUOT, causes.FULL),
        (errno.EPERM, causes.NOT_OURS),
        (errno.EIO, causes.UNUSABLE),
        (None, causes.UNUSABLE),
    ],
)
def test_errors(number: int | None, cause: Cause) -> None:
    assert causes.of_error(number) is cause


@pytest.mark.parametrize(
    ("free", "cause"),
    [(0, causes.FULL), (GB, causes.FULL), (GB + 1, causes.LITTLE), (5 * GB - 1, causes.LITTLE), (5 * GB, causes.ROOM)],
)
def test_room(free: int, cause: Cause) -> None:
    assert causes.of_room(free, GB) is cause
