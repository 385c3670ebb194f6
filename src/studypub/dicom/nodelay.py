"""Sends what is there at once."""

import socket

from pynetdicom import evt


def send_at_once(event: evt.Event) -> None:
    """Switch Nagle's algorithm off for a connection that opens (EVT_CONN_OPEN).

    A message of DICOM is several small writes: with delayed acknowledgements each costs 40 ms.
    """
    connection = event.assoc.dul.socket
    if connection is not None and connection.socket is not None:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
