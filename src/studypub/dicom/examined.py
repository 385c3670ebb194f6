"""A PACS that is looked at more closely than publishing needs."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Final

from pydicom.charset import python_encoding
from pydicom.uid import UID

from studypub.config import Pacs
from studypub.dicom import rows
from studypub.dicom.caller import Patience
from studypub.dicom.row import Row
from studypub.dicom.scu import PacsClient
from studypub.errors import StudypubError

_SOON_SECONDS: Final = 5.0
_ENOUGH_STUDIES: Final = 200
KNOWN_CHARSETS: Final = frozenset(python_encoding)


class ExaminedPacs(PacsClient):
    """A client that notes in which character sets the PACS answers."""

    def __init__(self, pacs: Pacs, our_ae_title: str, patience: Patience) -> None:
        super().__init__(pacs, our_ae_title, patience)
        self.charsets: set[str] = set()

    def smallest_of(self, first: date, last: date) -> str | None:
        """Return the accession number of the study of these days that has the fewest images, of the first ones listed.

        None where the PACS does not tell, or not soon: nobody waits for that.
        """
        until = time.monotonic() + min(self._patience.search, _SOON_SECONDS)
        known: list[tuple[int, str]] = []
        with suppress(StudypubError), self._searching(until) as find:  # also where it lists more than we want to hear
            for row in find(rows.studies_between(f"{first:%Y%m%d}", f"{last:%Y%m%d}"), _ENOUGH_STUDIES):
                study = rows.study(row)
                if study.accession_number and study.instances:
                    known.append((study.instances, study.accession_number))
        return min(known)[1] if known else None

    def _rows(self, heard: Iterator[tuple[int, Row | None]], until: float, most: int) -> Iterator[Row]:
        for row in super()._rows(heard, until, most):
            self.charsets.update(row.text("SpecificCharacterSet").split("\\"))
            yield row


def name_of(uid: str) -> str:
    """Return what the Standard calls a UID; the UID where it does not."""
    return UID(uid).name
