"""What the tests of this folder have in common."""

from tests.peers.database import connection, database, database_url, migrated
from tests.peers.facing import facing, opened, other, study
from tests.peers.postgres import postgres_server
from tests.peers.queue import queue_watch

__all__ = [
    "connection", "database", "database_url", "facing", "migrated", "opened", "other", "postgres_server",
    "queue_watch", "study",
]  # fmt: skip
