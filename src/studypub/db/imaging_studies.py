"""Open publications, as a search of FHIR asks for them."""

from collections.abc import Sequence

from studypub.core.fhir_search import Period, Wanted
from studypub.core.publication import Publication
from studypub.db.database import Transaction
from studypub.db.studies import publication_of


async def find(tx: Transaction, wanted: Wanted, *, clinic_code: str | None) -> tuple[list[Publication], int | None]:
    """Return a page of the clinic's open publications, and how many there are in all; None beyond the last page."""
    rows = await tx.all(
        "imaging_studies",
        clinic_code=clinic_code,
        study_ids=_listed(wanted.study_ids),
        accession_numbers=_listed(wanted.accession_numbers),
        patient_ids=_listed(wanted.patient_ids),
        by_start=wanted.started != Period(),
        started_from=wanted.started.begin,
        started_before=wanted.started.end,
        updated_from=wanted.updated.begin,
        updated_before=wanted.updated.end,
        limit=max(1, wanted.count),
        offset=wanted.offset,
    )
    total = rows[0]["total"] if rows else 0 if wanted.offset == 0 else None
    return [publication_of(row) for row in rows[: wanted.count]], total


def _listed(values: Sequence[object] | None) -> list[object] | None:
    return None if values is None else list(values)
