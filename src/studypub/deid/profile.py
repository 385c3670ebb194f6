"""Profiles of de-identification, as data: what each takes from the options of PS3.15 Annex E."""

import tomllib
from dataclasses import dataclass
from typing import NamedTuple

from studypub.deid import tables
from studypub.errors import Refused, Sentence


class Code(NamedTuple):
    """A coded concept (PS3.3 8.1)."""

    value: str
    scheme: str
    meaning: str


BASIC = Code("113100", "DCM", "Basic Application Confidentiality Profile")

# PS3.16 CID 7050; the meanings are the Standard's.
OPTIONS = {
    "patient_characteristics": Code("113108", "DCM", "Retain Patient Characteristics Option"),
    "modified_dates": Code("113107", "DCM", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "safe_private": Code("113111", "DCM", "Retain Safe Private Option"),
    "clean_descriptors": Code("113105", "DCM", "Clean Descriptors Option"),
}


@dataclass(frozen=True)
class Profile:
    """A named choice of options; `claims` are the codes of CID 7050 that its results carry."""

    name: str
    title: Sentence
    options: frozenset[str]

    @property
    def claims(self) -> tuple[Code, ...]:
        """The codes of PS3.16 CID 7050 for exactly what is done."""
        return (BASIC, *(code for option, code in OPTIONS.items() if option in self.options))

    @property
    def dates(self) -> str:
        """The value of LongitudinalTemporalInformationModified (PS3.3 C.12.1)."""
        return "MODIFIED" if "modified_dates" in self.options else "REMOVED"

    def action(self, actions: dict[str, str]) -> str:
        """Return the action of a row of Table E.1-1 under this profile.

        An option retains (K) or cleans (C); where two options speak, the one that retains more is taken, as PS3.15
        E.3 has it.
        """
        chosen = {actions[option] for option in self.options if option in actions}
        return min(chosen, default=actions["basic"], key="KC".find)


def names() -> list[str]:
    """Return the names of all profiles."""
    return list(_document())


def load(name: str) -> Profile:
    """Return the profile of that name; raises Refused if there is none."""
    document = _document()
    if name not in document:
        known = ", ".join(document)
        raise Refused(
            name,
            reason_ru=f"Нет профиля обезличивания «{name}»; есть: {known}",
            reason_en=f"There is no de-identification profile {name!r}; there are: {known}",
        )
    entry = document[name]
    return Profile(name, Sentence(entry["title_ru"], entry["title_en"]), frozenset(entry["options"]))


def _document() -> dict[str, dict[str, str]]:
    return tomllib.loads(tables.text("profiles.toml"))
