"""What the browser's tests share: a server of databases, and sites over it."""

from tests.e2e.sites import fresh, full
from tests.peers.database import schema
from tests.peers.postgres import postgres_server

__all__ = ["fresh", "full", "postgres_server", "schema"]
