"""Writes tables that spreadsheets open, and that cannot make them calculate."""

import csv
import io
from collections.abc import AsyncIterator, Iterable

from litestar.response import Stream

from studypub.web.language import Language

# What makes a cell a formula in one program or another, full-width signs included (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Excel expects the separator of its own language, and a mark by which it knows UTF-8.
_SEPARATOR = {"ru": ";", "en": ","}
_MARK = "\ufeff"

Row = Iterable[object]


def safe(value: object) -> str:
    """Return a cell's text; an apostrophe in front makes a text of what would be a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def answer(name: str, head: Row, rows: AsyncIterator[list[Row]], language: Language) -> Stream:
    """Answer with a table as a file of that name; the rows come batch by batch."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Content-Language": language}
    return Stream(_written(head, rows, language), media_type="text/csv", headers=headers)


async def _written(head: Row, rows: AsyncIterator[list[Row]], language: Language) -> AsyncIterator[bytes]:
    yield (_MARK + _text([head], language)).encode()
    async for batch in rows:
        yield _text(batch, language).encode()


def _text(rows: Iterable[Row], language: Language) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=_SEPARATOR[language], lineterminator="\r\n")
    writer.writerows([safe(value) for value in row] for row in rows)
    return file.getvalue()
