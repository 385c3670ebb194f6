"""Reads which part of a file is asked for (RFC 9110 14)."""

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.ASCII | re.IGNORECASE)
_MOST_DIGITS = 18


class NotSatisfiable(Exception):
    """Nothing of the file lies within the range asked for."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` up to and without `end` of a file of `size` bytes."""

    start: int
    end: int
    size: int

    @property
    def length(self) -> int:
        """How many bytes that is."""
        return self.end - self.start

    @property
    def content_range(self) -> str:
        """The value of Content-Range."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


def read_range(header: str | None, size: int) -> Part | None:
    """Return the part that the Range header asks for, or None where all is to be sent.

    Several ranges at once, other units and what cannot be read may be ignored (14.2). Raises NotSatisfiable.
    """
    asked = _ONE_RANGE.fullmatch(header) if header else None
    if asked is None or len(asked[1]) > _MOST_DIGITS or len(asked[2]) > _MOST_DIGITS:
        return None
    first, last = (int(text) if text else None for text in asked.groups())
    if first is None:
        return _suffix(last, size)
    if last is not None and last < first:
        return None
    if first >= size:
        raise NotSatisfiable
    return Part(first, size if last is None else min(last + 1, size), size)


def _suffix(length: int | None, size: int) -> Part | None:
    if length is None:
        return None
    if length == 0 or size == 0:
        raise NotSatisfiable
    return Part(max(size - length, 0), size, size)
