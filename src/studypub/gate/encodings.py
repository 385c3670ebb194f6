"""Spells a text in the bytes of every encoding that it may leak in."""

import base64
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

ENCODINGS: Final = ("utf-8", "utf-16", "cp1251", "koi8-r", "iso-8859-5", "cp866", "latin-1")
"""Character sets of DICOM, of Russian systems and of Windows; UTF-16 in both orders of bytes."""

# Character sets of what is wrapped in hexadecimal digits or base64.
WRAPPED: Final = ("utf-8", "cp1251", "utf-16-le")
_SHORTEST_WRAPPED: Final = 6


class Spelling(NamedTuple):
    """Bytes to look for; `folded`: in either case of ASCII letters; `coded`: their neighbours are no text."""

    content: bytes
    encoding: str
    folded: bool
    coded: bool = False


def spell(text: str) -> Iterator[Spelling]:
    """Yield the text in every character set that has its letters, in lower, upper and title case."""
    for form in cases(text):
        for encoding in ENCODINGS:
            yield from _utf16(form) if encoding == "utf-16" else _single(form, encoding)
        decomposed = unicodedata.normalize("NFD", form)
        if decomposed != form:
            yield as_is(decomposed)


def as_is(text: str) -> Spelling:
    """Return the text in UTF-8, in whatever case its ASCII letters are."""
    return Spelling(text.encode(errors="replace").lower(), "utf-8", folded=True)


def wrap(text: str) -> Iterator[Spelling]:
    """Yield the text as hexadecimal digits, in base64 and in the escapes of JSON, URLs and HTML."""
    for form in {text, text.lower(), text.upper(), text.title()}:
        for name, escape in ESCAPES.items():
            if not form.isascii():
                yield Spelling(escape(form).lower().encode(), name, folded=True, coded=True)
        for encoding in WRAPPED:
            content = _encoded(form, encoding) or b""
            for name, transfer in TRANSFERS.items() if len(content) >= _SHORTEST_WRAPPED else ():
                for wrapped in transfer(content):
                    yield Spelling(wrapped, f"{name} of {encoding}", folded=name == "hex", coded=True)


def cases(text: str) -> set[str]:
    """Return the cases in which a text is written; those of ASCII letters are not told apart in a search."""
    if text.isascii():
        return {text.lower()}
    return {text.lower(), text.upper(), text.title()}


def _single(form: str, encoding: str) -> Iterator[Spelling]:
    content = _encoded(form, encoding)
    if content is not None and (encoding == "utf-8" or not content.isascii()):
        yield Spelling(content.lower(), encoding, folded=True)


def _utf16(form: str) -> Iterator[Spelling]:
    """Yield one spelling for both orders of bytes where they share all but the first or last byte."""
    little = form.encode("utf-16-le", "replace")
    if len(set(little[1::2])) == 1:
        yield Spelling(little[:-1], "utf-16", folded=form.isascii())
    else:
        yield Spelling(little, "utf-16-le", folded=False)
        yield Spelling(form.encode("utf-16-be", "replace"), "utf-16-be", folded=False)


def _encoded(text: str, encoding: str) -> bytes | None:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return None


def _hex(content: bytes) -> list[bytes]:
    return [content.hex().encode()]


def _base64(content: bytes) -> list[bytes]:
    """Return what the content looks like wherever it begins in the three bytes of a group (RFC 4648 section 4)."""
    found = []
    for shift, shared in ((0, 0), (1, 2), (2, 3)):
        bits = 8 * (shift + len(content))
        found.append(base64.b64encode(bytes(shift) + content)[shared : bits // 6])
    return list({*found, *(each.translate(_URL_SAFE) for each in found)})


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")

TRANSFERS: Final[dict[str, Callable[[bytes], list[bytes]]]] = {"hex": _hex, "base64": _base64}

ESCAPES: Final[dict[str, Callable[[str], str]]] = {
    "json": lambda text: "".join(f"\\u{ord(letter):04x}" if ord(letter) > 127 else letter for letter in text),
    "url": lambda text: re.sub("[^ -~]", lambda letter: "".join(f"%{byte:02x}" for byte in letter[0].encode()), text),
    "html": lambda text: "".join(f"&#{ord(letter)};" if ord(letter) > 127 else letter for letter in text),
}
