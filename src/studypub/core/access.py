"""Decides what a link opens."""

from datetime import datetime, timedelta
from enum import Enum

from studypub.core import ids
from studypub.core.publication import Publication, State

# A presigned address outlives a withdrawal by at most this.
_LONGEST_REDIRECT = timedelta(minutes=5)
_LONGEST_SECONDS = 12  # digits


class Access(Enum):
    """What whoever holds the link gets."""

    OPEN = "open"
    LOCKED = "locked"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


def decide(publication: Publication | None, now: datetime) -> Access:
    """Return what the link opens at this moment; a date that has come closes it, swept or not."""
    if publication is None:
        return Access.UNKNOWN
    if publication.state is State.WITHDRAWN:
        return Access.WITHDRAWN
    if publication.state is State.EXPIRED or publication.save_till <= now:
        return Access.EXPIRED
    return Access.OPEN


def is_unlocked(publication: Publication, proof: str, now: datetime) -> bool:
    """Whether a publication needs no PIN, or this proves that it was entered, not too long ago."""
    if publication.pin_hash is None:
        return True
    seconds, _, _signature = proof.partition(".")
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= _LONGEST_SECONDS):
        return False
    return int(seconds) > now.timestamp() and ids.same(proof, _signed(publication, publication.pin_hash, int(seconds)))


def proof(publication: Publication, until: datetime) -> str:
    """Return what proves until then that the PIN was entered; it ends with the PIN, too."""
    return _signed(publication, publication.pin_hash or "", int(until.timestamp()))


def _signed(publication: Publication, pin_hash: str, until: int) -> str:
    # The hash has a salt of 128 random bits and leaves the database for nobody: a key that goes when the PIN does.
    return f"{until}.{ids.signature(pin_hash, f'{publication.token} {until}')}"


def redirect_lifetime(publication: Publication, now: datetime) -> timedelta:
    """Return how long an address that was handed out for the archive may work: never beyond the publication's date."""
    return min(_LONGEST_REDIRECT, publication.save_till - now)
