"""About what we work with: storage, disk, mail, database, configuration."""

from studypub.errors.base import Sentence, StudypubError


class StorageUnavailable(StudypubError):
    """The object store does not answer, or answers that it cannot now."""

    code = "STORAGE_UNAVAILABLE"
    retry = True
    template = Sentence(
        "Хранилище архивов недоступно.",
        "The archive storage is unavailable.",
    )


class StorageRefused(StudypubError):
    """The object store says no for good: a wrong key, no such bucket."""

    code = "STORAGE_UNAVAILABLE"
    template = Sentence(
        "Хранилище архивов отклонило запрос ({reason}). Проверьте его настройки и повторите задание.",
        "The archive storage refused the request ({reason}). Check its settings and retry the task.",
    )


class BucketIsPublic(StorageRefused):
    """Whoever knows or guesses an address may read the bucket without a signature."""

    template = Sentence(
        "Бакет хранилища открыт всем: исследования читались бы без ссылки. Ничего не публикуется, пока он не закрыт; "
        "сообщите администратору.",
        "The storage bucket is public: studies could be read without a link. Nothing is published until it is closed; "
        "tell the administrator.",
    )

    def __init__(self, cause: str = "") -> None:
        super().__init__(cause, reason="bucket is public")


class StoredObjectDiffers(StudypubError):
    """What the store holds is not what was sent."""

    code = "STORAGE_UNAVAILABLE"
    retry = True
    template = Sentence(
        "Архив в хранилище не совпал с отправленным. Ссылка не выдана.",
        "The stored archive is not what was sent. No link was given out.",
    )


class DiskFull(StudypubError):
    """No room in the spool."""

    code = "DISK_FULL"
    retry = True
    template = Sentence(
        "На сервере публикации мало места на диске. Сообщите администратору.",
        "The publishing server is short of disk space. Tell the administrator.",
    )


class MailUnavailable(StudypubError):
    """The mail server does not answer, or says not now."""

    code = "MAIL_UNAVAILABLE"
    retry = True
    template = Sentence(
        "Почтовый сервер {server} недоступен ({reason}). Проверьте host, port и security в [mail] и сеть.",
        "The mail server {server} is unavailable ({reason}). Check host, port and security in [mail], and the network.",
    )


class MailRefused(StudypubError):
    """The mail server says no for good: a wrong password, a sender or a recipient that it does not take."""

    code = "MAIL_REFUSED"
    template = Sentence(
        "Почтовый сервер {server} отказал ({reason}). Проверьте user, password и sender в [mail] и получателей.",
        "The mail server {server} refused ({reason}). Check user, password and sender in [mail], and the recipients.",
    )


class RecipientRefused(MailRefused):
    """The mail server takes our mail, but none to this address."""

    template = Sentence(
        "Почтовый сервер {server} не принял адрес получателя ({reason}).",
        "The mail server {server} did not take the recipient's address ({reason}).",
    )


class ReceiverUnavailable(StudypubError):
    """Whoever a message is for does not answer, or not that it was taken."""

    code = "RECEIVER_UNAVAILABLE"
    retry = True
    template = Sentence(
        "{server} не принял сообщение: {reason_ru}.",
        "{server} did not take the message: {reason_en}.",
    )


class ReceiverRefused(StudypubError):
    """Whoever a message is for does not want it, or must not be called."""

    code = "RECEIVER_REFUSED"
    template = Sentence(
        "{server}: сообщение не отправлено: {reason_ru}.",
        "{server}: the message was not sent: {reason_en}.",
    )


class ConfigError(StudypubError):
    """The configuration file cannot be used; the text names the place in the file and never a value."""

    code = "CONFIG"
    template = Sentence("Ошибка настройки: {problem}", "Configuration error: {problem}")


class DatabaseUnavailable(StudypubError):
    """PostgreSQL does not answer."""

    code = "DATABASE_UNAVAILABLE"
    retry = True
    template = Sentence(
        "База данных недоступна. Повторите через минуту.",
        "The database is unavailable. Try again in a minute.",
    )


class Collision(DatabaseUnavailable):
    """PostgreSQL gave up one of two transactions that stood in each other's way; the same again succeeds."""
