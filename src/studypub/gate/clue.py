"""What a clue is: an identifier that is looked for, and how it tells a hit from a chance likeness."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple, Protocol

from studypub.gate.encodings import Spelling
from studypub.gate.kinds import Kind


class Origin(NamedTuple):
    """Where an identifier was harvested: an element or a field of the request; `direct`: it alone tells the patient."""

    source: str
    direct: bool = False


class Place(Enum):
    """What sort of bytes a hit lies in."""

    FREE = "free text"
    CODED = "codes, numbers, dates, UIDs"
    BINARY = "binary values"
    SAMPLES = "pixels as they are"
    STREAM = "compressed pixels"


TEXT: Final = frozenset({Place.FREE, Place.CODED})
"""Where neighbours tell a word from a likeness."""


@dataclass(frozen=True, slots=True)
class Sight:
    """A hit with what stands around it, as text; `vr` is that of the element it lies in, empty outside of elements."""

    before: str
    found: str
    after: str
    place: Place
    vr: bytes = b""

    @property
    def is_binary(self) -> bool:
        """Whether neighbours mean nothing here: only how unlikely the bytes are counts."""
        return self.place not in TEXT


class Extent(NamedTuple):
    """How many characters before and after the hit belong to it; whose it is, where the clue stands for many.

    `doubt`: bits of the choice between all that would have done as well in these places.
    """

    before: int = 0
    after: int = 0
    origin: Origin | None = None
    doubt: float = 0.0


class Clue(Protocol):
    """An identifier to look for."""

    @property
    def origin(self) -> Origin:
        """Where it was harvested."""

    @property
    def kind(self) -> Kind:
        """What sort of identifier it is."""

    def spellings(self) -> Iterable[Spelling]:
        """Yield the bytes whose sight calls for a closer look."""

    def confirm(self, sight: Sight) -> Extent | None:
        """Return what belongs to the hit, or None where it is a chance likeness."""
