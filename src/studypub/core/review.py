"""What a person may decide about an instance that was held back."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from studypub.core.people import Actor
from studypub.errors import Sentence


class Decision(StrEnum):
    """What is done with the instance when its task goes on."""

    RELEASE = "release"  # publish its pixels as they are
    MASK = "mask"  # black out what looks like text, and publish
    LEAVE_OUT = "leave_out"


@dataclass(frozen=True, slots=True)
class Held:
    """What waits for a person: why, and a small picture (PNG) where one could be made.

    `uid` is the SOP Instance UID; the Series Instance UID where a series of `instances` is held as a whole.
    """

    uid: str
    reason: str
    sentence: Sentence
    thumbnail: bytes | None
    instances: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldInstance:
    """An instance or a series that waits for a person, or waited."""

    held_id: UUID
    uid: str
    instances: int
    reason: str
    sentence: Sentence
    has_thumbnail: bool
    decision: Decision | None
    decided_by: Actor | None

    @property
    def can_be_masked(self) -> bool:
        """Whether covering text helps; a face is in the pixels themselves."""
        return self.reason != "face"
