"""Clean systems to install in: the smallest Debian or Ubuntu, made by debootstrap once, unpacked for each test."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.peers.built import only_one

# Debian has neither Ubuntu's keys nor a script under its newest names; all of Ubuntu's are the same.
_OF_UBUNTU = "/usr/share/debootstrap/scripts/gutsy"
SYSTEMS = {"bookworm": "", "trixie": "", "noble": _OF_UBUNTU}
"""Debian 12 and 13, Ubuntu 24.04, and debootstrap's script for each, where it does not find that by itself."""

_SECONDS = 900
# Its own file systems last as long as the program: they are mounted for it alone.
_ENTER = """
mount -t proc proc "$0/proc" && mount -t tmpfs -o mode=1777 shm "$0/dev/shm" && exec chroot "$0" "$@"
"""
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


class CleanRoot:
    """A system in a folder, without its init: its programs run on this machine's kernel and network."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def command(self, *arguments: str, user: str = "root", home: str = "/root") -> list[str]:
        """Return the command line that runs a program inside, as a user of that system."""
        as_user = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user != "root" else []
        inside = ["env", "-i", *(f"{name}={value}" for name, value in _ENVIRONMENT.items()), f"HOME={home}", *as_user]
        return ["unshare", "--mount", "sh", "-c", _ENTER, str(self.path), *inside, *arguments]

    def run(self, *arguments: str, user: str = "root", home: str = "/root", stdin: str = "") -> str:
        """Run a program inside to its end; return what it prints. Fails the test where the program fails."""
        done = subprocess.run(
            self.command(*arguments, user=user, home=home),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def files(self) -> set[str]:
        """Return the paths of all files and folders."""
        found = set()
        for folder, folders, names in os.walk(self.path):
            found |= {str(Path(folder, name).relative_to(self.path)) for name in (*folders, *names)}
        return found


@contextmanager
def clean_root(system: str, folder: Path, *more: str) -> Iterator[CleanRoot]:
    """Give a fresh system, with more of its packages; skip the test where neither its mirror nor a copy is at hand."""
    root = CleanRoot(folder / system)
    root.path.mkdir()
    try:
        subprocess.run(["tar", "-xf", _archive(system, *more), "-C", root.path], check=True, timeout=_SECONDS)
        yield root
    finally:
        shutil.rmtree(root.path)


def _archive(system: str, *more: str) -> Path:
    with only_one(f"{'-'.join((system, *more))}.tar") as archive:
        if not archive.exists():
            tree, unfinished = archive.with_suffix(".tree"), archive.with_suffix(".new")
            shutil.rmtree(tree, ignore_errors=True)
            _bootstrap(system, tree, "logrotate", *more)
            subprocess.run(["tar", "-cf", unfinished, "-C", tree, "."], check=True, timeout=_SECONDS)
            shutil.rmtree(tree)
            unfinished.rename(archive)
        return archive


def _bootstrap(system: str, tree: Path, *more: str) -> None:
    script = SYSTEMS[system]
    options = ["--variant=minbase", *(["--no-check-gpg"] if script else [])]
    command = ["debootstrap", *options, system, str(tree), *(["", script] if script else [])]  # from where it knows
    made = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if "Failed getting release file" in made.stdout + made.stderr:
        pytest.skip(f"{system} cannot be reached, and there is no copy of it")
    assert made.returncode == 0, (made.stdout + made.stderr)[-2000:]
    shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
    CleanRoot(tree).run("apt-get", "install", "-q", "-y", "--no-install-recommends", *more)
    CleanRoot(tree).run("apt-get", "clean")
