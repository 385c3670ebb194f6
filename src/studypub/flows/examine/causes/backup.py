"""What is wrong with the backups."""

from datetime import timedelta

from studypub.errors import Sentence
from studypub.flows.examine.finding import Cause, failed, passed

_REMEDY = Sentence(
    "Почему копий нет, говорит журнал службы: journalctl -u studypub; копия вручную: studypub backup {folder}.",
    "The service's log says why there are none: journalctl -u studypub; one by hand: studypub backup {folder}.",
)
OFF = passed(
    "BACKUP_OFF",
    "Резервные копии служба не делает (every_hours = 0): делайте их сами, studypub backup.",
    "The daemon makes no backups (every_hours = 0): make them yourself, studypub backup.",
)
NONE_YET = passed(
    "BACKUP_NONE_YET",
    "Резервных копий пока нет; работающая служба делает их в {folder}.",
    "There is no backup yet; while it runs, the daemon makes them in {folder}.",
)
MISSING = failed(
    "BACKUP_MISSING",
    Sentence(
        "Резервных копий нет, хотя служба давно запущена и должна делать их в {folder}.",
        "There is no backup, though the service was started long ago and should make them in {folder}.",
    ),
    _REMEDY,
)
RECENT = passed(
    "BACKUP_RECENT",
    "Последней резервной копии {age:.0f} ч ({folder}), положенный срок — {hours:g} ч.",
    "The newest backup is {age:.0f} h old ({folder}); there should be one every {hours:g} h.",
)
OLD = failed("BACKUP_OLD", RECENT.sentence, _REMEDY)

ELSEWHERE = passed(
    "BACKUP_ELSEWHERE",
    "Последнюю резервную копию сделала машина {machine} ({folder} на ней) {age:.0f} ч назад, положенный срок — "
    "{hours:g} ч.",
    "The newest backup was made by the machine {machine} ({folder} there) {age:.0f} h ago; there should be one every "
    "{hours:g} h.",
)
ELSEWHERE_OLD = failed("BACKUP_ELSEWHERE_OLD", ELSEWHERE.sentence, _REMEDY)


def judge_elsewhere(age: timedelta, hours: float) -> Cause:
    """Return how it is where another machine made the newest."""
    if not hours:
        return OFF
    return ELSEWHERE if age <= timedelta(hours=2 * hours) else ELSEWHERE_OLD


def judge(age: timedelta | None, since_start: timedelta | None, hours: float) -> Cause:
    """Return how it is with backups of which there should be one every so many hours; `age` is the newest's.

    The first one comes a while after the daemon's first start; None: there has been none.
    """
    if not hours:
        return OFF
    late = timedelta(hours=2 * hours)
    if age is not None:
        return RECENT if age <= late else OLD
    return NONE_YET if since_start is None or since_start <= late else MISSING
