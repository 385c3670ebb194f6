"""Counts the connections of each peer, so that none takes the place of others."""

import threading

from studypub.dicom.association import PeerAssociation


class Places:
    """The associations that are open, by address. Safe to use from several threads."""

    def __init__(self, most: int) -> None:
        """`most` is how many one address may have."""
        self._most = most
        self._lock = threading.Lock()
        self._taken: dict[str, list[PeerAssociation]] = {}

    def find(self, address: str) -> bool:
        """Whether there is a place for this address; the oldest that has asked for nothing yet makes it."""
        with self._lock:
            taken = self._taken[address] = [one for one in self._taken.get(address, ()) if one.is_alive()]
            here = [one for one in taken if not one.is_over]
            if len(here) < self._most:
                return True
            idle = next((one for one in here if not one.is_asked_for), None)
        if idle is None:
            return False
        idle.hang_up()
        return True

    def take(self, address: str, association: PeerAssociation) -> None:
        """Give the place to one that has started."""
        with self._lock:
            self._taken.setdefault(address, []).append(association)

    def everyone(self) -> list[PeerAssociation]:
        """Return those who are here."""
        with self._lock:
            return [one for taken in self._taken.values() for one in taken if one.is_alive()]
