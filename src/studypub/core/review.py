"""What a person may decide about an instance that was held back."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from studypub.errors import Sentence


class Decision(StrEnum):
    """What is done with the instance when its task goes on."""

    RELEASE = "release"  # publish its pixels as they are
    MASK = "mask"  # black out what looks like text, and publish
    LEAVE_OUT = "leave_out"


@dataclass(frozen=True, slots=True)
class Held:
    """An instance on its way to a person: why, and a small picture (PNG) where one could be made."""

    sop_instance_uid: str
    reason: str
    sentence: Sentence
    thumbnail: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldInstance:
    """An instance that waits for a person, or waited."""

    held_id: UUID
    sop_instance_uid: str
    reason: str
    sentence: Sentence
    has_thumbnail: bool
    decision: Decision | None
