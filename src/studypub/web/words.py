"""The pages' words for what the core calls by codes; templates translate them.

A translated text counts as safe: a name that we have no word for is escaped before it comes there.
"""

from collections.abc import Iterable

from markupsafe import escape

from studypub.config import Pixels
from studypub.core import outbox
from studypub.core.people import Role
from studypub.core.publication import State
from studypub.core.rights import Right
from studypub.core.task import Origin, Status


def _(text: str) -> str:
    """Mark a text for the catalogue."""
    return text


_STATUS = {
    Status.QUEUED: (_("в очереди"), "waiting"),
    Status.SEARCHING: (_("поиск в PACS"), "running"),
    Status.RETRIEVING: (_("получение"), "running"),
    Status.PROCESSING: (_("обезличивание"), "running"),
    Status.UPLOADING: (_("выгрузка"), "running"),
    Status.COMPLETED: (_("опубликовано"), "done"),
    Status.NEEDS_REVIEW: (_("нужна проверка"), "review"),
    Status.FAILED: (_("ошибка"), "failed"),
    Status.CANCELLED: (_("отменено"), "cancelled"),
    Status.EXPIRED: (_("срок истёк"), "expired"),
}
_STATE = {
    State.LIVE: (_("опубликовано"), "done"),
    State.EXPIRED: (_("срок истёк"), "expired"),
    State.WITHDRAWN: (_("отозвано"), "cancelled"),
}
_STUDY_STATES = {
    "": _("все состояния"),
    "open": _("открыто"),
    "expired": _("срок истёк"),
    "withdrawn": _("отозвано"),
}
_COLUMN = {
    "upload_date": _("Опубликовано"),
    "study_date": _("Исследование от"),
    "save_till": _("Хранить до"),
    "size": _("Размер"),
    "pid": _("ЭМК пациента (PID)"),
    "acsn": _("Номер исследования (ACSN)"),
    "emk_record_id": _("Запись ЭМК"),
}
_ROLE = {Role.ADMINISTRATOR: _("администратор"), Role.REGISTRATOR: _("регистратор")}
_ORIGIN = {Origin.MIS: _("из МИС"), Origin.MANUAL: _("вручную"), Origin.COMMAND: _("командой")}
_STATES = {
    "": _("все состояния"),
    "active": _("в работе"),
    "review": _("нужна проверка"),
    "failed": _("ошибка"),
    "completed": _("опубликовано"),
    "cancelled": _("отменено"),
    "expired": _("срок истёк"),
}
# What happened to a task, and the icon that says how it went.
_EVENT = {
    "queued": (_("Поставлено в очередь"), "waiting"),
    "claimed": (_("Начат поиск в PACS"), "running"),
    "found": (_("Исследование найдено в PACS"), "running"),
    "received": (_("Снимки получены"), "running"),
    "prepared": (_("Снимки обезличены, архив собран"), "running"),
    "stored": (_("Архив выгружен и проверен в хранилище"), "running"),
    "published": (_("Опубликовано, ссылка открыта"), "done"),
    "held": (_("Часть снимков задержана до проверки"), "review"),
    "decided": (_("О задержанных снимках решено"), "running"),
    "postponed": (_("Отложено"), "expired"),
    "failed": (_("Ошибка"), "failed"),
    "cancelled": (_("Отменено"), "cancelled"),
    "withdrawn": (_("Публикация отозвана, ссылка закрыта"), "cancelled"),
    "expired": (_("Срок хранения истёк, ссылка закрыта"), "expired"),
    "again": (_("Запущено снова"), "waiting"),
    "kept": (_("Срок хранения изменён"), "running"),
    "pin_set": (_("Ссылке задан ПИН-код"), "running"),
    "pin_removed": (_("ПИН-код ссылки снят"), "running"),
    "report_attached": (_("Приложено заключение врача"), "running"),
    "report_removed": (_("Заключение врача убрано"), "running"),
}
_MESSAGE_STATE = {
    outbox.State.HELD: (_("ждёт разрешения"), "waiting"),
    outbox.State.PENDING: (_("отправляется"), "running"),
    outbox.State.SENT: (_("отправлено"), "done"),
    outbox.State.FAILED: (_("не отправлено"), "failed"),
}
_MESSAGE_KIND = {
    outbox.Kind.WEBHOOK: _("программе"),
    outbox.Kind.EMAIL: _("письмо пациенту"),
    outbox.Kind.SMS: _("СМС пациенту"),
    outbox.Kind.FHIR: _("серверу FHIR"),
}
_DECISION = {
    "release": _("опубликовать как есть"),
    "mask": _("закрыть надписи"),
    "leave_out": _("не публиковать"),
}

