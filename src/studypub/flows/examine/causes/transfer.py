"""What is wrong where a PACS does not send to us, by what it says and by who has come to our listener."""

from collections.abc import Sequence
from dataclasses import dataclass

from studypub.dicom import visitors
from studypub.dicom.visitors import Visit
from studypub.errors import PacsRefused, PacsUnreachable, Sentence, StudypubError
from studypub.flows.examine.finding import Cause, failed, passed

UNTRIED = passed(
    "TRANSFER_UNTRIED",
    "PACS {pacs}: получение снимков не проверялось.",
    "PACS {pacs}: no transfer of images was tried.",
    Sentence(
        "Чтобы проверить, назовите номер небольшого исследования: studypub doctor --accession {number_ru} (оно будет "
        "получено и сразу удалено, ничего не публикуется).",
        "To try it, name the accession number of a small study: studypub doctor --accession {number_en} (it is fetched "
        "and thrown away; nothing is published).",
    ),
)
COMPLETE = passed(
    "TRANSFER_COMPLETE",
    "PACS {pacs}: получено {received} из {expected} изображений.",
    "PACS {pacs}: {received} of {expected} images arrived.",
)
NO_SUCH_STUDY = failed(
    "TRANSFER_NO_SUCH_STUDY",
    Sentence(
        "PACS {pacs}: под названным номером исследования нет, получение не проверено.",
        "PACS {pacs}: no study has the number that was named; the transfer was not tried.",
    ),
    Sentence(
        "Возьмите номер исследования (Accession Number), как он записан в этом PACS.",
        "Take the accession number of a study as it stands in this PACS.",
    ),
)
SEVERAL_STUDIES = failed(
    "TRANSFER_SEVERAL_STUDIES",
    Sentence(
        "PACS {pacs}: под названным номером несколько исследований ({count}), получение не проверено.",
        "PACS {pacs}: {count} studies have the number that was named; the transfer was not tried.",
    ),
    Sentence("Назовите номер, под которым одно исследование.", "Name a number that exactly one study has."),
)
PORT_TAKEN = failed(
    "TRANSFER_PORT_TAKEN",
    Sentence(
        "PACS {pacs}: получение не проверено, слушать порт {our_port} нельзя: {why}.",
        "PACS {pacs}: the transfer was not tried, nobody can listen at port {our_port}: {why}.",
    ),
    Sentence(
        "Узнайте, чей он: ss -ltnp. Другую программу остановите или смените port в [dicom] и в "
        "PACS; если это сама служба studypub, запускайте проверку от её имени и с её настройками.",
        "See whose it is: ss -ltnp. Stop another program, or change port in [dicom] and in the "
        "PACS; if it is the studypub service itself, run the check as its user and with its configuration.",
    ),
)
OUR_CERTIFICATE = failed(
    "TRANSFER_OUR_CERTIFICATE",
    Sentence(
        "PACS {pacs}: получение не проверено, приёмник с TLS не запустить. {said_ru}",
        "PACS {pacs}: the transfer was not tried, nobody can listen with TLS. {said_en}",
    ),
    Sentence("Проверьте certificate и key в [dicom.tls].", "Check certificate and key in [dicom.tls]."),
)
BEING_FETCHED = failed(
    "TRANSFER_BEING_FETCHED",
    Sentence(
        "PACS {pacs}: это исследование как раз получает задание, проверка ему не мешала.",
        "PACS {pacs}: a task is fetching this very study; the check did not disturb it.",
    ),
    Sentence("Повторите через минуту или назовите другое.", "Try again in a minute, or name another one."),
)
NO_ROOM = failed(
    "TRANSFER_NO_ROOM",
    Sentence(
        "PACS {pacs}: снимки приходят, но класть их некуда: на диске мало места.",
        "PACS {pacs}: images come, but there is no room for them on the disk.",
    ),
    Sentence("Освободите место в data_dir.", "Make room in data_dir."),
)
NOT_SERVED = failed(
    "TRANSFER_NOT_SERVED",
    Sentence(
        "PACS {pacs} не поддерживает {service} или не разрешает его нам.",
        "The PACS {pacs} does not serve {service}, or not to us.",
    ),
    Sentence(
        'Разрешите {service} для AE title {ours} или напишите retrieve = "{other}" в [clinics.pacs].',
        'Allow {service} for the AE title {ours}, or write retrieve = "{other}" in [clinics.pacs].',
    ),
)
DESTINATION_UNKNOWN = failed(
    "TRANSFER_DESTINATION_UNKNOWN",
    Sentence(
        "PACS {pacs} не знает, куда передать снимки: AE title {ours} в нём не внесён (0xA801).",
        "The PACS {pacs} does not know where to send images: the AE title {ours} is not registered there (0xA801).",
    ),
    Sentence(
        "Внесите в PACS AE title {ours}, адрес {our_address}, порт {our_port}. Некоторые PACS читают список только при "
        "запуске.",
        "Register the AE title {ours}, address {our_address}, port {our_port} in the PACS. Some read their list only "
        "when they start.",
    ),
)
REFUSED = failed(
    "TRANSFER_REFUSED",
    Sentence(
        "PACS {pacs} отказал в передаче ({status_ru}).",
        "The PACS {pacs} refused the transfer ({status_en}).",
    ),
    Sentence(
        "Проверьте в PACS права AE title {ours} на получение; причину знает журнал PACS.",
        "Check in the PACS what the AE title {ours} may retrieve; its log knows the reason.",
    ),
)
NOBODY_CAME = failed(
    "TRANSFER_NOBODY_CAME",
    Sentence(
        "PACS {pacs} ответил на запрос ({status_ru}), но к нашему приёмнику никто не подключался.",
        "The PACS {pacs} answered the request ({status_en}), but nobody connected to our listener.",
    ),
    Sentence(
        "Проверьте, что в PACS внесён AE title {ours} с адресом {our_address} и портом {our_port}; затем — пропускает "
        "ли межсетевой экран соединения от PACS на этот порт. Если PACS подключиться не может, напишите "
        'retrieve = "get" в [clinics.pacs].',
        "See that the AE title {ours} is registered in the PACS with the address {our_address} and the port "
        "{our_port}; then, whether a firewall lets its connections to this port through. Where the PACS cannot "
        "connect, write "
        'retrieve = "get" in [clinics.pacs].',
    ),
)
FOREIGN_ADDRESS = failed(
    "TRANSFER_FOREIGN_ADDRESS",
    Sentence(
        "PACS {pacs} передаёт снимки с адреса {address}, а в настройках его нет: мы отказали.",
        "The PACS {pacs} sends from the address {address}, which the configuration does not name: we turned it away.",
    ),
    Sentence(
        'Если это адрес этого PACS, напишите peers = ["{address}"] в [clinics.pacs] и перезапустите службу.',
        'If that is an address of this PACS, write peers = ["{address}"] in [clinics.pacs] and restart the service.',
    ),
)
FOREIGN_TITLE = failed(
    "TRANSFER_FOREIGN_TITLE",
    Sentence(
        "PACS {pacs} передаёт снимки под именем {title}, а в настройках его нет: мы отказали.",
        "The PACS {pacs} sends under the AE title {title}, which the configuration does not name: we turned it away.",
    ),
    Sentence(
        'Если так называется этот PACS, напишите peer_ae_titles = ["{title}"] в [clinics.pacs] и перезапустите службу.',
        'If that is this PACS, write peer_ae_titles = ["{title}"] in [clinics.pacs] and restart the service.',
    ),
)
OTHER_TITLE_CALLED = failed(
    "TRANSFER_OTHER_TITLE_CALLED",
    Sentence(
        "PACS {pacs} подключается к нам, но обращается к AE title {title}, а наш — {ours}: мы отказали.",
        "The PACS {pacs} connects to us, but calls the AE title {title}, and ours is {ours}: we turned it away.",
    ),
    Sentence(
        "Исправьте AE title в записи PACS на {ours} или ae_title в [dicom] на {title}; регистр букв важен.",
        "Correct the AE title in the entry of the PACS to {ours}, or ae_title in [dicom] to {title}; upper and lower "
        "case differ.",
    ),
)
NO_DICOM = failed(
    "TRANSFER_NO_DICOM",
    Sentence(
        "К нашему приёмнику подключались с адреса {address}, но не по DICOM.",
        "Somebody connected to our listener from {address}, but did not speak DICOM.",
    ),
    Sentence(
        "Если это PACS {pacs}, проверьте, что в его записи для {ours} указан узел DICOM, а не HTTP или HL7.",
        "If it is the PACS {pacs}, see that its entry of {ours} is a node of DICOM, and none of HTTP or HL7.",
    ),
)
TLS_UNASKED = failed(
    "TRANSFER_TLS_UNASKED",
    Sentence(
        "PACS {pacs} подключается к нам по TLS с адреса {address}, а на этом порту TLS нет.",
        "The PACS {pacs} connects with TLS from {address}, and that port of ours speaks none.",
    ),
    Sentence(
        "Настройте [dicom.tls] и укажите в PACS его порт, или отключите TLS в записи PACS для {ours}.",
        "Set [dicom.tls] up and name its port in the PACS, or turn TLS off in its entry of {ours}.",
    ),
)
OTHER_REFUSAL = failed(
    "TRANSFER_TURNED_AWAY",
    Sentence(
        "PACS {pacs} подключался к нам с адреса {address}, но мы отказали: {reason_ru}.",
        "The PACS {pacs} connected from {address}, and we turned it away: {reason_en}.",
    ),
    Sentence(
        "Подробности в журнале службы; если соединений слишком много, увеличьте connections_per_peer в [dicom].",
        "The service's log says more; where there are too many connections, raise connections_per_peer in [dicom].",
    ),
)
IMAGES_REFUSED = failed(
    "TRANSFER_IMAGES_REFUSED",
    Sentence(
        "PACS {pacs} передаёт снимки под именем {title} с адреса {address}, но мы их не приняли: {reason_ru}.",
        "The PACS {pacs} sends under the AE title {title} from {address}, but we did not take the images: {reason_en}.",
    ),
    Sentence(
        "Проверьте, что этот адрес и это имя стоят в [clinics.pacs] той же клиники (host, peers, ae_title, "
        "peer_ae_titles), а не другой.",
        "Check that this address and this title stand in [clinics.pacs] of the same clinic (host, peers, ae_title, "
        "peer_ae_titles), and not of another.",
    ),
)
CLASS_REFUSED = failed(
    "TRANSFER_CLASS_REFUSED",
    Sentence(
        "PACS {pacs} передаёт объекты, которых мы не принимаем: {names}.",
        "The PACS {pacs} sends objects that we do not take: {names}.",
    ),
    Sentence(
        "Такие объекты (обычно частные, одного изготовителя) не публикуются, и исследование с ними не бывает полным. "
        "Уберите их из исследования или возьмите для проверки другое.",
        "Such objects (most often one vendor's own) are not published, and a study with them is never whole. Remove "
        "them from the study, or try another one.",
    ),
)
SYNTAX_REFUSED = failed(
    "TRANSFER_SYNTAX_REFUSED",
    Sentence(
        "PACS {pacs} предлагает только способы записи, которых мы не принимаем: {names}.",
        "The PACS {pacs} offers only transfer syntaxes that we do not take: {names}.",
    ),
    Sentence(
        "Настройте в PACS для AE title {ours} передачу в Explicit VR Little Endian или в исходном сжатии.",
        "Let the PACS send to the AE title {ours} in Explicit VR Little Endian, or as the images are compressed.",
    ),
)
NOTHING_SENT = failed(
    "TRANSFER_NOTHING_SENT",
    Sentence(
        "PACS {pacs} подключился к нам, но ни одного изображения не передал ({status_ru}).",
        "The PACS {pacs} connected to us, but sent not one image ({status_en}).",
    ),
    Sentence(
        "Причину знает журнал PACS: обычно файла нет на его диске или он не может перекодировать снимки.",
        "The log of the PACS knows the reason: most often the file is not on its disk, or it cannot convert the "
        "images.",
    ),
)
NOTHING_CAME = failed(
    "TRANSFER_NOTHING_CAME",
    Sentence(
        "PACS {pacs} принял C-GET, но ни одного изображения не передал ({status_ru}).",
        "The PACS {pacs} took the C-GET, but sent not one image ({status_en}).",
    ),
    Sentence(
        'Причину знает журнал PACS; если C-GET у него не настроен, напишите retrieve = "move" в [clinics.pacs].',
        'Its log knows the reason; where C-GET is not set up there, write retrieve = "move" in [clinics.pacs].',
    ),
)
PART = failed(
    "TRANSFER_PART",
    Sentence(
        "PACS {pacs}: получено только {received} из {expected} изображений ({status_ru}).",
        "PACS {pacs}: only {received} of {expected} images arrived ({status_en}).",
    ),
    Sentence(
        "Исследование, пришедшее не целиком, не публикуется. Повторите; если так снова, причину знает журнал PACS.",
        "A study that does not arrive as a whole is not published. Try again; if it is so again, the log of the PACS "
        "knows the reason.",
    ),
)
NO_ANSWER = failed(
    "TRANSFER_NO_ANSWER",
    Sentence(
        "PACS {pacs}: получение не проверено, работающая служба на просьбу о нём не ответила.",
        "PACS {pacs}: the transfer was not tried, the running service did not answer when it was asked for it.",
    ),
    Sentence(
        "Повторите; если служба за это время не перезапускалась, причина в её журнале: journalctl -u studypub.",
        "Try again; unless the service was restarted meanwhile, its log says why: journalctl -u studypub.",
    ),
)
OTHER_SETTINGS = failed(
    "TRANSFER_OTHER_SETTINGS",
    Sentence(
        "PACS {pacs}: получение не проверено, работающая служба такой клиники не знает ({code}).",
        "PACS {pacs}: the transfer was not tried, the running service does not know the clinic {code}.",
    ),
    Sentence(
        "Перезапустите службу: systemctl restart studypub.",
        "Restart the service: systemctl restart studypub.",
    ),
)

