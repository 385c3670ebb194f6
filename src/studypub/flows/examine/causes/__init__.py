"""What can be found, part by part: pure tables from what is answered to a cause with its words and its remedy."""

from studypub.flows.examine.causes import (
    address,
    backup,
    certificate,
    database,
    disk,
    machine,
    mail,
    pacs,
    provider,
    settings,
    storage,
    text,
    transfer,
    viewer,
)
from studypub.flows.examine.finding import Cause

_PARTS = (
    settings,
    database,
    disk,
    storage,
    backup,
    machine,
    address,
    certificate,
    mail,
    provider,
    text,
    viewer,
    pacs,
    transfer,
)


def every_cause() -> list[Cause]:
    """Return all of them, in order of the parts."""
    return [value for part in _PARTS for value in vars(part).values() if isinstance(value, Cause)]
