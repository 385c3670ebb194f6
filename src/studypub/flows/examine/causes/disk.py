"""What is wrong with the data folder."""

import errno

from studypub.errors import Sentence
from studypub.flows.examine.finding import Cause, failed, passed, warned

ENOUGH_BYTES = 5 * 2**30
ROOM = passed(
    "DISK_ROOM",
    "Свободно на диске {free:.0f} ГБ ({folder}).",
    "{free:.0f} GB of disk are free ({folder}).",
)
LITTLE = warned(
    "DISK_LITTLE",
    Sentence(
        "Свободно на диске {free:.1f} ГБ ({folder}); нужно не меньше 5 ГБ.",
        "{free:.1f} GB of disk are free ({folder}); at least 5 GB are needed.",
    ),
    Sentence(
        "Освободите место или перенесите data_dir на больший диск: большие исследования ждут, пока его не хватает.",
        "Make room, or move data_dir to a larger disk: large studies wait while there is not enough.",
    ),
)
FULL = failed(
    "DISK_FULL",
    Sentence(
        "Свободно на диске {free:.1f} ГБ ({folder}), меньше least_free_mb ({least} МБ): задания не начинаются.",
        "{free:.1f} GB of disk are free ({folder}), less than least_free_mb ({least} MB): no task is begun.",
    ),
    Sentence(
        "Освободите место: du -xh {folder} | sort -h | tail покажет, что его занимает.",
        "Make room: du -xh {folder} | sort -h | tail shows what takes it.",
    ),
)
MISSING = failed(
    "DISK_MISSING",
    Sentence("Папки {folder} нет.", "There is no folder {folder}."),
    Sentence(
        "Проверьте data_dir в [database] и смонтирован ли диск; служба создаёт папку при запуске.",
        "Check data_dir in [database], and whether the disk is mounted; the service makes the folder when it starts.",
    ),
)
READ_ONLY = failed(
    "DISK_READ_ONLY",
    Sentence("Диск с папкой {folder} доступен только для чтения.", "The disk of the folder {folder} is read-only."),
    Sentence(
        "Обычно так после сбоя диска: dmesg | tail; под systemd папка должна стоять в ReadWritePaths.",
        "Most often that follows a fault of the disk: dmesg | tail; under systemd the folder has to stand in "
        "ReadWritePaths.",
    ),
)
NOT_OURS = failed(
    "DISK_NOT_OURS",
    Sentence("В папку {folder} нельзя писать: нет прав.", "The folder {folder} cannot be written: no permission."),
    Sentence(
        "Запускайте от имени службы (sudo -u studypub studypub doctor); если и так, верните ей папку: chown -R "
        "studypub {folder}.",
        "Run this as the service's user (sudo -u studypub studypub doctor); if it is so then too, give the folder "
        "back: chown -R studypub {folder}.",
    ),
)
UNUSABLE = failed(
    "DISK_UNUSABLE",
    Sentence("В папку {folder} не удалось записать: {why}.", "The folder {folder} could not be written: {why}."),
    Sentence("Проверьте диск: dmesg | tail.", "Check the disk: dmesg | tail."),
)

_ERRORS = {
    errno.ENOENT: MISSING,
    errno.ENOTDIR: MISSING,
    errno.EROFS: READ_ONLY,
    errno.EACCES: NOT_OURS,
    errno.EPERM: NOT_OURS,
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
}


def of_error(number: int | None) -> Cause:
    """Return what it is that a file could not be written."""
    return _ERRORS.get(number or 0, UNUSABLE)


def of_room(free: int, least: int) -> Cause:
    """Return what so many free bytes are; below `least` nothing is begun."""
    if free <= least:
        return FULL
    return LITTLE if free < ENOUGH_BYTES else ROOM