_WINDOWS = {
    "own": _("Как снято"),
    "soft": _("Мягкие ткани"),
    "lung": _("Лёгкие"),
    "bone": _("Кости"),
    "brain": _("Мозг"),
}

# Modality, Defined Terms of PS3.3 C.7.3.1.1.1.
_MODALITY = {
    "CT": _("Компьютерная томография"),
    "MR": _("Магнитно-резонансная томография"),
    "CR": _("Рентгенография"),
    "DX": _("Рентгенография"),
    "RG": _("Рентгенография"),
    "MG": _("Маммография"),
    "RF": _("Рентгеноскопия"),
    "XA": _("Ангиография"),
    "US": _("Ультразвуковое исследование"),
    "IVUS": _("Внутрисосудистое ультразвуковое исследование"),
    "NM": _("Радионуклидное исследование"),
    "PT": _("Позитронно-эмиссионная томография"),
    "PX": _("Панорамная рентгенография зубов"),
    "IO": _("Рентгенография зубов"),
    "BMD": _("Денситометрия"),
    "ES": _("Эндоскопия"),
    "OP": _("Снимки глаз"),
    "OPT": _("Оптическая когерентная томография"),
    "ECG": _("Электрокардиография"),
    "SM": _("Гистологические препараты"),
    "GM": _("Микроскопия"),
    "XC": _("Фотографии"),
}
_OTHER_MODALITY = _("Медицинские снимки")

_ACTION = {
    "task.queued": _("поставлено в очередь"),
    "task.cancelled": _("задание отменено"),
    "task.retried": _("задание повторено"),
    "task.kept_until": _("срок хранения будущей ссылки изменён"),
    "task.pin_set": _("ссылке, которая будет, задан ПИН-код"),
    "task.recipient_set": _("задано, куда отправить ссылку пациенту"),
    "task.partial_allowed": _("разрешена публикация неполного исследования"),
    "task.held": _("снимки задержаны до проверки"),
    "clinic.added": _("клиника добавлена"),
    "clinic.changed": _("настройки клиники изменены"),
    "clinic.given_back": _("настройки клиники снова берутся из файла"),
    "clinic.removed": _("клиника убрана"),
    "clinic.logo_set": _("задан логотип клиники"),
    "clinic.logo_removed": _("логотип клиники убран"),
    "clinic.deidentification": _("правила обезличивания клиники изменены"),
    "task.phi_suspected": _("в архиве найдены возможные данные пациента, публикация остановлена"),
    "held.release": _("задержанный снимок выпущен как есть"),
    "held.mask": _("на задержанном снимке закрываются надписи"),
    "held.leave_out": _("задержанный снимок исключён"),
    "study.published": _("исследование опубликовано"),
    "study.withdrawn": _("публикация отозвана"),
    "study.lost": _("после восстановления архива нет, публикация закрыта"),
    "report.attached": _("приложено заключение врача"),
    "report.removed": _("заключение врача убрано"),
    "report.lost": _("после восстановления заключения врача нет"),
    "backup.restored": _("база восстановлена из резервной копии"),
    "study.kept_until": _("срок хранения изменён"),
    "study.pin_set": _("ссылке задан ПИН-код"),
    "study.pin_removed": _("ПИН-код ссылки снят"),
    "study.expired": _("срок хранения истёк"),
    "studies.exported": _("список исследований выгружен в файл"),
    "audit.exported": _("журнал действий выгружен в файл"),
    "user.signed_in": _("вход в систему"),
    "user.sign_on_refused": _("отказ во входе через службу входа"),
    "user.role_set": _("роль или клиника изменены службой входа"),
    "user.added": _("пользователь добавлен"),
    "user.disabled": _("пользователь отключён"),
    "user.password_set": _("пароль задан"),
    "user.second_factor_on": _("вход с кодом включён"),
    "user.second_factor_off": _("вход с кодом отключён"),
    "user.second_factor_reset": _("вход с кодом сброшен"),
    "user.recovery_code_used": _("использован код восстановления"),
    "user.recovery_codes_renewed": _("коды восстановления заменены"),
    "apikey.added": _("ключ API добавлен"),
    "apikey.revoked": _("ключ API отозван"),
    "apikey.callback_set": _("программе задан адрес для сообщений"),
    "apikey.callback_cleared": _("программа больше не получает сообщений"),
    "message.sent_again": _("сообщение отправляется снова"),
    "setting.changed": _("настройка изменена"),
}

