"""Decides what a link opens."""

from datetime import datetime, timedelta
from enum import Enum

from studypub.core.publication import Publication, State

# A presigned address outlives a withdrawal by at most this.
_LONGEST_REDIRECT = timedelta(minutes=5)


class Access(Enum):
    """What whoever holds the link gets."""

    OPEN = "open"
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


def redirect_lifetime(publication: Publication, now: datetime) -> timedelta:
    """Return how long an address that was handed out for the archive may work: never beyond the publication's date."""
    return min(_LONGEST_REDIRECT, publication.save_till - now)
