"""About a PACS: it is away, refuses, or does not send all."""

from studypub.errors.base import Sentence, StudypubError


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
