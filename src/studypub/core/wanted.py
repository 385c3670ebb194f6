"""Decides when a study is whole, and what has to be asked for until it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from studypub.core.finding import ListedInstance

_MOST_UIDS = 100  # in one request: 6.5 KB, which every PACS takes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one C-MOVE or C-GET names (PS3.4 C.4.2.2.1): a study, one of its series, or instances of one series."""

    study_instance_uid: str
    series_instance_uid: str = ""
    sop_instance_uids: tuple[str, ...] = ()

    @property
    def level(self) -> str:
        """The Query/Retrieve Level."""
        if self.sop_instance_uids:
            return "IMAGE"
        return "SERIES" if self.series_instance_uid else "STUDY"


@dataclass(frozen=True, slots=True)
class Contents:
    """What the PACS says that a study holds: `listed` is None where it only counts, `counted` where it does not."""

    listed: tuple[ListedInstance, ...] | None
    counted: int | None

    @property
    def uids(self) -> frozenset[str]:
        """The SOP Instance UIDs that it lists."""
        return frozenset(instance.sop_instance_uid for instance in self.listed or ())

    @property
    def number(self) -> int | None:
        """How many instances there are, by whichever of its answers says more."""
        return self.counted if self.listed is None else max(len(self.uids), self.counted or 0)

    def received(self, arrived: frozenset[str]) -> int:
        """Return how many of them have arrived."""
        if self.listed is None or self._says_more():
            return len(arrived)
        return len(self.uids & arrived)

    def is_whole(self, arrived: frozenset[str]) -> bool:
        """Whether nothing is missing.

        A PACS that cuts its lists short betrays itself by its count; one that counts too few has its list to prove it
        wrong. Without a list only the number can be compared, and without a number nothing proves anything.
        """
        if self.listed is None or self._says_more():
            return self.uids <= arrived and self.counted is not None and 0 < self.counted == len(arrived)
        return self.uids <= arrived

    def chosen(self, arrived: frozenset[str]) -> frozenset[str]:
        """Return what of a whole study is the study: what is listed, where the list is all."""
        return arrived if self.listed is None or self._says_more() else self.uids

    def _says_more(self) -> bool:
        return self.counted is not None and self.counted > len(self.uids)


def missing(
    study_instance_uid: str, contents: Contents, arrived: frozenset[str], *, whole_series: bool = False
) -> list[Wanted]:
    """Return what to ask for so that nothing is missing: as little as can be named.

    `whole_series` asks by series, for a PACS that does not serve single instances.
    """
    by_series: dict[str, list[str]] = {}
    for instance in contents.listed or ():
        by_series.setdefault(instance.series_instance_uid, []).append(instance.sop_instance_uid)
    absent = contents.uids - arrived
    if not absent or absent == contents.uids or "" in by_series:
        return [Wanted(study_instance_uid)]
    return [
        wanted
        for series, uids in by_series.items()
        for wanted in _of_series(study_instance_uid, series, uids, absent, whole_series=whole_series)
    ]


def _of_series(
    study_instance_uid: str, series: str, uids: Sequence[str], absent: frozenset[str], *, whole_series: bool
) -> Iterable[Wanted]:
    wanted = tuple(uid for uid in dict.fromkeys(uids) if uid in absent)
    if not wanted:
        return
    if whole_series or len(wanted) == len(set(uids)):
        yield Wanted(study_instance_uid, series)
        return
    for first in range(0, len(wanted), _MOST_UIDS):
        yield Wanted(study_instance_uid, series, wanted[first : first + _MOST_UIDS])
