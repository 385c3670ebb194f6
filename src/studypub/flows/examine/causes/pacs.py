"""What is wrong with a PACS that we call, by what it answers."""

from collections.abc import Iterable

from studypub.errors import PacsAway, PacsBusy, PacsFull, PacsNotSecured, PacsRefused, Sentence, StudypubError
from studypub.flows.examine.connection import Unreached
from studypub.flows.examine.finding import Cause, failed, passed, warned

ECHO = passed("PACS_ECHO", "PACS {pacs}: C-ECHO прошёл.", "PACS {pacs}: C-ECHO went through.")
FIND = passed(
    "PACS_FIND",
    "PACS {pacs}: C-FIND прошёл, найдено исследований: {count}.",
    "PACS {pacs}: C-FIND went through, studies found: {count}.",
)
NAME_UNKNOWN = failed(
    "PACS_NAME_UNKNOWN",
    Sentence("PACS {pacs}: имени {host} нет в DNS.", "PACS {pacs}: no name service knows the name {host}."),
    Sentence(
        "Проверьте host в [clinics.pacs]; вместо имени можно написать адрес.",
        "Check host in [clinics.pacs]; an address may stand there in place of a name.",
    ),
)
PORT_CLOSED = failed(
    "PACS_PORT_CLOSED",
    Sentence(
        "PACS {pacs}: машина {host} отвечает, но порт {port} на ней закрыт.",
        "PACS {pacs}: the machine {host} answers, but its port {port} is closed.",
    ),
    Sentence(
        "Проверьте port в [clinics.pacs] и что PACS запущен.",
        "Check port in [clinics.pacs], and that the PACS is running.",
    ),
)
SILENT = failed(
    "PACS_SILENT",
    Sentence(
        "PACS {pacs}: по адресу {host}:{port} за {seconds:g} с никто не ответил.",
        "PACS {pacs}: nobody answered at {host}:{port} within {seconds:g} s.",
    ),
    Sentence(
        "Проверьте host в [clinics.pacs], включена ли машина и пропускает ли межсетевой экран соединения на порт "
        "{port}.",
        "Check host in [clinics.pacs], whether the machine is on, and whether a firewall lets connections to port "
        "{port} through.",
    ),
)
NO_ROUTE = failed(
    "PACS_NO_ROUTE",
    Sentence("PACS {pacs}: нет пути к {host}.", "PACS {pacs}: there is no route to {host}."),
    Sentence(
        "Проверьте host в [clinics.pacs], сеть и маршруты этого сервера (ip route get {host}).",
        "Check host in [clinics.pacs], and this machine's network and routes (ip route get {host}).",
    ),
)
UNREACHED = failed(
    "PACS_UNREACHED",
    Sentence(
        "PACS {pacs}: соединиться с {host}:{port} не удалось.",
        "PACS {pacs}: no connection to {host}:{port} could be made.",
    ),
    Sentence(
        "Проверьте host и port в [clinics.pacs] и сеть этого сервера.",
        "Check host and port in [clinics.pacs] and this machine's network.",
    ),
)
HANGS_UP = failed(
    "PACS_HANGS_UP",
    Sentence(
        "PACS {pacs}: {host}:{port} принимает соединение и сразу обрывает его.",
        "PACS {pacs}: {host}:{port} takes the connection and ends it at once.",
    ),
    Sentence(
        "Либо это порт другой программы (проверьте port в [clinics.pacs]), либо PACS отказывает незнакомым: внесите в "
        "нём AE title {ours} с адресом {our_address}; если PACS требует TLS, нужен раздел [clinics.pacs.tls].",
        "Either that port is another program's (check port in [clinics.pacs]), or the PACS turns strangers away: "
        "register the AE title {ours} with the address {our_address} there; where the PACS insists on TLS, "
        "[clinics.pacs.tls] is needed.",
    ),
)
NO_DICOM = failed(
    "PACS_NO_DICOM",
    Sentence(
        "PACS {pacs}: {host}:{port} принимает соединение, но на запрос DICOM молчит.",
        "PACS {pacs}: {host}:{port} takes the connection, but says nothing to a request of DICOM.",
    ),
    Sentence(
        "Проверьте port в [clinics.pacs]: по-видимому, это порт другой службы или PACS завис.",
        "Check port in [clinics.pacs]: most likely it is another service's, or the PACS hangs.",
    ),
)
NOT_SECURED = failed(
    "PACS_NOT_SECURED",
    Sentence(
        "PACS {pacs}: защищённое соединение (TLS) с {host}:{port} не установлено: {why_ru}.",
        "PACS {pacs}: no secure connection (TLS) to {host}:{port}: {why_en}.",
    ),
    Sentence(
        "Проверьте [clinics.pacs.tls] (ca или fingerprint, certificate, key) и что port — это порт PACS с TLS.",
        "Check [clinics.pacs.tls] (ca or fingerprint, certificate, key), and that port is the one of the PACS with "
        "TLS.",
    ),
)
CALLING_UNKNOWN = failed(
    "PACS_CALLING_UNKNOWN",
    Sentence(
        "PACS {pacs} не принимает соединения от нас: AE title {ours} в нём не внесён или внесён с другим адресом.",
        "The PACS {pacs} takes no connections from us: the AE title {ours} is not registered there, or with another "
        "address.",
    ),
    Sentence(
        "Внесите в PACS AE title {ours}, адрес {our_address}, порт {our_port}.",
        "Register the AE title {ours}, address {our_address}, port {our_port} in the PACS.",
    ),
)
CALLED_UNKNOWN = failed(
    "PACS_CALLED_UNKNOWN",
    Sentence(
        "По адресу {host}:{port} отвечает PACS, но его AE title — не {pacs}.",
        "A PACS answers at {host}:{port}, but its AE title is not {pacs}.",
    ),
    Sentence(
        "Узнайте AE title в настройках PACS и впишите его в ae_title раздела [clinics.pacs]; регистр букв важен.",
        "Look the AE title up in the settings of the PACS, and write it into ae_title of [clinics.pacs]; upper and "
        "lower case differ.",
    ),
)
REJECTED = failed(
    "PACS_REJECTED",
    Sentence(
        "PACS {pacs} отклоняет соединения от AE title {ours} (A-ASSOCIATE-RJ: источник {source}, причина {reason}).",
        "The PACS {pacs} rejects connections from the AE title {ours} (A-ASSOCIATE-RJ: source {source}, reason "
        "{reason}).",
    ),
    Sentence(
        "Причину PACS не назвал; обычно это права: внесите в нём AE title {ours}, адрес {our_address}, порт "
        "{our_port}, и разрешите запросы. Точная причина — в его журнале.",
        "The PACS does not say why; most often it is a matter of rights: register the AE title {ours}, address "
        "{our_address}, port {our_port} there, and allow it to query. Its log says more.",
    ),
)
FULL = failed(
    "PACS_FULL",
    Sentence(
        "PACS {pacs} занят: у него слишком много соединений.", "The PACS {pacs} is busy: it has too many connections."
    ),
    Sentence(
        "Повторите позже; если так часто, увеличьте в PACS число соединений или уменьшите concurrency в [workers].",
        "Try again later; if it is often so, let the PACS have more associations, or lower concurrency in [workers].",
    ),
)
NO_ECHO = warned(
    "PACS_NO_ECHO",
    Sentence(
        "PACS {pacs} соединение принял, но на C-ECHO отвечает отказом.",
        "The PACS {pacs} took the connection, but refuses C-ECHO.",
    ),
    Sentence(
        "Публикации это не мешает; разрешите C-ECHO для AE title {ours}, чтобы видеть, жив ли PACS.",
        "Publishing does not need it; allow C-ECHO for the AE title {ours}, to see whether the PACS lives.",
    ),
)
NO_FIND = failed(
    "PACS_NO_FIND",
    Sentence(
        "PACS {pacs} не поддерживает поиск (C-FIND, Study Root) или не разрешает его нам.",
        "The PACS {pacs} does not serve queries (C-FIND, Study Root), or not ours.",
    ),
    Sentence(
        "Разрешите в PACS запросы (Query/Retrieve) для AE title {ours}; без поиска публиковать нельзя. Если это узел, "
        "который только принимает снимки, укажите в [clinics.pacs] адрес архива.",
        "Allow Query/Retrieve for the AE title {ours} in the PACS; nothing can be published without queries. Where it "
        "is a node that only takes images, name the archive in [clinics.pacs].",
    ),
)
FIND_REFUSED = failed(
    "PACS_FIND_REFUSED",
    Sentence(
        "PACS {pacs} отклонил поиск: статус 0x{status:04X}.",
        "The PACS {pacs} refused the query: status 0x{status:04X}.",
    ),
    Sentence(
        "Проверьте в PACS права AE title {ours} на поиск; причину знает журнал PACS.",
        "Check in the PACS what the AE title {ours} may query; its log knows the reason.",
    ),
)
BUSY = failed(
    "PACS_BUSY",
    Sentence("PACS {pacs} сейчас не может выполнить запрос.", "The PACS {pacs} cannot serve the query now."),
    Sentence(
        "Повторите позже; если не проходит, причину знает журнал PACS.",
        "Try again later; if it stays so, the log of the PACS knows the reason.",
    ),
)
BROKE_OFF = failed(
    "PACS_BROKE_OFF",
    Sentence(
        "PACS {pacs} принял соединение, но на запрос не ответил или оборвал связь.",
        "The PACS {pacs} took the connection, but did not answer the request, or broke off.",
    ),
    Sentence(
        "Посмотрите журнал PACS за эту минуту и нет ли между нами межсетевого экрана, который рвёт соединения.",
        "Look at the log of the PACS for this minute, and for a firewall in between that cuts connections.",
    ),
)
BAD_ANSWER = failed(
    "PACS_BAD_ANSWER",
    Sentence(
        "PACS {pacs} отвечает на поиск не по стандарту: {why_ru}.",
        "The PACS {pacs} answers queries against the Standard: {why_en}.",
    ),
    Sentence(
        "Сообщите изготовителю PACS; до исправления исследования из него не публикуются.",
        "Tell the vendor of the PACS; until it is mended, its studies are not published.",
    ),
)
CHARSET_UNKNOWN = warned(
    "PACS_CHARSET_UNKNOWN",
    Sentence(
        "PACS {pacs} называет кодировку, которой нет в DICOM: {charset}.",
        "The PACS {pacs} names a character set that DICOM does not have: {charset}.",
    ),
    Sentence(
        "Русские имена могут читаться неверно. Настройте в PACS кодировку ISO_IR 192 (UTF-8) или ISO_IR 144.",
        "Russian names may be misread. Set the PACS to the character set ISO_IR 192 (UTF-8) or ISO_IR 144.",
    ),
)
LETTERS_LOST = warned(
    "PACS_LETTERS_LOST",
    Sentence(
        "PACS {pacs} теряет буквы: вместо русских букв в ответе знаки «?» или пустота.",
        "The PACS {pacs} loses letters: there are question marks, or nothing, where Russian letters should be.",
    ),
    Sentence(
        'Настройте в PACS кодировку ответов UTF-8 (ISO_IR 192); в Orthanc: "DefaultEncoding": "Utf8".',
        'Let the PACS answer in UTF-8 (ISO_IR 192); in Orthanc: "DefaultEncoding": "Utf8".',
    ),
)
LISTENER_ON_LOOPBACK = failed(
    "PACS_LISTENER_ON_LOOPBACK",
    Sentence(
        "Наш приёмник слушает только {listener}, а PACS {pacs} на другой машине ({host}): он не сможет передать "
        "снимки.",
        "Our listener hears {listener} alone, and the PACS {pacs} is on another machine ({host}): it cannot send "
        "images.",
    ),
    Sentence(
        'Напишите в [dicom] host = "0.0.0.0" и перезапустите службу, или retrieve = "get" в [clinics.pacs].',
        'Write host = "0.0.0.0" in [dicom] and restart the service, or retrieve = "get" in [clinics.pacs].',
    ),
)

