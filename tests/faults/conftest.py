"""What the tests of faults share."""

from tests.peers.world import nursery, postgres, world

__all__ = ["nursery", "postgres", "world"]
