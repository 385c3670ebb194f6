"""What the tests of the database share."""

from tests.peers.postgres import postgres_server

__all__ = ["postgres_server"]
