"""About whoever asks: refused, too early, or told of a task that is there."""

import math
from datetime import timedelta

from studypub.errors.base import Sentence, StudypubError


class Refused(StudypubError):
    """A command or request that cannot be done as given; the sentence says why."""

    code = "REFUSED"
    template = Sentence("{reason_ru}", "{reason_en}")


class NotThere(Refused):
    """What was named is not there, or not for the one who asks: both are answered alike."""

    code = "NOT_FOUND"


class AlreadyInProgress(Refused):
    """The same study is being published, or is published, by another task."""

    template = Sentence(
        "Это исследование уже публикуется или опубликовано другим заданием.",
        "Another task is publishing this study, or has published it.",
    )


class NameTaken(StudypubError):
    """A program has given two different requests the same Idempotency-Key."""

    code = "IDEMPOTENCY_KEY_REUSED"
    template = Sentence(
        "С этим Idempotency-Key уже был другой запрос. Для нового запроса нужен новый ключ.",
        "Another request came with this Idempotency-Key. A new request needs a new one.",
    )


class ComeLater(StudypubError):
    """More was asked for than is granted at once; `wait` is the pause until it may be asked again."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = max(wait, timedelta(seconds=1))
        seconds = math.ceil(self.wait.total_seconds())
        units = (("ч", "h", 3600), ("мин", "min", 60), ("с", "s", 1))
        ru, en, size = next(unit for unit in units if seconds >= unit[2] * 2 or unit[2] == 1)
        number = math.ceil(seconds / size)
        super().__init__(wait_ru=f"{number} {ru}", wait_en=f"{number} {en}")


class TooManyTries(ComeLater):
    """Passwords, PINs or links were tried too often."""

    code = "TOO_MANY_TRIES"
    template = Sentence(
        "Слишком много попыток. Повторите через {wait_ru}.", "There were too many tries. Try again in {wait_en}."
    )


class TooManyRequests(ComeLater):
    """A program asks faster than it may."""

    code = "TOO_MANY_REQUESTS"
    template = Sentence(
        "Слишком много запросов. Повторите через {wait_ru}.", "There were too many requests. Try again in {wait_en}."
    )


class QueueFull(ComeLater):
    """A clinic has as many tasks in progress as it may have."""

    code = "QUEUE_FULL"
    template = Sentence(
        "В очереди уже слишком много исследований. Повторите через {wait_ru}.",
        "The queue holds too many studies already. Try again in {wait_en}.",
    )


class ClinicChanged(Refused):
    """Somebody else has changed the clinic since the page was opened."""

    code = "CLINIC_CHANGED"
    template = Sentence(
        "Пока страница была открыта, настройки этой клиники изменил кто-то другой. Ваши не сохранены: откройте "
        "страницу заново, посмотрите, что изменилось, и повторите.",
        "Somebody else changed this clinic’s settings while the page was open. Yours were not saved: open the page "
        "again, see what has changed, and repeat.",
    )


class ClinicInUse(Refused):
    """A clinic that the configuration file does not name cannot go while something of it is in use."""

    code = "CLINIC_IN_USE"
    template = Sentence(
        "Клинику убрать нельзя: заданий в работе {tasks}, открытых ссылок {links}, учётных записей {accounts}, "
        "ключей API {keys}. Дождитесь заданий, отзовите публикации и ключи, отключите учётные записи и повторите.",
        "The clinic cannot be removed: {tasks} tasks are under way, {links} links open, and there are {accounts} "
        "accounts and {keys} API keys. Wait for the tasks, withdraw the publications, revoke the keys, disable the "
        "accounts, and repeat.",
    )


class LogoUnusable(Refused):
    """What was sent as a clinic's logo cannot be shown as one."""

    code = "LOGO_UNUSABLE"
    template = Sentence("Картинка не принята: {reason_ru}.", "The picture was not taken: {reason_en}.")
