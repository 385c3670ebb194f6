"""Long lists, read from any place on."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands in a list: its value in the column that the list is sorted by, as text; its identity."""

    value: str
    item: UUID
