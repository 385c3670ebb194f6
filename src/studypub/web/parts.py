"""What the web layer is given to work with."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from studypub.config import Config
from studypub.db.database import Database
from studypub.errors import Sentence
from studypub.flows.examine.probes import Probes
from studypub.flows.look_up import Lookups
from studypub.metrics import Metrics
from studypub.store.base import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """Built by the daemon.

    `database` sees no clinic's rows: what a handler is given sees those of whoever asks (`given.py`), and whoever has
    to see more than that says so where it is.
    `readiness` maps each part that must work to None, or to what is wrong with it; `obstacle` says at once why no task
    is begun now, or None; `certificates` tells until when those in use are valid, by who shows them;
    `probes` are the requests that an examination waits for.
    """

    config: Config
    database: Database
    store: Store
    readiness: Callable[[], Awaitable[dict[str, str | None]]]
    lookups: Lookups = field(default_factory=Lookups)
    obstacle: Callable[[], Sentence | None] = lambda: None
    metrics: Metrics = field(default_factory=Metrics)
    certificates: Callable[[], Mapping[str, datetime]] = dict
    probes: Probes = field(default_factory=Probes)
