"""Whose turn it is: a clinic that has queued two hundred studies keeps nobody else waiting."""

from collections.abc import Iterable


class Rota:
    """The clinics, whoever was served longest ago first; at the beginning, in the order given."""

    def __init__(self, clinics: Iterable[str] = ()) -> None:
        self._order = list(clinics)

    @property
    def order(self) -> tuple[str, ...]:
        """Return who comes first, who next."""
        return tuple(self._order)

    def admit(self, clinics: Iterable[str]) -> None:
        """Put those that are new before all others: none of them was served yet."""
        self._order = [*(one for one in clinics if one not in self._order), *self._order]

    def serve(self, clinic: str) -> None:
        """Put a clinic that was served behind all others, known before or not."""
        self._order = [*(other for other in self._order if other != clinic), clinic]
