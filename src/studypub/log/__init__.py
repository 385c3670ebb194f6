"""Writes the log: one JSON object a line, to standard output and a file, never waiting for either."""

import errno
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from studypub.errors import ConfigError
from studypub.log.lines import JsonFormatter, describe
from studypub.log.places import LogFile, StandardOutput
from studypub.log.writer import Writer

__all__ = ["describe", "dropped", "flush", "start"]

# A disk that is full now is no mistake of the configuration.
_PASSING = (errno.ENOSPC, errno.EDQUOT)
# Their messages carry identifiers, addresses of links or both.
_SILENCED = (
    "pynetdicom",
    "pydicom",
    "pypdf",
    "reportlab",
    "uvicorn.access",
    "urllib3",
    "httpx",
    "httpcore",
    "py.warnings",
)


class Started:
    """The log of the process, until it is stopped."""

    def __init__(self, writers: Sequence[Writer], file: LogFile | None) -> None:
        self._writers = writers
        self._file = file

    def stop(self) -> None:
        """Write what waits, unless nobody takes it."""
        for writer in self._writers:
            writer.stop()
        if self._file is not None:
            self._file.close()


def dropped() -> int:
    """Return how many lines were lost because they could not be written, or not fast enough."""
    return Writer.lost


def flush(seconds: float) -> None:
    """Wait until what was logged has been written, for so long at most: somebody ends the process."""
    end = time.monotonic() + seconds
    for writer in _writers():
        writer.wait(max(0.0, end - time.monotonic()))


def start(level: str, file: Path | None) -> Started:
    """Send the whole process's log to standard output and the file. Raises ConfigError where that cannot be opened."""
    opened = None if file is None else _opened(file)
    writers = [Writer(StandardOutput(sys.stdout).write, "output")]
    writers += [Writer(opened.write, "file")] if opened else []
    for writer in writers:
        writer.setFormatter(JsonFormatter())
    # A fault of writing would be told with what was to be written; a warning quotes what it warns of.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    logging.basicConfig(level=logging.WARNING, handlers=writers, force=True)
    logging.getLogger("studypub").setLevel(level)
    for name in _SILENCED:
        logging.getLogger(name).handlers = [logging.NullHandler()]
        logging.getLogger(name).propagate = False
    return Started(writers, opened)


def _opened(file: Path) -> LogFile:
    opened = LogFile(file)
    try:
        opened.open()
    except OSError as error:
        if error.errno not in _PASSING:
            raise ConfigError(problem=f"logging.file: {file}: {error.strerror}") from error
    return opened


def _writers() -> list[Writer]:
    return [handler for handler in logging.getLogger().handlers if isinstance(handler, Writer)]
