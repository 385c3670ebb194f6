"""What the tests of this folder have in common."""

import logging
from collections.abc import Iterator

import pytest
from tests.peers.database import connection, database, database_url, migrated
from tests.peers.facing import facing, opened, other, study
from tests.peers.postgres import postgres_server
from tests.peers.queue import queue_watch
from tests.peers.world import nursery, postgres, world

__all__ = [
    "connection", "database", "database_url", "facing", "migrated", "nursery", "opened", "other", "postgres",
    "postgres_server", "queue_watch", "study", "world",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    """Keep no records of pynetdicom, as the service keeps none: their tracebacks hold what was received."""
    logger = logging.getLogger("pynetdicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(level)
