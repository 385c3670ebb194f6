"""A study is downloaded by its link."""

import argparse
import getpass
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from studypub.commands.language import language
from studypub.errors import Sentence
from studypub.fetch.download import download
from studypub.fetch.errors import FolderUnusable, PinNeeded, WrongPin
from studypub.fetch.link import Link
from studypub.fetch.unpack import unpack

_REDRAW_SECONDS = 0.2
_BAR = 30
_PIN = Sentence("ПИН-код: ", "PIN: ")
_CANNOT_OPEN = Sentence("Не удалось запустить {program}.", "{program} cannot be run.")


def get(options: argparse.Namespace) -> int:
    """Download what is behind a link, unpack it, print where it is, and open it; 1 where the viewer does not start."""
    link = Link(options.link)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        _unlock(link, from_stdin=options.pin_stdin)
        with _Bar() as bar:
            found = download(link, options.output, bar.draw)
        if not options.zip:
            archive, found = found, unpack(found)
            if found != archive:
                archive.unlink()
    except OSError as error:
        raise FolderUnusable(folder=options.output, problem=error.strerror) from error
    print(found)
    return _open(options.open, found) if options.open else 0


def _unlock(link: Link, *, from_stdin: bool) -> None:
    try:
        link.ask()
    except PinNeeded:
        pin = sys.stdin.readline() if from_stdin else _asked()
        if not link.unlock(pin.strip()):
            raise WrongPin from None


def _asked() -> str:
    if not sys.stdin.isatty():
        raise PinNeeded
    return getpass.getpass(getattr(_PIN, language()))


def _open(program: str, found: Path) -> int:
    try:
        subprocess.Popen([program, os.fspath(found)], start_new_session=True)
    except OSError:
        print(f"studypub: {getattr(_CANNOT_OPEN, language()).format(program=program)}", file=sys.stderr)
        return 1
    return 0


class _Bar:
    """How far it is, on a terminal."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._next = 0.0
        self._begun: tuple[float, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown and self._begun:
            print(file=sys.stderr)

    def draw(self, have: int, size: int) -> None:
        """Show that so many bytes of `size` are here."""
        now = time.monotonic()
        self._begun = self._begun or (now, have)
        if not self._shown or (now < self._next and have < size):
            return
        self._next = now + _REDRAW_SECONDS
        begun, before = self._begun
        speed = (have - before) / max(now - begun, 0.001) / 1e6
        full = have * _BAR // size
        bar = "█" * full + "░" * (_BAR - full)
        print(f"\r{bar} {have / 1e6:.0f}/{size / 1e6:.0f} MB {speed:.1f} MB/s ", end="", file=sys.stderr, flush=True)
