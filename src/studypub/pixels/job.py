"""What the daemon asks of the process that decodes pixels, and what that answers."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from studypub.core.masking import Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One instance to look at: a Part 10 file as it was received.

    `hide` is covered in any case; of a frame with `show`, only these places stay. `identifiers` are what is known of
    the patient, compared with the words that are found. `target` is where the covered instance is written; it must not
    exist. `cover_doubtful`: a person has said that the instance may be published once what looks like text is covered.
    `only_picture`: nothing is looked for; the thumbnail is all.
    """

    source: Path
    target: Path
    hide: tuple[Box, ...] = ()
    show: tuple[Box, ...] = ()
    identifiers: tuple[str, ...] = ()
    cover_doubtful: bool = False
    only_picture: bool = False


class Outcome(StrEnum):
    """What has become of an instance."""

    CLEAN = "clean"  # no text was found and nothing had to be covered: `target` is not written
    MASKED = "masked"  # covered, and nothing that looks like text remains
    UNSURE = "unsure"  # something may remain, or nobody could look: `target` is not written
    UNREADABLE = "unreadable"  # the pixels cannot be decoded within the limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was done; it holds no word that was read."""

    outcome: Outcome
    why: str = ""  # a code for the log: "no_ocr", "text_remains", "too_many_frames", "timeout", "coding", …
    boxes: int = 0  # rectangles covered
    words: int = 0  # words found
    identifiers: int = 0  # words that are known identifiers of the patient
    thumbnail: bytes | None = None  # PNG of the original, for a person who has to decide
