"""A published study: what is behind a link, and until when."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from studypub.core.archive_format import ArchiveFormat, format_of


class State(StrEnum):
    """Whether the link opens."""

    LIVE = "LIVE"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Part:
    """Less than the whole study, as an administrator has allowed; `missing` instances, None where nobody knows."""

    missing: int | None


@dataclass(frozen=True, slots=True)
class Companion:
    """The object that lies beside an archive in the store, for what shows the study in a browser; `size` in bytes."""

    key: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A study behind a link.

    `size` is in bytes; `study_date` is the original one and never shown to patients; `shown_date` is what the profile
    makes of it. `part`: where it is not the whole study. `pin_hash`: of the PIN that the link asks for, where it does.
    `companion`: where there is one.
    """

    study_id: UUID
    task_id: UUID
    clinic_code: str
    patient_id: str
    accession_number: str
    emk_record_id: str | None
    service_title: str | None
    state: State
    token: str
    object_key: str
    size: int
    sha256: bytes
    instances: int
    left_out: int
    modalities: tuple[str, ...]
    profile: str
    study_date: datetime | None
    shown_date: date | None
    upload_date: datetime
    save_till: datetime
    part: Part | None = None
    pin_hash: str | None = field(default=None, repr=False)
    companion: Companion | None = None

    @property
    def archive_format(self) -> ArchiveFormat:
        """In which form it is downloaded, which the name of its object tells."""
        return format_of(self.object_key) or ArchiveFormat.ZIP


def link(base_url: str, token: str) -> str:
    """Return the address that a patient opens."""
    return f"{base_url}/s/{token}"


def public_title(publication: Publication) -> str | None:
    """Return the service's title for the page behind the link, unless an identifier of the patient stands in it."""
    title = publication.service_title
    if not title or not title.strip():
        return None
    identifiers = (publication.patient_id, publication.accession_number, publication.emk_record_id or "")
    kept = _bare(title)
    return None if any(_bare(identifier) and _bare(identifier) in kept for identifier in identifiers) else title.strip()


def _bare(text: str) -> str:
    # An identifier stays one with its blanks, dashes and case changed.
    return "".join(filter(str.isalnum, text.casefold()))


def keep_until(requested: datetime | None, now: datetime, default_days: int) -> datetime:
    """Return the instant at which a study published now is deleted."""
    return requested or now + timedelta(days=default_days)
