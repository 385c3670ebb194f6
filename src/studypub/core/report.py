"""The report that a doctor wrote: it lies beside the images, and most likely names the patient."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from studypub.errors import Sentence

LARGEST: Final = 20 << 20  # bytes
LONGEST_TEXT: Final = 200_000  # characters
MOST_PAGES: Final = 200
_SHORTEST_NUMBER: Final = 3
# After these a patient's name, date of birth or document stands.
_LABELS: Final = re.compile(
    r"\b(?:ф\. ?и\. ?о\b|фио\b|фамилия\b|пациент(?:ка)?\s*:|дата\s+рождения|д\. ?р\.|г\. ?р\.|снилс\b"
    r"|patient(?:[’']s)?(?:\s+name)?\s*:|date\s+of\s+birth|dob\b)",
    re.IGNORECASE,
)


class Clue(StrEnum):
    """What in a text tells who the patient is."""

    PATIENT_ID = "patient_id"
    ACCESSION_NUMBER = "accession_number"
    EMK_RECORD_ID = "emk_record_id"
    LABEL = "label"  # words beside which a name or a date of birth stands

    @property
    def sentence(self) -> Sentence:
        """What a person calls it."""
        return _NAMES[self]


_NAMES: Final = {
    Clue.PATIENT_ID: Sentence("номер пациента (PID)", "the patient’s number (PID)"),
    Clue.ACCESSION_NUMBER: Sentence("номер исследования (ACSN)", "the accession number (ACSN)"),
    Clue.EMK_RECORD_ID: Sentence("номер записи ЭМК", "the number of the record"),
    Clue.LABEL: Sentence("графа с именем или датой рождения", "a field for a name or a date of birth"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that is in the store. `size` in bytes; on `unread` of its `pages` no text could be read."""

    key: str
    size: int
    sha256: bytes
    pages: int
    unread: int
    clues: tuple[Clue, ...]
    attached_at: datetime


def clues(text: str, numbers: Mapping[Clue, str | None]) -> tuple[Clue, ...]:
    """Return what in a text tells who the patient is, as far as anybody here knows; a name nobody does.

    A number counts however it is divided and spelled, but neither within a longer one nor where it is so short that
    it stands in any text.
    """
    found = [clue for clue, number in numbers.items() if number and _stands_in(text, number)]
    return (*found, *([Clue.LABEL] if _LABELS.search(text) else []))


def _stands_in(text: str, number: str) -> bool:
    signs = [re.escape(sign) for sign in number if sign.isalnum()]
    if len(signs) < _SHORTEST_NUMBER:
        return False
    pattern = r"[\W_]{0,2}".join(signs)
    return re.search(rf"(?<![^\W_]){pattern}(?![^\W_])", text, re.IGNORECASE) is not None
