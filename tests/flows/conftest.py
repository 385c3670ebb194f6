"""What the tests of flows and workers share."""

from tests.peers.database import connection, database, database_url, migrated
from tests.peers.house import house
from tests.peers.postgres import postgres_server
from tests.peers.queue import queue_watch

__all__ = ["connection", "database", "database_url", "house", "migrated", "postgres_server", "queue_watch"]
