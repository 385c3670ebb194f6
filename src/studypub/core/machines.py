"""Which machine may take its place among those that share a database, and which of them live."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from studypub.errors import Sentence

# How often a machine shows that it lives, and after what silence it is taken for dead. A task's lease is shorter: what
# a dead machine had begun is taken up before its place is.
BEAT: Final = timedelta(seconds=5)
SILENT: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine as it is written down.

    `run` is another at every start; `place` tells where it runs: a copy of its folder runs at another. `settings`:
    digests, by section, of those that have to be the same everywhere. `mark` is the object by which it can be seen that
    another one has the same storage. `obstacle`: why it takes no tasks.
    """

    machine_id: UUID
    run: UUID
    name: str
    ae_title: str
    place: str
    version: str
    settings: Mapping[str, str] = field(default_factory=dict)
    mark: str | None = None
    obstacle: Sentence | None = None
    started_at: datetime
    seen_at: datetime
    left_at: datetime | None = None

    def lives(self, now: datetime) -> bool:
        """Whether it has shown lately that it lives."""
        return self.left_at is None and now - self.seen_at < SILENT

    def differs_in(self, settings: Mapping[str, str]) -> list[str]:
        """Return the sections in which its configuration is not that of these digests."""
        return sorted(name for name, digest in self.settings.items() if settings.get(name) != digest)


class Kind(StrEnum):
    """In which way two machines cannot be told apart."""

    COPY = "copy"  # of the data folder, and so of what it is known by
    AE_TITLE = "ae_title"


class Collision(NamedTuple):
    """A machine that lives, and why there is no place for us beside it."""

    kind: Kind
    other: Machine


def collision(me: Machine, known: Iterable[Machine], now: datetime) -> Collision | None:
    """Return what we collide with. An earlier run of ours at this place is dead, since its folder's lock is ours."""
    for other in known:
        if not other.lives(now):
            continue
        if other.machine_id == me.machine_id and other.place != me.place:
            return Collision(Kind.COPY, other)
        if other.machine_id != me.machine_id and other.ae_title == me.ae_title:
            return Collision(Kind.AE_TITLE, other)
    return None


def beats(before: Collision, now: Collision) -> bool:
    """Whether the one we collide with has shown a sign of life meanwhile; else it may have died a moment ago."""
    return before.other.run == now.other.run and now.other.seen_at > before.other.seen_at
