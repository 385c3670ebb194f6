"""Builds the packages of the tree as it is, once for each content, and keeps the newest for the next run."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = Path("/var/cache/studypub-tests")
"""What takes long to make and lasts beyond a run; it may be deleted at any time."""

QUICK = {**os.environ, "LEVEL": "1"}
"""The environment in which packing takes seconds."""

_GOES_IN = ("src", "sql", "templates", "static", "systemd", "docs", "monitoring", "packaging")
_FILES = ("requirements.lock", "pyproject.toml", "config.example.toml", "README.md", "CHANGELOG.md", "LICENSE")
_SECONDS = 900


@contextmanager
def only_one(name: str) -> Iterator[Path]:
    """Let one process at a time make something in the cache; give the place of that name there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield CACHE / name


@dataclass(frozen=True)
class Packages:
    """What is made of one tree."""

    folder: Path

    @property
    def runtime(self) -> Path:
        return self.folder / "runtime"

    @property
    def deb(self) -> Path:
        (found,) = self.folder.glob("*_amd64.deb")
        return found

    @property
    def older(self) -> Path:
        """The same package under an earlier version; it ships another configuration, and a file more."""
        return self.folder / "older.deb"

    @property
    def binary(self) -> Path:
        return self.folder / "studypub"


def packages() -> Packages:
    """Return the packages of this tree."""
    with only_one("packages") as home:
        made = Packages(home / _digest())
        if not (made.folder / "done").exists():
            shutil.rmtree(home, ignore_errors=True)
            made.folder.mkdir(parents=True)
            pack("runtime", made.runtime)
            pack("deb", made.runtime, made.folder)
            pack("binary", made.runtime, made.folder)
            _age(made)
            (made.folder / "done").touch()
        return made


def pack(program: str, *arguments: Path) -> None:
    """Run one of the programs that pack."""
    subprocess.run([ROOT / "packaging" / program, *arguments], check=True, timeout=_SECONDS, env=QUICK)


def _age(made: Packages) -> None:
    tree = made.folder / "older"
    subprocess.run(["dpkg-deb", "--raw-extract", made.deb, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("\nVersion: ", "\nVersion: 0.0.1~"))
    with (tree / "etc/studypub/config.toml").open("a") as file:
        file.write("# An earlier word of ours.\n")
    (tree / "opt/studypub/lib/gone-since.txt").touch()
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zzstd", "-z1", "--build", tree, made.older], check=True)
    shutil.rmtree(tree)


def _digest() -> str:
    digest = hashlib.sha256()
    folders = (path for name in _GOES_IN for path in (ROOT / name).rglob("*") if "__pycache__" not in path.parts)
    for path in sorted([*folders, *(ROOT / name for name in _FILES)]):
        if path.is_file():
            digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_mode}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
