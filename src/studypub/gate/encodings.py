"""Spells a text in the bytes of every encoding that it may leak in."""

import base64
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

ENCODINGS: Final = ("utf-8", "cp1251", "koi8-r", "iso-8859-5", "cp866", "latin-1", "utf-16-le", "utf-16-be")
"""Character sets of DICOM, of Russian systems and of Windows."""

# Encodings whose bytes are no text by themselves; for what alone names the patient.
_WRAPPED_CHARACTERS: Final = ("utf-8", "cp1251", "utf-16-le")
_SHORTEST_WRAPPED: Final = 4


class Spelling(NamedTuple):
    """Bytes to look for; `folded`: in either case of its ASCII letters; `coded`: its neighbours are no text."""

    content: bytes
    encoding: str
    folded: bool
    coded: bool = False


def spell(text: str) -> Iterator[Spelling]:
    """Yield the text in every character set that has its letters, in lower, upper and title case."""
    for form in cases(text):
        for encoding in ENCODINGS:
            content = _encoded(form, encoding)
            if content is None or (encoding not in {"utf-8", "utf-16-le", "utf-16-be"} and content.isascii()):
                continue
            yield Spelling(content, encoding, folded=not encoding.startswith("utf-16"))
        decomposed = unicodedata.normalize("NFD", form)
        if decomposed != form:
            yield Spelling(decomposed.encode(), "utf-8", folded=True)


def wrap(text: str) -> Iterator[Spelling]:
    """Yield the text as hexadecimal digits, in base64 and in the escapes of JSON, URLs and HTML."""
    for form in cases(text):
        for name, escape in ESCAPES.items():
            if not form.isascii():
                yield Spelling(escape(form).encode(), name, folded=True, coded=True)
        for encoding in _WRAPPED_CHARACTERS:
            content = _encoded(form, encoding)
            if content is None or len(content) < _SHORTEST_WRAPPED:
                continue
            for name, transfer in TRANSFERS.items():
                for wrapped in transfer(content):
                    yield Spelling(wrapped, f"{name} of {encoding}", folded=name == "hex", coded=True)


def cases(text: str) -> set[str]:
    """Return the cases in which a text is written; ASCII letters are found in every case when they are searched."""
    return {text, text.lower(), text.upper(), text.title()}


def _encoded(text: str, encoding: str) -> bytes | None:
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:
        return None


def _hex(content: bytes) -> list[bytes]:
    return [content.hex().encode(), content.hex(" ").encode(), content.hex("-").encode()]


def _base64(content: bytes) -> list[bytes]:
    """Return what the content looks like wherever it begins in the three bytes of a group (RFC 4648 section 4)."""
    found = []
    for shift, whole in ((0, 0), (1, 2), (2, 3)):
        bits = 8 * (shift + len(content))
        found.append(base64.b64encode(bytes(shift) + content)[whole : bits // 6])
    return [*found, *(each.translate(_URL_SAFE) for each in found)]


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")

TRANSFERS: Final[dict[str, Callable[[bytes], list[bytes]]]] = {"hex": _hex, "base64": _base64}

ESCAPES: Final[dict[str, Callable[[str], str]]] = {
    "json": lambda text: "".join(f"\\u{ord(letter):04x}" if ord(letter) > 127 else letter for letter in text),
    "url": lambda text: re.sub("[^ -~]", lambda letter: "".join(f"%{byte:02x}" for byte in letter[0].encode()), text),
    "html": lambda text: "".join(f"&#{ord(letter)};" if ord(letter) > 127 else letter for letter in text),
}
