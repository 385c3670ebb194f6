"""The pages' words for what the core calls by codes; templates translate them."""

from collections.abc import Iterable

from studypub.config import Pixels
from studypub.core.people import Role
from studypub.core.publication import State
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
_ROLE = {Role.ADMINISTRATOR: _("администратор"), Role.REGISTRATOR: _("регистратор")}
_ORIGIN = {Origin.MANUAL: _("вручную"), Origin.COMMAND: _("командой")}

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
    "task.held": _("снимки задержаны до проверки"),
    "clinic.deidentification": _("правила обезличивания клиники изменены"),
    "task.phi_suspected": _("в архиве найдены возможные данные пациента, публикация остановлена"),
    "held.release": _("задержанный снимок выпущен как есть"),
    "held.mask": _("на задержанном снимке закрываются надписи"),
    "held.leave_out": _("задержанный снимок исключён"),
    "study.published": _("исследование опубликовано"),
    "study.withdrawn": _("публикация отозвана"),
    "study.kept_until": _("срок хранения изменён"),
    "study.expired": _("срок хранения истёк"),
    "user.signed_in": _("вход в систему"),
    "user.added": _("пользователь добавлен"),
    "user.disabled": _("пользователь отключён"),
    "user.password_set": _("пароль задан"),
    "apikey.added": _("ключ API добавлен"),
    "apikey.revoked": _("ключ API отозван"),
    "setting.changed": _("настройка изменена"),
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


def pixel_policies(pixels: Pixels) -> list[tuple[str, str]]:
    """Return a clinic's choices about pixels, each with what it is called."""
    return [(name, _POLICY[getattr(pixels, key)]) for key, name in _PIXELS.items()]


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


def origin(value: Origin) -> str | None:
    """Return what marks a task that no program asked for, or None."""
    return _ORIGIN.get(value)


def modalities(codes: Iterable[str]) -> list[str]:
    """Return the modalities' names, each once; a code without a name only counts where nothing else is known."""
    named = list(dict.fromkeys(_MODALITY[code] for code in codes if code in _MODALITY))
    return named or [_OTHER_MODALITY]


def action(name: str) -> str:
    """Return what an entry of the audit log says; its own name where we have no word for it."""
    return _ACTION.get(name, name)