# What somebody was turned away for, the most telling first.
_TURNED_AWAY = {
    visitors.OTHER_TITLE_CALLED: OTHER_TITLE_CALLED,
    visitors.FOREIGN_TITLE: FOREIGN_TITLE,
    visitors.FOREIGN_ADDRESS: FOREIGN_ADDRESS,
    visitors.TLS_UNASKED: TLS_UNASKED,
    visitors.NO_DICOM: NO_DICOM,
}
_REASONS = {
    visitors.TOO_MANY_FROM_THERE: "there are too many connections from this address",
    visitors.TOO_MANY: "there are too many connections",
    visitors.NOT_ASKED_FOR: "this study was not asked for there",
    visitors.NO_MORE: "the study is not received any more",
    visitors.NOT_BY_THE_STANDARD: "the exchange is against the Standard",
}
_DESTINATION_UNKNOWN = 0xA801


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a transfer went: what came of what was expected, what the PACS said, who came meanwhile."""

    received: int
    expected: int | None
    error: StudypubError | None
    visits: Sequence[Visit] = ()
    by_get: bool = False
    is_full: bool = False


def judge(outcome: Outcome) -> tuple[Cause, dict[str, object]]:
    """Return what it is, and what its words need besides the names of both sides."""
    said: dict[str, object] = {
        "received": outcome.received,
        "expected": outcome.expected or "?",
        **dict(zip(("status_ru", "status_en"), _status(outcome.error), strict=True)),
    }
    if outcome.received and outcome.received >= (outcome.expected or 1):
        return COMPLETE, said
    if outcome.is_full:
        return NO_ROOM, said
    cause = _refusal(outcome)
    if cause is not None:
        return cause, said
    cause, more = _by_visits(outcome)
    return cause, said | more


def _status(error: StudypubError | None) -> Sentence:
    """Return what the PACS answered to the request, as short as it goes."""
    status = error.parameters.get("status") if error is not None else 0
    if status is None:
        return (
            Sentence("ответа нет", "no answer")
            if isinstance(error, PacsUnreachable)
            else Sentence("отказ", "a refusal")
        )
    said = f"0x{status:04X}" if isinstance(status, int) else str(status)
    return Sentence(said, said)


def _refusal(outcome: Outcome) -> Cause | None:
    """Return what the PACS itself says plainly."""
    error = outcome.error
    if not isinstance(error, PacsRefused):
        return None
    if error.parameters.get("served") is False:
        return NOT_SERVED
    if error.parameters.get("status") == _DESTINATION_UNKNOWN and not outcome.visits:
        return DESTINATION_UNKNOWN
    return REFUSED if "status" in error.parameters and not outcome.visits else None


def _by_visits(outcome: Outcome) -> tuple[Cause, dict[str, object]]:
    for reason, cause in _TURNED_AWAY.items():
        for visit in outcome.visits:
            if visit.reason == reason:
                title = visit.called if cause is OTHER_TITLE_CALLED else visit.calling
                return cause, {"address": visit.address, "title": title.strip() or "—"}
    for visit in outcome.visits:
        if visit.reason:
            cause = IMAGES_REFUSED if visit.is_instance else OTHER_REFUSAL
            why = Sentence(visit.reason, _REASONS.get(visit.reason, "the service's log says why"))
            facts: dict[str, object] = {"address": visit.address, "title": visit.calling.strip() or "—"}
            return cause, facts | {"reason_ru": why.ru, "reason_en": why.en}
    for kind, cause in (("classes", CLASS_REFUSED), ("syntaxes", SYNTAX_REFUSED)):
        names = sorted({uid for visit in outcome.visits for uid in getattr(visit, kind)})
        if names:
            return cause, {"names": names}
    if outcome.received:
        return PART, {}
    if outcome.by_get:
        return NOTHING_CAME, {}
    return (NOTHING_SENT if outcome.visits else NOBODY_CAME), {}
