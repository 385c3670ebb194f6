"""New UIDs and names by a keyed hash: without the publication's key they say nothing, with it they are consistent."""

import base64
import hmac
from typing import Final

from pydicom._uid_dict import UID_dictionary

from studypub.deid import tables

WELL_KNOWN: Final = frozenset(uid.encode() for uid in (*UID_dictionary, *tables.sop_classes()))


class Pseudonyms:
    """All replacements of one publication; `subject` tells patients apart where a run holds several."""

    def __init__(self, key: bytes, subject: str = "") -> None:
        self._key = key
        # At least two months, at most ten years back.
        self.days = 60 + int.from_bytes(self._hash(b"days", b"")[:4]) % 3590
        self.patient = b"ANON-" + base64.b32encode(self._hash(b"patient", subject.encode()))[:12]

    def uid(self, original: bytes) -> bytes:
        """Return the new UID; UIDs of the Standard's registry (PS3.6 Annex A) stay as they are."""
        original = original.strip(b" \0")
        if original in WELL_KNOWN:
            return original
        return b"2.25.%d" % int.from_bytes(self._hash(b"uid", original)[:16])

    def label(self, kind: bytes, original: bytes) -> bytes:
        """Return a short name that is the same for the same original."""
        return base64.b32encode(self._hash(kind, original.strip(b" \0")))[:12]

    def _hash(self, kind: bytes, original: bytes) -> bytes:
        return hmac.digest(self._key, kind + b"\0" + original, "sha256")
