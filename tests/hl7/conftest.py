"""What the tests of the HL7 listener share."""

from tests.peers.database import connection, database, database_url, migrated
from tests.peers.postgres import postgres_server

__all__ = ["connection", "database", "database_url", "migrated", "postgres_server"]
