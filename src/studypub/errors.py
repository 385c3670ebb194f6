"""What can go wrong, said to three readers: a class for the machine, a sentence for people, a cause for the log."""

import math
from datetime import timedelta
from typing import ClassVar, NamedTuple


class Sentence(NamedTuple):
    """One plain sentence in both languages; `{name}` marks a parameter."""

    ru: str
    en: str

    def filled(self, **parameters: object) -> "Sentence":
        """Return the sentence with its parameters written in."""
        return Sentence(self.ru.format(**parameters), self.en.format(**parameters))


_AGAIN = Sentence("Задание повторится само.", "The task will be tried again by itself.")


class StudypubError(Exception):
    """An outcome that is known: `retry` says whether time may heal it, `code` names it, `sentence` says what to do.

    The text given to the constructor is the technical cause: it goes to the log and to nobody else.
    """

    code: ClassVar[str] = "INTERNAL"
    retry: ClassVar[bool] = False
    template: ClassVar[Sentence] = Sentence(
        "Внутренняя ошибка. Повторите позже; если не поможет, обратитесь к администратору.",
        "Internal error. Try again later; if it does not help, ask the administrator.",
    )

    def __init__(self, cause: str = "", **parameters: object) -> None:
        super().__init__(cause or self.code)
        self.sentence = self.template.filled(**parameters)
        self.parameters = parameters

    @property
    def postponed(self) -> Sentence:
        """The sentence, for whoever waits while a task is to be tried again; one that has failed promises nothing."""
        if not self.retry:
            return self.sentence
        return Sentence(f"{self.sentence.ru} {_AGAIN.ru}", f"{self.sentence.en} {_AGAIN.en}")


class InternalError(StudypubError):
    """Something that we did not foresee; tried again, since most of it passes."""

    retry = True

    @property
    def postponed(self) -> Sentence:
        """Ask nobody to do what comes by itself."""
        return Sentence(
            "Внутренняя ошибка. Задание повторится само; если не поможет, обратитесь к администратору.",
            "Internal error. The task will be tried again by itself; if that does not help, ask the administrator.",
        )


class SetAside(StudypubError):
    """A task that was begun too often and never came to an end, most likely because it ends its process."""

    template = Sentence(
        "Задание прервалось {attempts} раз подряд и отложено. Обратитесь к администратору.",
        "The task broke off {attempts} times in a row and was set aside. Ask the administrator.",
    )


class StudyNotFound(StudypubError):
    """C-FIND answered, and no study has this accession number."""

    code = "STUDY_NOT_FOUND"
    template = Sentence(
        "В PACS нет исследования с номером {accession_number}. Проверьте номер или повторите, "
        "когда снимки поступят в PACS.",
        "The PACS has no study with accession number {accession_number}. Check the number, or try again "
        "when the images have reached the PACS.",
    )


class AmbiguousAccession(StudypubError):
    """Several studies have this accession number."""

    code = "AMBIGUOUS_ACCESSION"
    template = Sentence(
        "Под номером {accession_number} в PACS найдено исследований: {count} ({found}). "
        "Ничего не опубликовано: уточните номер исследования.",
        "The PACS has {count} studies under accession number {accession_number} ({found}). "
        "Nothing was published: check the accession number.",
    )


class PatientMismatch(StudypubError):
    """The study belongs to somebody else than the patient asked for."""

    code = "PATIENT_MISMATCH"
    template = Sentence(
        "Исследование {accession_number} принадлежит другому пациенту, не {patient_id}. "
        "Ничего не опубликовано: проверьте ЭМК пациента и номер исследования.",
        "Study {accession_number} belongs to another patient, not {patient_id}. "
        "Nothing was published: check the patient's record and the accession number.",
    )


class PacsUnreachable(StudypubError):
    """No association: refused connection, no route, no name, silence."""

    code = "PACS_UNREACHABLE"
    retry = True
    template = Sentence(
        "PACS {pacs} не отвечает по адресу {address}. Если PACS работает, сообщите администратору.",
        "The PACS {pacs} does not answer at {address}. If the PACS is up, tell the administrator.",
    )


class PacsAway(PacsUnreachable):
    """It takes no association: its other tasks need not try either."""


class PacsNotSecured(PacsAway):
    """TLS is to be spoken with it, and could not be agreed on: nothing of a patient's was said."""

    template = Sentence(
        "PACS {pacs} ({address}): защищённое соединение (TLS) не установлено: {reason_ru}. Сообщите администратору.",
        "The PACS {pacs} ({address}): no secure connection (TLS): {reason_en}. Tell the administrator.",
    )


class PacsSilent(PacsAway):
    """The same, and it is known since when."""

    template = Sentence(
        "PACS {pacs} не отвечает по адресу {address} с {since}. Если PACS работает, сообщите администратору.",
        "The PACS {pacs} has not answered at {address} since {since}. If the PACS is up, tell the administrator.",
    )


