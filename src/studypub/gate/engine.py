"""Looks for thousands of expressions at once: the one place that knows hyperscan."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import hyperscan

from studypub.errors import InternalError
from studypub.gate.elements import Bytes, let_go

# So much of a file is in memory at once; what lies across two blocks is seen in the second.
_BLOCK: Final = 1 << 24
_OVERLAP: Final = 1 << 12


_ESCAPED: Final = [b"\\x%02x" % byte for byte in range(256)]


class Expression(NamedTuple):
    """What to look for: a regular expression over bytes; `folded`: in either case of ASCII letters."""

    pattern: bytes
    folded: bool


class Hit(NamedTuple):
    """Where the expression of that number ends."""

    number: int
    end: int


def literal(content: bytes) -> bytes:
    """Return the expression that finds exactly these bytes, NULs included."""
    return b"".join(map(_ESCAPED.__getitem__, content))


class Engine:
    """Expressions made ready; one search at a time."""

    def __init__(self, expressions: Sequence[Expression]) -> None:
        """Raise InternalError where an expression is beyond the engine."""
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK) if expressions else None
        if self._database is None:
            return
        flags = [hyperscan.HS_FLAG_CASELESS if expression.folded else 0 for expression in expressions]
        try:
            self._database.compile(expressions=[expression.pattern for expression in expressions], flags=flags)
        except hyperscan.error as error:
            raise InternalError(f"hyperscan: {error}") from error

    def search(self, data: Bytes, begin: int, end: int) -> list[Hit]:
        """Return all hits between two places, by where they end. Raises InternalError."""
        hits: list[Hit] = []
        if self._database is None:
            return hits
        with memoryview(data) as view:
            for block in range(begin, end, _BLOCK):
                low = max(begin, block - _OVERLAP)
                with view[low : min(end, block + _BLOCK)] as part:
                    hits += self._search_block(part, low, block)
                let_go(data)
        return hits

    def _search_block(self, part: memoryview, offset: int, fresh: int) -> list[Hit]:
        """Search one block; only hits that end behind `fresh` are new."""
        hits: list[Hit] = []

        def found(number: int, _begin: int, end: int, _flags: int, _context: object) -> None:
            if offset + end > fresh:
                hits.append(Hit(number, offset + end))

        assert self._database is not None  # noqa: S101 (narrows the type)
        try:
            self._database.scan(part, found)  # type: ignore[type-var]  # any buffer will do
        except hyperscan.error as error:
            raise InternalError(f"hyperscan: {error}") from error
        return hits
