"""Asks the daemon that runs on this data folder, over a socket in it that only the daemon's user may use."""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from studypub.config import Config
from studypub.flows.examine.finding import Finding
from studypub.flows.examine.probes import Seen

SOCKET: Final = "doctor.sock"
LONGEST_LINE: Final = 1 << 20
_ANSWER_SECONDS: Final = 10.0
_HANGS_UP_SECONDS: Final = 4000.0  # a transfer has a limit of its own


class NoAnswer(Exception):
    """The daemon ended meanwhile, or is another version."""


class Question(msgspec.Struct, frozen=True):
    """What is asked: one line of JSON, and one is answered."""

    about: Literal["settings", "new", "seen", "transfer"]
    nonce: str = ""
    clinic_code: str = ""
    accession_number: str = ""


class Beside:
    """The daemon of a data folder; what asks it raises NoAnswer."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / SOCKET

    def runs(self) -> bool | None:
        """Whether it runs; None where it does, or may, but does not speak to us."""
        try:
            with _connected(self._path, _ANSWER_SECONDS):
                return True
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            return False
        except OSError:
            return None

    def settings(self) -> str:
        """Return the fingerprint of what it was started with."""
        return str(self._ask(Question("settings"), str))

    def new(self) -> str:
        """Return a nonce that it now waits for."""
        return str(self._ask(Question("new"), str))

    def seen(self, nonce: str) -> Seen | None:
        """Return what the request with that nonce was like when it arrived; None where none did."""
        seen: Seen | None = self._ask(Question("seen", nonce=nonce), Seen | None)
        return seen

    def transfer(self, clinic_code: str, accession_number: str) -> list[Finding] | None:
        """Let it use a clinic's PACS and fetch the study; return what it found, None where it knows no such clinic."""
        question = Question("transfer", clinic_code=clinic_code, accession_number=accession_number)
        findings: list[Finding] | None = self._ask(question, list[Finding] | None, _HANGS_UP_SECONDS)
        return findings

    def _ask(self, question: Question, kind: Any, seconds: float = _ANSWER_SECONDS) -> Any:
        try:
            with _connected(self._path, seconds) as connection, connection.makefile("rwb") as stream:
                stream.write(msgspec.json.encode(question) + b"\n")
                stream.flush()
                return msgspec.json.decode(stream.readline(LONGEST_LINE), type=kind)
        except (OSError, msgspec.DecodeError) as error:
            raise NoAnswer from error


@contextmanager
def _connected(path: Path, seconds: float) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as connection, reachable(path) as name:
        connection.settimeout(seconds)
        connection.connect(name)
        yield connection


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give a name of the socket that is short enough for the system, which takes 107 bytes."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def fingerprint(config: Config) -> str:
    """Return what tells one configuration from another, and nothing of it."""
    return hashlib.sha256(msgspec.json.encode(config, enc_hook=str)).hexdigest()
