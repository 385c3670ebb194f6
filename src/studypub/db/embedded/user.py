"""The operating system's user under whom the server runs, and what is done in that user's name."""

import ctypes
import os
import pwd
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from studypub.errors import Refused

_UNPRIVILEGED = ("studypub", "postgres", "nobody")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
# Nothing of our environment (PGDATA, LD_LIBRARY_PATH, a locale) may steer the server, and no secret in it reach it.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}
_COMMAND_SECONDS = 300


class CommandFailed(Exception):
    """A program ended with an error or did not end; the text is the end of what it said."""


@dataclass(frozen=True)
class ServerUser:
    """A user by name and numbers; the methods act as this user, and die with the process that called them."""

    name: str
    uid: int
    gid: int

    def run(self, *command: str | Path, text: str = "") -> None:
        """Run a program to its end with `text` as its input; raise CommandFailed."""
        try:
            process = self.begin(*command, stdin=subprocess.PIPE, stderr=subprocess.STDOUT, stdout=subprocess.PIPE)
        except OSError as error:
            raise CommandFailed(f"{command[0]}: {error.strerror}") from error
        with process:
            try:
                said, _ = process.communicate(text.encode(), timeout=_COMMAND_SECONDS)
            except subprocess.TimeoutExpired as error:
                process.kill()
                raise CommandFailed(f"{command[0]} did not end within {_COMMAND_SECONDS} s") from error
        if process.returncode:
            raise CommandFailed(
                f"{command[0]} ended with {process.returncode}: {said.decode(errors='replace')[-2000:]}"
            )

    def begin(
        self,
        *command: str | Path,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start a program that the kernel interrupts (SIGINT) when the calling thread ends.

        It gets a session of its own: Ctrl-C in a terminal is for the daemon, which then stops the server itself.
        """
        other = os.geteuid() != self.uid
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd="/",
            env=_ENVIRONMENT,
            start_new_session=True,
            user=self.uid if other else None,
            group=self.gid if other else None,
            extra_groups=[] if other else None,
            # Runs after the change of user, which would clear the setting; two system calls and nothing else.
            preexec_fn=partial(_interrupt_with_parent, os.getpid()),  # noqa: PLW1509
        )

    def manages(self, *command: str | Path) -> bool:
        """Say whether the command succeeds as this user: the only honest test of permissions."""
        try:
            self.run(*command)
        except CommandFailed:
            return False
        return True

    def can_use(self, folder: Path) -> bool:
        """Say whether this user can list, enter and write the folder, by trying."""
        return self.manages("/bin/sh", "-c", 'cd "$1" && test -r . && test -w .', "sh", folder)

    def make_folder(self, folder: Path) -> None:
        """Make a folder for this user alone (0700); an existing one is left as it is."""
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            self.give(folder)

    def give(self, folder: Path) -> None:
        """Make this user the owner of a folder that was just made."""
        if os.geteuid() != self.uid:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)


def by_uid(uid: int) -> ServerUser:
    """Return the user with this number; raise Refused where it has no name (PostgreSQL insists on one)."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise Refused(
            f"uid {uid} is not in the user database",
            reason_ru=f"У пользователя с номером {uid} нет имени в системе: встроенная база под ним не работает.",
            reason_en=f"User number {uid} has no name in the system: the embedded database cannot run under it.",
        ) from error
    return ServerUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def choose(cluster: Path, data_dir: Path) -> ServerUser:
    """Return the user for the server: ourselves, or for root (whom PostgreSQL refuses) an unprivileged one.

    Root takes the owner of the cluster, else the owner of the data folder (so that a command given by root does
    not lock out a daemon that runs under its own user), else the first that exists of studypub, postgres, nobody.
    """
    if os.geteuid() != 0:
        return by_uid(os.geteuid())
    for folder in (cluster, data_dir):
        with suppress(FileNotFoundError):
            if owner := folder.stat().st_uid:
                return by_uid(owner)
    for name in _UNPRIVILEGED:
        with suppress(KeyError):
            return by_uid(pwd.getpwnam(name).pw_uid)
    raise Refused(
        f"none of {', '.join(_UNPRIVILEGED)} exists",
        reason_ru="PostgreSQL не работает от имени root, а пользователя без прав нет: создайте пользователя studypub.",
        reason_en="PostgreSQL does not run as root, and there is no unprivileged user: create the user studypub.",
    )


def _interrupt_with_parent(parent: int) -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGINT))
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
