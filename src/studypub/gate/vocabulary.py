"""Words that name nobody: those of the Standard's dictionary and of its coded concepts, and of clinics in general."""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Final, cast

from pydicom._dicom_dict import DicomDictionary
from pydicom._private_dict import private_dictionaries
from pydicom.sr import _concepts_dict
from pydicom.sr._snomed_dict import mapping

# Scheme -> keyword -> code -> meaning and context groups.
_CONCEPTS: Final = cast("dict[str, dict[str, dict[str, tuple[str, list[int]]]]]", _concepts_dict.concepts)
_SEMANTIC_TAG: Final = re.compile(r" \([a-z ]+\)$")
_WORD: Final = re.compile(r"[^\W\d_]+")


@cache
def ordinary(sort: str) -> frozenset[str]:
    """Return hand-picked words that name nobody: `titles`, `placeholders`, `makers`, `common` or `terms`."""
    document = tomllib.loads(files(__package__).joinpath("data/ordinary.toml").read_text("utf-8"))
    return frozenset(document[sort].split())


@cache
def meanings() -> frozenset[str]:
    """Return the texts of coded concepts (PS3.16), in lower case: they say nothing of anybody."""
    texts = (text for keywords in _CONCEPTS.values() for codes in keywords.values() for text, _ in codes.values())
    return frozenset(_SEMANTIC_TAG.sub("", text).lower() for text in texts)


@cache
def codes() -> frozenset[str]:
    """Return the values of coded concepts, SNOMED RT style ones too."""
    found = {code for keywords in _CONCEPTS.values() for codes in keywords.values() for code in codes}
    return frozenset(found | set(mapping["SRT"]))


@cache
def creators() -> frozenset[str]:
    """Return the private creators that are known as makers' (PS3.5 7.8.1)."""
    return frozenset(private_dictionaries)


@cache
def words() -> frozenset[str]:
    """Return the words of the Standard and of clinics in general, in lower case."""
    names = " ".join(entry[2] for entry in DicomDictionary.values())
    by_hand = ordinary("common") | ordinary("makers") | ordinary("terms")
    return by_hand | frozenset(_WORD.findall(f"{names} {' '.join(meanings())}".lower()))
