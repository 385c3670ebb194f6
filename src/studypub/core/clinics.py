"""Whose rows somebody sees, as the database's own policies read it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sees:
    """The clinics of which a transaction sees, and changes, rows."""

    text: str  # of the setting studypub.clinics: a clinic's code, or a character that no code has


EVERY_CLINIC = Sees("*")
NO_CLINIC = Sees("!")


def only(clinic_code: str | None) -> Sees:
    """Return what an account or a key sees; `clinic_code` None: every clinic."""
    return EVERY_CLINIC if clinic_code is None else Sees(clinic_code)
