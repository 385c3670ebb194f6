"""Remembers since when a PACS has not answered."""

from datetime import datetime


class Outages:
    """By address, the time of the first failure since the last success; forgotten when the daemon ends."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    def failed(self, address: str, now: datetime) -> datetime:
        """Note a failure; return when the outage began."""
        return self._since.setdefault(address, now)

    def answered(self, address: str) -> None:
        """Note that it is there."""
        self._since.pop(address, None)
