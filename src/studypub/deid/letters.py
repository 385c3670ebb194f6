"""Tells text from numbers where a binary VR, or none, stands before it."""

import re
from typing import Final

import numpy as np

# A text to its end, in ASCII or in one of the character sets with a byte for each letter that Russian systems write.
_ASCII: Final = re.compile(rb"[\t\n\f\r -~]{5,}")
_SINGLE_BYTE: Final = re.compile(rb"[\t\n\f\r -~\xa1\xa3\xa8\xb0-\xff]{5,}")
# Letters of a word, but for its first, are of one case; numbers seldom are.
_ONE_CASE: Final = re.compile(rb"[\xb0-\xcf]{5}|[\xc0-\xdf]{5}|[\xd0-\xef]{5}|[\xe0-\xff]{5}")
_BEYOND_ASCII: Final = re.compile(rb"[\x80-\xff]")
_FEWEST_LETTERS: Final = 4
# FF is the last letter of the alphabet in cp1251, and what small negative numbers consist of.
_MOST_FF: Final = 0.2
# The upper bytes of UTF-16, in either order: Latin and Cyrillic.
_PAGES: Final = ({0}, {4}, {0, 4})

_WORD: Final = re.compile(rb"[A-Za-z]{5}")
_FLOATS: Final = {"FL": "<f4", "FD": "<f8"}
# Measures are of such an order; letters taken for the exponent of a number give others.
_LEAST: Final = 1e-12
_GREATEST: Final = 1e15


def is_text(value: bytes, vr: str) -> bool:
    """Say whether bytes that should be numbers of a VR are a text."""
    content = value.rstrip(b" \0")
    if _ASCII.fullmatch(content):
        return bool(vr not in _FLOATS or _WORD.search(content) or not _are_measures(value, vr))
    if vr in _FLOATS and _are_measures(value, vr):
        return False
    return _is_utf8(content) or _is_single_byte(content) or (vr not in {"US", "SS", "OW"} and _is_utf16(value))


def _are_measures(value: bytes, vr: str) -> bool:
    sizes = np.abs(np.frombuffer(value, _FLOATS[vr]))
    return bool(((sizes == 0) | ((sizes > _LEAST) & (sizes < _GREATEST))).all())


def _is_utf8(content: bytes) -> bool:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.replace("\n", " ").replace("\r", " ").isprintable() and _has_letters(content)


def _is_single_byte(content: bytes) -> bool:
    seldom = content.count(b"\xff") <= _MOST_FF * len(content)
    return bool(seldom and _SINGLE_BYTE.fullmatch(content) and _ONE_CASE.search(content)) and _has_letters(content)


def _is_utf16(value: bytes) -> bool:
    content = value.rstrip(b"\0") + b"\0" * (len(value.rstrip(b"\0")) % 2)
    orders = ((content[1::2], content[::2]), (content[::2], content[1::2]))
    return len(content) > 2 * _FEWEST_LETTERS and any(
        set(pages) in _PAGES and 0 not in letters and len(set(letters)) >= _FEWEST_LETTERS for pages, letters in orders
    )


def _has_letters(content: bytes) -> bool:
    return len(set(_BEYOND_ASCII.findall(content))) >= _FEWEST_LETTERS
