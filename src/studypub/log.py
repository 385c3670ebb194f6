"""Writes the log: one JSON object a line, to standard output and a file, never waiting for either."""

import contextlib
import json
import logging
import logging.handlers
import queue
import sys
import traceback
from datetime import datetime
from pathlib import Path

import orjson

from studypub.errors import StudypubError

_QUEUE_LENGTH = 10_000
# Their messages carry identifiers, addresses of links or both.
_SILENCED = ("pynetdicom", "pydicom", "uvicorn.access", "urllib3", "py.warnings")
_STOP_SECONDS = 2.0


class JsonFormatter(logging.Formatter):
    """Renders a record as `{"timestamp", "level", "message", "details"}` on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an exception becomes its class and its places in the code, never its text."""
        details = dict(getattr(record, "details", {}))
        if record.exc_info and record.exc_info[1] is not None:
            details["cause"] = describe(record.exc_info[1])
        line = {
            "timestamp": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="seconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            "details": details,
        }
        try:
            return orjson.dumps(line, default=str).decode()
        except TypeError:  # half of a character, a number beyond 64 bits, a key that is no text
            return json.dumps(line, default=str)


class _DroppingHandler(logging.handlers.QueueHandler):
    """Hands records over to the writing thread; a blocked log costs lines, never the daemon's time."""

    dropped = 0

    def __init__(self, records: "queue.Queue[logging.LogRecord | None]") -> None:
        super().__init__(records)
        self._records = records

    def wait(self, seconds: float) -> None:
        with self._records.all_tasks_done:
            self._records.all_tasks_done.wait_for(lambda: not self._records.unfinished_tasks, seconds)

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            _DroppingHandler.dropped += 1

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record


class _Writer(logging.handlers.QueueListener):
    """Writes the records in a thread of its own."""

    def __init__(self, records: queue.Queue[logging.LogRecord | None], *handlers: logging.Handler) -> None:
        super().__init__(records, *handlers)
        self._records = records

    def stop(self) -> None:
        """Write what waits, unless nobody takes it."""
        with contextlib.suppress(queue.Full):
            self._records.put(None, timeout=_STOP_SECONDS)
        if self._thread is not None:
            self._thread.join(_STOP_SECONDS)
            self._thread = None


def describe(error: BaseException) -> str:
    """Return the chain of causes: our own texts, and for foreign exceptions only class and place.

    A foreign exception's text may quote what it failed on, a patient's name included.
    """
    parts = []
    current: BaseException | None = error
    while current is not None:
        frames = traceback.extract_tb(current.__traceback__)
        place = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-4:][::-1])
        text = f" «{current}»" if isinstance(current, StudypubError) else ""
        parts.append(f"{type(current).__name__}{text} [{place}]")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return " <- ".join(parts)


def dropped() -> int:
    """Return how many lines were lost because the log could not be written fast enough."""
    return _DroppingHandler.dropped


def flush(seconds: float) -> None:
    """Wait until what was logged has been written, for so long at most: somebody ends the process."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, _DroppingHandler):
            handler.wait(seconds)


def start(level: str, file: Path | None) -> logging.handlers.QueueListener:
    """Send the whole process's log to standard output and the file; stop the returned listener at the end."""
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o640)
        handlers.append(logging.handlers.WatchedFileHandler(file, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(JsonFormatter())
    records: queue.Queue[logging.LogRecord | None] = queue.Queue(_QUEUE_LENGTH)
    # A fault of writing would be told with what was to be written; a warning quotes what it warns of.
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    logging.basicConfig(level=logging.WARNING, handlers=[_DroppingHandler(records)], force=True)
    logging.getLogger("studypub").setLevel(level)
    for name in _SILENCED:
        logging.getLogger(name).handlers = [logging.NullHandler()]
        logging.getLogger(name).propagate = False
    listener = _Writer(records, *handlers)
    listener.start()
    return listener
