"""A small PACS that can be told to misbehave."""

from collections.abc import Iterator
from typing import Any, Literal, get_args

from pynetdicom import evt

from studypub.dicom.demo_pacs import DemoPacs

Mood = Literal["good", "drops", "aborts", "refuses", "lies", "blind"]
MOODS: tuple[Mood, ...] = get_args(Mood)
_UNABLE_TO_PERFORM_SUB_OPERATIONS = 0xA702
_OUT_OF_RESOURCES = 0xA700


class BadPacs(DemoPacs):
    """`mood` may be set at any time and holds for requests from then on.

    `drops` the last instance, `aborts` the association in the middle, `refuses` to send, `lies` that all was sent,
    or is `blind`: cannot answer queries.
    """

    mood: Mood = "good"

    def _find(self, event: evt.Event) -> Iterator[Any]:
        if self.mood == "blind":
            yield _OUT_OF_RESOURCES, None
            return
        yield from super()._find(event)

    def _move(self, event: evt.Event) -> Iterator[Any]:
        steps = super()._move(event)
        yield next(steps)  # the destination
        if self.mood == "refuses":
            yield 1
            yield _UNABLE_TO_PERFORM_SUB_OPERATIONS, None
            return
        count = next(steps)
        yield {"drops": count - 1, "lies": 0}.get(self.mood, count) if isinstance(count, int) else count
        for number, step in enumerate(steps, start=1):
            if self.mood == "lies" or (self.mood == "drops" and number == count):
                return
            if self.mood == "aborts" and number > count // 2:
                event.assoc.abort()
                return
            yield step
