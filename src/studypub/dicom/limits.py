"""How much, and how long, a peer may take of the listener."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one connection, and of all that come from one address."""

    connections_per_peer: int = 8
    silence_seconds: float = 300.0
    """Within an association, between two PDUs."""
    request_seconds: float = 15.0
    """From the connection to the last byte of the A-ASSOCIATE-RQ."""
    pdu_seconds: float = 30.0
    """From the first byte of a PDU to its last; also for each answer of ours to be taken."""
    slowest_rate: float = 1024.0
    """Bytes a second that a message has to bring, once it has begun, averaged over `pdu_seconds`."""
    largest_pdu: int = 2**17
    """What we announce (PS3.8 D.1): dcmtk sends no larger ones."""
    largest_request: int = 2**18
    """An A-ASSOCIATE-RQ of 128 contexts with 40 transfer syntaxes each has half of that."""
