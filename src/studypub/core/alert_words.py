"""What a mail about alerts says, in both languages: numbers and codes, and nobody's name."""

from collections.abc import Sequence
from datetime import tzinfo

from studypub.core.alerts import Change, Kind, Standing
from studypub.errors import Sentence

_PARTS = {
    "database": Sentence("База данных", "The database"),
    "scp": Sentence("Приёмник DICOM", "The DICOM listener"),
    "storage": Sentence("Хранилище архивов", "The archive storage"),
}
_WRONG = {
    Kind.PART: Sentence(
        "{part} не работает уже {minutes} мин. Посмотрите журнал службы и запустите studypub doctor.",
        "{part} has not worked for {minutes} min. Look into the service's log, and run studypub doctor.",
    ),
    Kind.PACS: Sentence(
        "PACS {subject} не отвечает уже {minutes} мин, его задания ждут. Проверьте, работает ли он, и сеть.",
        "PACS {subject} has not answered for {minutes} min, its tasks wait. See whether it is up, and the network.",
    ),
    Kind.ERRORS: Sentence(
        "За {hours} ч не удалось опубликовать {failed} исследований из {tried}. Причины — на странице «Очередь».",
        "Within {hours} h {failed} of {tried} studies could not be published. The queue page says why.",
    ),
    Kind.NOTHING_PUBLISHED: Sentence(
        "Уже {hours} ч ничего не опубликовано, хотя задания есть. Посмотрите страницу «Очередь».",
        "Nothing has been published for {hours} h, though there are tasks. Look at the queue page.",
    ),
    Kind.DISK: Sentence(
        "На диске свободно {free} МБ, должно быть не меньше {wanted} МБ. Освободите место.",
        "{free} MB of disk are free, there should be {wanted} MB at least. Make room.",
    ),
    Kind.BACKUP: Sentence(
        "Последней резервной копии {hours} ч. Посмотрите журнал службы и место для копий.",
        "The newest backup is {hours} h old. Look into the service's log, and at the place of the backups.",
    ),
    Kind.CERTIFICATE: Sentence(
        "Сертификат сайта кончается, осталось дней: {days}. Обновите его.",
        "The site's certificate ends, days left: {days}. Renew it.",
    ),
    Kind.AUDIT: Sentence(
        "Цепочка журнала аудита нарушена на записи {entry}: его меняли в обход программы. Сохраните базу и копии.",
        "The audit log's chain is broken at entry {entry}: it was changed behind the program's back. Keep the database "
        "and its backups.",
    ),
    Kind.MACHINE: Sentence(
        "Машина {subject} молчит уже {minutes} мин, её задания берут другие. Посмотрите, работает ли она.",
        "Machine {subject} has been silent for {minutes} min, the others take its tasks. See whether it is up.",
    ),
    Kind.WAL: Sentence(
        "PostgreSQL уже {minutes} мин не может архивировать свой журнал: восстановить базу на последнюю минуту нельзя, "
        "место кончается. Посмотрите журнал PostgreSQL и команду archive_command.",
        "PostgreSQL has failed to archive its log for {minutes} min: the database cannot be restored up to the minute, "
        "and its disk fills. Look into PostgreSQL's log, and at archive_command.",
    ),
}
_OVER = {
    Kind.PART: Sentence("{part}: снова работает.", "{part}: works again."),
    Kind.PACS: Sentence("PACS {subject} снова отвечает.", "PACS {subject} answers again."),
    Kind.ERRORS: Sentence("Неудач больше не много.", "Failures are few again."),
    Kind.NOTHING_PUBLISHED: Sentence("Публикации идут, или никто их не ждёт.", "Studies are published, or none wait."),
    Kind.DISK: Sentence("Места на диске снова достаточно.", "There is room on the disk again."),
    Kind.BACKUP: Sentence("Резервная копия снова свежая.", "The backup is recent again."),
    Kind.CERTIFICATE: Sentence("Сертификат обновлён.", "The certificate was renewed."),
    Kind.AUDIT: Sentence("Цепочка журнала аудита цела.", "The audit log's chain is whole."),
    Kind.MACHINE: Sentence("Машина {subject} снова работает, или её больше нет.", "Machine {subject} is back or gone."),
    Kind.WAL: Sentence("PostgreSQL снова архивирует свой журнал.", "PostgreSQL archives its log again."),
}
_SINCE = Sentence("с {moment}", "since {moment}")
_HEADS = (Sentence("Не в порядке:", "Wrong:"), Sentence("Снова в порядке:", "In order again:"))
_MORE = Sentence(" и ещё {count}", " and {count} more")
_AGAIN = Sentence("Если ничего не изменится, напомним через сутки.", "Unless that changes, it comes again in a day.")
_NOTHING = Sentence("", "")
_NEXT = "\n\n"
_FOOT = Sentence(
    "Это письмо studypub, {address}. Данных пациентов в нём нет.",
    "This is a mail of studypub, {address}. It holds no patient's data.",
)
_TRIAL = Sentence("Проверка: письма о неполадках доходят.", "A trial: mails about what is wrong arrive.")


def said(standing: Standing, *, over: bool) -> Sentence:
    """Return the sentence of one alert."""
    template = (_OVER if over else _WRONG)[standing.key.kind]
    part = _PARTS.get(standing.key.subject, Sentence(standing.key.subject, standing.key.subject))
    facts = dict(standing.facts) | {"subject": standing.key.subject}
    return Sentence(template.ru.format(part=part.ru, **facts), template.en.format(part=part.en, **facts))


def letter(changes: Sequence[Change], address: str, zone: tzinfo) -> tuple[Sentence, Sentence]:
    """Return subject and text of the one mail about these changes, which are some."""
    first = said(changes[0].standing, over=changes[0].over)
    more = _MORE.filled(count=len(changes) - 1) if len(changes) > 1 else _NOTHING
    blocks = [_block(head, changes, zone, over=over) for head, over in zip(_HEADS, (False, True), strict=True)]
    again = _NOTHING if all(change.over for change in changes) else _AGAIN
    return (
        Sentence(f"studypub: {_brief(first.ru)}{more.ru}", f"studypub: {_brief(first.en)}{more.en}"),
        _joined(_NEXT, *blocks, again, _FOOT.filled(address=address)),
    )


def trial(address: str) -> tuple[Sentence, Sentence]:
    """Return subject and text of a mail that only tries whether mails arrive."""
    subject = Sentence(f"studypub: {_brief(_TRIAL.ru)}", f"studypub: {_brief(_TRIAL.en)}")
    return subject, _joined(_NEXT, _TRIAL, Sentence(f"{address}\n", f"{address}\n"))


def _brief(text: str) -> str:
    """Return the first of a text's sentences, without its full stop."""
    return text.partition(". ")[0].rstrip(".")


def _block(head: Sentence, changes: Sequence[Change], zone: tzinfo, *, over: bool) -> Sentence:
    lines = [_line(change.standing, zone, over=over) for change in changes if change.over is over]
    return _joined("\n", head, *lines) if lines else _NOTHING


def _line(standing: Standing, zone: tzinfo, *, over: bool) -> Sentence:
    text, since = said(standing, over=over), _SINCE.filled(moment=f"{standing.since.astimezone(zone):%d.%m.%Y %H:%M}")
    return Sentence(f"- {text.ru} ({since.ru})", f"- {text.en} ({since.en})")


def _joined(between: str, *sentences: Sentence) -> Sentence:
    return Sentence(
        between.join(one.ru for one in sentences if one.ru), between.join(one.en for one in sentences if one.en)
    )
