"""Reads a PDF, and writes it anew without what does not show on its pages (ISO 32000-1)."""

import struct
import time
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final, NamedTuple

from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, PdfObject

from studypub.core.report import MOST_PAGES
from studypub.errors import ReportUnusable

_HEADER: Final = b"%PDF-"
_HEADER_WITHIN: Final = 1024  # bytes; ISO 32000-1, Annex H.3
_READING_SECONDS: Final = 10.0
_MOST_OBJECTS: Final = 50_000  # pypdf takes a second for 7,000 of them
# What a damaged file leads pypdf to raise.
_DAMAGED: Final = (
    PyPdfError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
# What belongs to no page, or does something: metadata (14.3), files within (7.11), scripts and what starts them (12.6),
# what programs note for themselves (14.5), forms that are programs (XFA, 12.7.8).
_REMOVED: Final = (
    "/Metadata",
    "/PieceInfo",
    "/EmbeddedFiles",
    "/AF",
    "/EF",
    "/Collection",
    "/JavaScript",
    "/JS",
    "/OpenAction",
    "/AA",
    "/XFA",
)
_ACTIONS: Final = ("/A", "/Next")
_HARMLESS: Final = {"/GoTo", "/URI", "/Named"}
# Dictionaries whose keys are names that a producer chose (7.8.3, 9.6.5, 12.5.5): `/AA` may be a font there.
_BY_CHOSEN_NAMES: Final = ("/Resources", "/DR", "/AP")
_NOT_ON_PAPER: Final = {"/FileAttachment", "/Movie", "/Sound", "/Screen", "/RichMedia", "/3D"}


class Cleaned(NamedTuple):
    """A PDF that holds its pages and nothing else; on `unread` of them no text could be read."""

    content: bytes
    pages: int
    unread: int
    text: str


def clean(content: bytes) -> Cleaned:
    """Return the PDF without what does not show, and the text of its pages. Raises ReportUnusable."""
    if _HEADER not in content[:_HEADER_WITHIN]:
        raise _unusable("это не PDF", "it is no PDF")
    try:
        reader = PdfReader(BytesIO(content))
        _require_readable(reader)
        text, unread = _text(reader)
        return Cleaned(_rewritten(reader), len(reader.pages), unread, text)
    except _DAMAGED as error:
        raise _unusable("файл PDF повреждён", "the PDF is damaged", error) from error


def _require_readable(reader: PdfReader) -> None:
    # Many are encrypted so that nobody may change them, and open without a password (7.6.3).
    if reader.is_encrypted and not reader.decrypt(""):
        raise _unusable("файл PDF закрыт паролем", "a password protects the PDF")
    if sum(map(len, reader.xref.values())) + len(reader.xref_objStm) > _MOST_OBJECTS:
        raise _unusable("файл PDF слишком сложный", "the PDF is too complicated")
    if not reader.pages:
        raise _unusable("в файле PDF нет страниц", "the PDF has no pages")
    if len(reader.pages) > MOST_PAGES:
        raise _unusable(f"в файле PDF больше {MOST_PAGES} страниц", f"the PDF has more than {MOST_PAGES} pages")


def _text(reader: PdfReader) -> tuple[str, int]:
    """Return the text, and of how many pages there is none: a scan shows text and has none."""
    texts: list[str] = []
    typed = [str(value) for value in reader.get_form_text_fields().values() if value]
    until = time.monotonic() + _READING_SECONDS
    for page in reader.pages:
        if time.monotonic() > until:
            break
        try:
            text = page.extract_text()
        except _DAMAGED:
            continue
        texts += [text] if text.strip() else []
    return "\n".join([*texts, *typed]), len(reader.pages) - len(texts)


def _rewritten(reader: PdfReader) -> bytes:
    writer = PdfWriter(clone_from=reader, keep_initial_header=True)
    writer.metadata = None
    writer._ID = None  # noqa: SLF001 - it tells of the file that this one was made from (14.4)
    every = list(_dictionaries(writer))
    kept = {id(named) for one in every for named in _of_chosen_names(one)}
    for one in every:
        _scrub(one, names_are_chosen=id(one) in kept)
    # What nothing refers to any more, or an earlier state of the file has left, goes here.
    writer.compress_identical_objects(remove_duplicates=False, remove_unreferenced=True)
    written = BytesIO()
    writer.write(written)
    return written.getvalue()


def _dictionaries(writer: PdfWriter) -> Iterator[DictionaryObject]:
    """Yield every dictionary of the file, those within others too."""
    left: list[Any] = [one for one in writer._objects if one is not None]  # noqa: SLF001 - nothing else tells of all
    while left:
        one = left.pop()
        if isinstance(one, DictionaryObject):
            yield one
            left += one.values()
        elif isinstance(one, ArrayObject):
            left += one


def _of_chosen_names(one: DictionaryObject) -> Iterator[DictionaryObject]:
    """Yield the dictionaries under this one whose keys mean nothing by themselves."""
    glyphs = one.get("/CharProcs")
    outer = [one.get(name) for name in _BY_CHOSEN_NAMES]
    inner = [value.get_object() for each in outer if isinstance(each, DictionaryObject) for value in each.values()]
    for named in (glyphs, *inner):
        # What says of itself what it is, is something else, whoever refers to it.
        if isinstance(named, DictionaryObject) and not {"/Type", "/Subtype", "/S"} & named.keys():
            yield named


def _scrub(one: DictionaryObject, *, names_are_chosen: bool) -> None:
    for name in () if names_are_chosen else _REMOVED:
        one.pop(name, None)
    for name in _ACTIONS:
        if name in one and not _is_harmless(one.raw_get(name).get_object()):
            del one[name]
    annotations = one.get("/Annots")
    if isinstance(annotations, ArrayObject):
        annotations[:] = [each for each in annotations if not _is_not_on_paper(each.get_object())]


def _is_harmless(action: PdfObject | None) -> bool:
    if isinstance(action, ArrayObject):
        return all(_is_harmless(each.get_object()) for each in action)
    # A structure element's attributes (14.7.5), or a picture called so by its producer, are of no kind of action.
    return not isinstance(action, DictionaryObject) or action.get("/S", "/GoTo") in _HARMLESS


def _is_not_on_paper(annotation: PdfObject | None) -> bool:
    return isinstance(annotation, DictionaryObject) and annotation.get("/Subtype") in _NOT_ON_PAPER


def _unusable(reason_ru: str, reason_en: str, cause: Exception | None = None) -> ReportUnusable:
    return ReportUnusable(type(cause).__name__ if cause else reason_en, reason_ru=reason_ru, reason_en=reason_en)
