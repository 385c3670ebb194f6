"""Profiles of de-identification, as data: what each takes from the options of PS3.15 Annex E."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from pydicom.datadict import tag_for_keyword

from studypub.deid import tables
from studypub.errors import Refused, Sentence


class Code(NamedTuple):
    """A coded concept (PS3.3 8.1)."""

    value: str
    scheme: str
    meaning: str


# Claimed by the instances whose pixels were searched for text (PS3.15 E.3.1).
CLEAN_PIXEL_DATA = Code("113101", "DCM", "Clean Pixel Data Option")
BASIC = Code("113100", "DCM", "Basic Application Confidentiality Profile")

# PS3.16 CID 7050; the meanings are the Standard's.
OPTIONS = {
    "patient_characteristics": Code("113108", "DCM", "Retain Patient Characteristics Option"),
    "modified_dates": Code("113107", "DCM", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "safe_private": Code("113111", "DCM", "Retain Safe Private Option"),
    "clean_descriptors": Code("113105", "DCM", "Clean Descriptors Option"),
}


# Without these nobody can tell one object from another, or what its pixels are.
_NEVER_REMOVED: Final = frozenset({0x00080016, 0x00080018, 0x0020000D, 0x0020000E, *range(0x00280002, 0x00280104)})


@dataclass(frozen=True)
class Profile:
    """A named choice of options; `claims` are the codes of CID 7050 that its results carry."""

    name: str
    title: Sentence
    options: frozenset[str]
    removals: frozenset[int] = frozenset()

    @property
    def claims(self) -> tuple[Code, ...]:
        """The codes of PS3.16 CID 7050 for exactly what is done."""
        return (BASIC, *(code for option, code in OPTIONS.items() if option in self.options))

    @property
    def dates(self) -> str:
        """The value of LongitudinalTemporalInformationModified (PS3.3 C.12.1)."""
        return "MODIFIED" if "modified_dates" in self.options else "REMOVED"

    def action(self, tag: int, actions: dict[str, str]) -> str:
        """Return the action of a row of Table E.1-1 under this profile.

        An option retains (K) or cleans (C); where two options speak, the one that retains more is taken, as PS3.15
        E.3 has it.
        """
        if tag in self.removals:
            return actions["basic"]
        chosen = {actions[option] for option in self.options if option in actions}
        return min(chosen, default=actions["basic"], key="KC".find)


def names() -> list[str]:
    """Return the names of all profiles."""
    return list(_document())


def load(name: str, also_remove: Iterable[str] = ()) -> Profile:
    """Return the profile of that name, without the attributes whose keywords are given.

    Removals only ever tighten: what must be there for the object to be valid is emptied or replaced. Raises Refused if
    there is no such profile or keyword.
    """
    document = _document()
    if name not in document:
        known = ", ".join(document)
        raise Refused(
            name,
            reason_ru=f"Нет профиля обезличивания «{name}»; есть: {known}",
            reason_en=f"There is no de-identification profile {name!r}; there are: {known}",
        )
    entry = document[name]
    removals = frozenset(_tag(keyword) for keyword in also_remove)
    return Profile(name, Sentence(entry["title_ru"], entry["title_en"]), frozenset(entry["options"]), removals)


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None or tag in _NEVER_REMOVED:
        raise Refused(
            keyword,
            reason_ru=f"Атрибут «{keyword}» нельзя убрать: такого имени нет или без него объект не читается",
            reason_en=f"The attribute {keyword!r} cannot be removed: no such name, or no object can be read without it",
        )
    return tag


def _document() -> dict[str, dict[str, str]]:
    return tomllib.loads(tables.text("profiles.toml"))
