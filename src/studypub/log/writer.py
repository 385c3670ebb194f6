"""A thread for each place that the log goes to; a place that is full or stuck costs lines, and nobody's time."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import ClassVar

QUEUE_LENGTH = 10_000
STOP_SECONDS = 2.0


_COUNTING = threading.Lock()


class Writer(logging.Handler):
    """Takes records from any thread, and writes them in its own; `lost` counts lines of all writers."""

    lost: ClassVar[int] = 0

    def __init__(self, write: Callable[[bytes], None], name: str) -> None:
        """`write` takes a whole line, and may take its time; it raises OSError where the line is lost."""
        super().__init__()
        self._write = write
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(QUEUE_LENGTH)
        self._untold = 0
        self._thread = threading.Thread(target=self._run, name=f"log-{name}", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record, unless too many wait already."""
        try:
            self._records.put_nowait(record)
        except queue.Full:
            self._lose()

    def wait(self, seconds: float) -> None:
        """Wait until what was taken has been written, for so long at most."""
        with self._records.all_tasks_done:
            self._records.all_tasks_done.wait_for(lambda: not self._records.unfinished_tasks, seconds)

    def stop(self) -> None:
        """Write what waits, unless nobody takes it."""
        end = time.monotonic() + 2 * STOP_SECONDS
        try:
            self._records.put(None, timeout=STOP_SECONDS)
        except queue.Full:
            return
        self._thread.join(max(0.0, end - time.monotonic()))

    def _run(self) -> None:
        while (record := self._records.get()) is not None:
            try:
                self._tell_lost()
                self._write_line(record)
            except Exception:  # noqa: BLE001 - where a line cannot be written, nothing can be said of it
                self._lose()
            finally:
                self._records.task_done()

    def _lose(self) -> None:
        with self._guard():
            self._untold += 1
        with _COUNTING:
            Writer.lost += 1

    def _tell_lost(self) -> None:
        """Say how many lines are missing here, as soon as anything can be written again."""
        lost = self._untold
        if lost:
            about = {"levelno": logging.WARNING, "levelname": "WARNING", "details": {"dropped": lost}}
            self._write_line(logging.makeLogRecord({**about, "msg": "Строк журнала потеряно: %s", "args": (lost,)}))
            with self._guard():
                self._untold -= lost

    def _write_line(self, record: logging.LogRecord) -> None:
        self._write(f"{self.format(record)}\n".encode())

    def _guard(self) -> threading.RLock:
        assert self.lock is not None  # noqa: S101 - logging makes one for each handler
        return self.lock