# What the audit log tells besides; identifiers of programs stay as they are.
_DETAIL = {
    "accession_number": _("номер исследования"),
    "task_id": _("задание"),
    "clinic_code": _("клиника"),
    "reason": _("причина"),
    "received": _("получено"),
    "expected": _("ожидалось"),
    "instances": _("изображений"),
    "missing": _("не хватает"),
    "covered": _("надписи закрыты"),
    "faces": _("срезов с лицом"),
    "profile": _("профиль"),
    "save_till": _("хранить до"),
    "expired": _("срок истёк"),
    "closed": _("закрыто"),
    "strangers": _("архивов, о которых база не знает"),
    "collect": _("удаляются через неделю"),
    "name": _("имя"),
    "role": _("роль"),
    "granted": _("разрешено"),
    "taken": _("отобрано"),
    "value": _("значение"),
    "left": _("осталось"),
    "address": _("адрес"),
    "kinds": _("каким путём"),
    "fields": _("ключи"),
}

_RIGHT = {
    Right.RETRY: (_("Повторять задания"), _("С ошибкой и отменённые")),
    Right.CANCEL: (_("Отменять задания"), _("Пока исследование не опубликовано")),
    Right.LINK: (_("Видеть ссылки"), _("Копировать, показывать QR-код, печатать памятку")),
    Right.KEEP: (_("Менять срок хранения"), _("В пределах, заданных в настройках")),
    Right.WITHDRAW: (_("Отзывать публикации"), _("Ссылка закрывается, файл удаляется")),
    Right.EXPORT: (_("Выгружать список исследований"), _("Таблицей, с номерами пациентов")),
    Right.REVIEW: (_("Решать о задержанных снимках"), _("На них могут быть данные пациента или лицо")),
}

_PIXELS = {
    "ultrasound": _("УЗИ"),
    "fluoroscopy": _("Рентгеноскопия и ангиография"),
    "captures": _("Вторичные снимки и снимки экрана"),
    "photographs": _("Фотографии, эндоскопия, микроскопия"),
    "unclear": _("Виды снимков, о которых по заголовку не скажешь"),
    "unsure": _("Если нет уверенности, что закрыто всё"),
    "trust_reading": _("Верить чтению надписей без других примет"),
    "faces": _("Срезы головы, по которым можно восстановить лицо"),
}
_POLICY = {
    True: _("да"),
    False: _("нет"),
    "leave_out": _("не публиковать"),
    "mask": _("публиковать, закрыв надписи"),
    "review": _("сначала смотрит человек"),
    "publish": _("публиковать"),
}

_CHOICES = {
    "profile": {
        "second-opinion": _("для второго мнения"),
        "second-opinion-private": _("для второго мнения, с числами SUV"),
        "basic": _("базовый"),
    },
    "archive_format": {
        "zip": _("ZIP: открывается везде"),
        "tar.zst": _("TAR.zst: меньше, для программ"),
        "iso": _("ISO: образ диска"),
    },
    "retrieve": {
        "move": _("C-MOVE: PACS соединяется с нами"),
        "get": _("C-GET: по нашему соединению"),
    },
    "consent": {
        "never": _("не отправлять, адреса не хранить"),
        "when_given": _("отправлять, если указан адрес: пациент согласен"),
    },
    "release": {
        "at_once": _("сразу после публикации"),
        "after_hours": _("через несколько часов"),
        "by_hand": _("когда нажмёт регистратор"),
    },
    "language": {"ru": _("русский"), "en": _("английский")},
    "report": {"no": _("нет"), "yes": _("да: его прочтёт каждый, у кого есть ссылка")},
    "start_page": {"no": _("нет"), "yes": _("да: страница с картинками для врача без программы просмотра")},
}


