"""Unique identifiers from the wire, which may be anything."""

import re

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")


def is_valid(uid: str) -> bool:
    """Whether this can be a UID (PS3.5 9.1): at most 64 digits and dots.

    Components with leading zeros are against the Standard and frequent in the field: they pass.
    """
    return len(uid) <= 64 and _UID.fullmatch(uid) is not None