_UNREACHED = {
    Unreached.NAME: NAME_UNKNOWN,
    Unreached.CLOSED: PORT_CLOSED,
    Unreached.SILENT: SILENT,
    Unreached.NO_ROUTE: NO_ROUTE,
    Unreached.OTHER: UNREACHED,
}
# PS3.8 9.3.4: source and reason of A-ASSOCIATE-RJ
_REJECTED = {(1, 3): CALLING_UNKNOWN, (1, 7): CALLED_UNKNOWN}


def of_connection(why: Unreached) -> Cause:
    """Return what it is that no connection came about."""
    return _UNREACHED[why]


def is_out_of_reach(listener: str, ours: str, theirs: str) -> bool:
    """Whether a PACS is on another machine, by its address and ours on the way there, and our listener on loopback."""
    return listener.startswith(("127.", "::1", "localhost")) and ours != theirs


def of_association(error: StudypubError, *, in_time: bool) -> Cause | None:
    """Return what it is that no association came about over a connection; None where it is about what came later.

    `in_time`: it ended before the time was up that a PACS has to answer.
    """
    if isinstance(error, PacsFull):
        return FULL
    if isinstance(error, PacsNotSecured):
        return NOT_SECURED
    if isinstance(error, PacsAway):
        return HANGS_UP if in_time else NO_DICOM
    rejection = error.parameters.get("rejection")
    return _REJECTED.get(rejection, REJECTED) if isinstance(rejection, tuple) else None


def of_query(error: StudypubError) -> Cause:
    """Return what it is that a query failed over an association."""
    if isinstance(error, PacsBusy):
        return BUSY
    if not isinstance(error, PacsRefused):
        return BROKE_OFF
    if error.parameters.get("served") is False:
        return NO_FIND
    return FIND_REFUSED if "status" in error.parameters else BAD_ANSWER


def of_letters(charsets: Iterable[str], known: Iterable[str], names: Iterable[str]) -> tuple[Cause, str] | None:
    """Return what it is that names may be misread, and the character set; the names are of patients, never told."""
    unknown = sorted(set(filter(None, charsets)) - set(known))
    if unknown:
        return CHARSET_UNKNOWN, ", ".join(unknown)
    lost = any("�" in name or (name and not name.strip("^=? ")) for name in names)
    return (LETTERS_LOST, "") if lost else None