def choices(field: str) -> list[tuple[str, str]]:
    """Return what a clinic may choose from, each with what it is called."""
    return list(_CHOICES[field].items())


def rights() -> list[tuple[str, str, str]]:
    """Return what registrators can be granted: each with what it is called, and a hint."""
    return [(right.value, *said) for right, said in _RIGHT.items()]


def actions() -> list[tuple[str, str]]:
    """Return every action that the audit log may tell of, each with what it is called."""
    return list(_ACTION.items())


def pixel_policies(pixels: Pixels) -> list[tuple[str, str]]:
    """Return a clinic's choices about pixels, each with what it is called."""
    return [(name, _POLICY[getattr(pixels, key)]) for key, name in _PIXELS.items()]


def statuses() -> list[tuple[Status, str]]:
    """Return every state of a task, with what it is called."""
    return [(value, name) for value, (name, _shape) in _STATUS.items()]


def status(value: Status) -> str:
    """Return what a task's state is called."""
    return _STATUS[value][0]


def status_shape(value: Status) -> str:
    """Return the icon of a task's state."""
    return _STATUS[value][1]


def state(value: State) -> str:
    """Return what a publication's state is called."""
    return _STATE[value][0]


def state_shape(value: State) -> str:
    """Return the icon of a publication's state."""
    return _STATE[value][1]


def role(value: Role) -> str:
    """Return what a role is called."""
    return _ROLE[value]


def origin(value: Origin) -> str:
    """Return by which way a task was asked for."""
    return _ORIGIN[value]


def origins() -> list[tuple[str, str]]:
    """Return every way, with what it is called, for a choice."""
    return [(value.value, name) for value, name in _ORIGIN.items()]


def states() -> list[tuple[str, str]]:
    """Return the groups of states that the queue can be narrowed to, each with what it is called."""
    return list(_STATES.items())


def study_states() -> list[tuple[str, str]]:
    """Return the states that the list of publications can be narrowed to, each with what it is called."""
    return list(_STUDY_STATES.items())


def columns() -> list[tuple[str, str]]:
    """Return the columns that publications can be sorted by, each with what it is called."""
    return list(_COLUMN.items())


def event(kind: str) -> str:
    """Return what a step of a task is called; its own name where we have no word for it."""
    return _EVENT[kind][0] if kind in _EVENT else escape(kind)


def event_shape(kind: str) -> str:
    """Return the icon of a step of a task."""
    return _EVENT.get(kind, ("", "waiting"))[1]


def message_states() -> list[tuple[outbox.State, str]]:
    """Return every state of a message, with what it is called."""
    return [(value, name) for value, (name, _shape) in _MESSAGE_STATE.items()]


def message_state(value: outbox.State) -> str:
    """Return what a message's state is called."""
    return _MESSAGE_STATE[value][0]


def message_shape(value: outbox.State) -> str:
    """Return the icon of a message's state."""
    return _MESSAGE_STATE[value][1]


def message_kinds() -> list[tuple[outbox.Kind, str]]:
    """Return every way that a message goes, with what it is called."""
    return list(_MESSAGE_KIND.items())


def message_kind(value: outbox.Kind) -> str:
    """Return for whom a message is, and by which way it goes."""
    return _MESSAGE_KIND[value]


def decision(value: str) -> str:
    """Return what a decision about a held image is called."""
    return _DECISION[value]


def window(name: str) -> str:
    """Return what is seen well through a window of a preview."""
    return _WINDOWS[name]


def modalities(codes: Iterable[str]) -> list[str]:
    """Return the modalities' names, each once; a code without a name only counts where nothing else is known."""
    named = list(dict.fromkeys(_MODALITY[code] for code in codes if code in _MODALITY))
    return named or [_OTHER_MODALITY]


def detail(name: str) -> str:
    """Return what the audit log's further facts are called; its own name where we have no word for it."""
    return _DETAIL.get(name) or escape(name)


def action(name: str) -> str:
    """Return what an entry of the audit log says; its own name where we have no word for it."""
    return _ACTION.get(name) or escape(name)
