"""What a line of the log looks like, and what it must not say."""

import json
import logging
import traceback
from datetime import datetime
from pathlib import Path

import orjson

from studypub.errors import StudypubError


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