class PacsRefused(StudypubError):
    """The PACS answered and said no for good: an AE title it does not know, a request it does not serve."""

    code = "PACS_REFUSED"
    template = Sentence(
        "PACS {pacs} отклонил запрос: {reason_ru}. Сообщите администратору.",
        "The PACS {pacs} refused the request: {reason_en}. Tell the administrator.",
    )


class PacsBusy(StudypubError):
    """The PACS answered and said not now."""

    code = "PACS_REFUSED"
    retry = True
    template = Sentence(
        "PACS {pacs} сейчас не может выполнить запрос ({status}).",
        "The PACS {pacs} cannot serve the request now ({status}).",
    )


class PacsFull(PacsBusy):
    """It takes no association now, as it has too many."""


class PacsGivenUp(PacsUnreachable):
    """A task has waited for its PACS for as long as any may."""

    retry = False
    template = Sentence(
        "PACS {pacs} недоступен по адресу {address} с {since}, дольше ждать не стали. Когда он заработает, "
        "повторите задание.",
        "The PACS {pacs} has been unavailable at {address} since {since}, and the task waits no longer. Once the PACS "
        "works, retry the task.",
    )


class PacsCannotDeliver(StudypubError):
    """The PACS tried to send the study and could not; some say so too where they do not know our AE title."""

    code = "PACS_REFUSED"
    retry = True
    template = Sentence(
        "PACS {pacs} не смог передать снимки ({status}). Если так не в первый раз, администратору надо проверить, что "
        "в PACS зарегистрирован AE title {ae_title} с верным адресом и портом.",
        "The PACS {pacs} could not send the images ({status}). If this is not the first time, the administrator should "
        "check that the PACS knows the AE title {ae_title} with the right address and port.",
    )


class IncompleteRetrieve(StudypubError):
    """Fewer instances arrived than the PACS lists; a partial study is a failure (PS3.4 C.4.2.3 promises nothing)."""

    code = "INCOMPLETE_RETRIEVE"
    retry = True
    template = Sentence(
        "Из PACS получено {received} из {expected} изображений. Неполное исследование не публикуется. "
        "Если так не в первый раз, сообщите администратору PACS.",
        "{received} of {expected} images arrived from the PACS. A partial study is not published. "
        "If this is not the first time, tell the PACS administrator.",
    )


class NothingArrived(IncompleteRetrieve):
    """The PACS did not complain and yet no instance arrived: most likely it cannot reach us."""

    template = Sentence(
        "Из PACS {pacs} получено 0 из {expected} изображений. Если так не в первый раз, администратору надо проверить, "
        "что в PACS зарегистрирован AE title {ae_title} с адресом этого сервера и портом {port} и что PACS может к "
        "нему подключиться.",
        "0 of {expected} images arrived from the PACS {pacs}. If this is not the first time, the administrator should "
        "check that the PACS knows the AE title {ae_title} with this server's address and the port {port}, and that it "
        "can connect there.",
    )


class UnprovenStudy(IncompleteRetrieve):
    """The PACS does not list the instances, and its count is absent or less than what it sent."""

    template = Sentence(
        "Из PACS получено изображений: {received}, но PACS не сообщает, сколько их в исследовании, или называет "
        "меньшее число. Исследование, полнота которого не доказана, не публикуется. Сообщите администратору PACS.",
        "{received} images arrived, but the PACS does not say how many the study has, or says fewer. A study that is "
        "not proven to be whole is not published. Tell the PACS administrator.",
    )


class StudyChanged(IncompleteRetrieve):
    """The PACS's list is another each time we look."""

    template = Sentence(
        "Исследование меняется в PACS, пока мы его получаем (получено {received} из {expected} изображений).",
        "The study changes in the PACS while we fetch it ({received} of {expected} images arrived).",
    )


class NothingToPublish(StudypubError):
    """Every instance of the study was left out by the rules of de-identification."""

    code = "NOTHING_TO_PUBLISH"
    template = Sentence(
        "В исследовании нет изображений, которые можно опубликовать без данных пациента (исключено: {left_out}).",
        "The study has no images that can be published without the patient's data ({left_out} left out).",
    )


class PhiSuspected(StudypubError):
    """Something in the bytes to be published looks like an identifier."""

    code = "PHI_SUSPECTED"
    template = Sentence(
        "В подготовленном архиве могли остаться данные пациента. Ничего не опубликовано; сообщите администратору.",
        "The prepared archive may still hold the patient's data. Nothing was published; tell the administrator.",
    )


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


class ConflictingInstances(StudypubError):
    """Two different instances came under one SOP Instance UID."""

    code = "CONFLICTING_INSTANCES"
    template = Sentence(
        "PACS передал два разных изображения под одним идентификатором. Ничего не опубликовано; "
        "сообщите администратору PACS.",
        "The PACS sent two different images under one identifier. Nothing was published; tell the PACS administrator.",
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
