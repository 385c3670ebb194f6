"""Remembers who has lately come to our listener, and what became of them, for whoever looks why nothing arrives."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Final

_MOST_KEPT: Final = 500

# Why somebody was sent away; whoever has no such reason was let in.
FOREIGN_ADDRESS: Final = "чужой адрес"
FOREIGN_TITLE: Final = "незнакомый AE title отправителя"
OTHER_TITLE_CALLED: Final = "запрошен чужой AE title"
NO_DICOM: Final = "это не запрос соединения DICOM"
TLS_UNASKED: Final = "пришло соединение TLS на порт без TLS"
NOT_ASKED_FOR: Final = "это исследование у него не запрашивали"
NO_MORE: Final = "исследование больше не принимается"
TOO_MANY_FROM_THERE: Final = "с этого адреса их уже слишком много"
TOO_MANY: Final = "слишком много соединений"
NOT_BY_THE_STANDARD: Final = "обмен идёт не по стандарту"


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who came, the AE titles that were said, and what of it was not taken.

    `reason` is empty for whoever was let in; `classes` and `syntaxes` are the UIDs that we would not speak then.
    """

    address: str
    reason: str = ""
    calling: str = ""
    called: str = ""
    classes: tuple[str, ...] = ()
    syntaxes: tuple[str, ...] = ()
    is_instance: bool = False


class Visitors:
    """The latest visits. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visits: deque[Visit] = deque(maxlen=_MOST_KEPT)
        self._number = 0

    def note(self, visit: Visit) -> None:
        """Remember one."""
        with self._lock:
            self._visits.append(visit)
            self._number += 1

    def mark(self) -> int:
        """Return what `since` takes for those who come from now on."""
        with self._lock:
            return self._number

    def since(self, mark: int) -> list[Visit]:
        """Return who has come since then, as far as it is remembered."""
        with self._lock:
            return (
                list(self._visits)[max(0, len(self._visits) - (self._number - mark)) :] if self._number > mark else []
            )
