"""Tells terms of the Standard, makers' names and the program's own texts from identifiers that are spelled alike."""

import re
from collections.abc import Iterable
from typing import Final

from studypub.gate import vocabulary
from studypub.gate.elements import Bytes
from studypub.gate.layout import Stretch

_MANUFACTURER: Final = 0x00080070
_CODE_MEANING: Final = 0x00080104
_WORD: Final = re.compile(r"[^\W_]+")


def is_term(data: Bytes, stretch: Stretch) -> bool:
    """Say whether a value is nothing but terms of the Standard, or a maker's name where makers are named."""
    if stretch.vr == b"CS" or stretch.tag == _CODE_MEANING:
        terms = (part.strip() for part in _text(data, stretch).split("\\"))
        return all(term in vocabulary.meanings() for term in terms)
    if stretch.tag == _MANUFACTURER:
        return vocabulary.ordinary("makers").issuperset(_WORD.findall(_text(data, stretch)))
    return False


def is_within(data: Bytes, begin: int, end: int, texts: Iterable[bytes]) -> bool:
    """Say whether what lies between two places is a part of one of the texts."""
    return any(text in bytes(data[max(0, end - len(text)) : begin + len(text)]) for text in texts)


def _text(data: Bytes, stretch: Stretch) -> str:
    return bytes(data[stretch.begin : stretch.end]).decode("utf-8", "replace").strip(" \0").lower()
