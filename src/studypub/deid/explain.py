"""Says in prose what a profile does."""

from typing import Final, Literal

from studypub.deid import tables
from studypub.deid.profile import Profile
from studypub.errors import Sentence

Language = Literal["ru", "en"]

_ALWAYS: Final = (
    Sentence(
        "Публикуется не исправленный оригинал, а новый объект: в него переносится только то, что разрешено для его "
        "вида (IOD) по DICOM PS3.3, на всех уровнях вложенности; остальное не переносится.",
        "What is published is not the original corrected but a new object: only what is allowed for its kind (IOD) by "
        "DICOM PS3.3 is carried over, at every depth; the rest is not.",
    ),
    Sentence(
        "Имя и номер пациента заменяются на «ANON-» и случайно выглядящие знаки, одинаковые во всех снимках "
        "публикации и разные в разных публикациях.",
        "The patient's name and ID become “ANON-” and random-looking characters, the same in all images of a "
        "publication and different in each publication.",
    ),
    Sentence(
        "Все UID, называющие объекты, заменяются согласованно с помощью секретного ключа публикации; UID самого "
        "стандарта остаются.",
        "All UIDs that name objects are replaced consistently with the publication's secret key; the Standard's own "
        "UIDs stay.",
    ),
    Sentence(
        "Имена врачей и сотрудников, учреждение, адреса, телефоны, номера направлений и аппаратов убираются.",
        "Names of physicians and staff, the institution, addresses, telephones, order and device numbers are removed.",
    ),
    Sentence(
        "Свободный текст, частные (private) элементы, наложения (60xx), кривые (50xx), миниатюры, цифровые подписи и "
        "зашифрованные атрибуты убираются. Слова остаются, только если они есть в закрытых списках стандарта; смысл "
        "кода пишется по справочнику стандарта, а не копируется.",
        "Free text, private elements, overlays (60xx), curves (50xx), icons, digital signatures and encrypted "
        "attributes are removed. A word stays only if the Standard's closed lists have it; the meaning of a code is "
        "written from the Standard's tables, not copied.",
    ),
    Sentence(
        "Преамбула и заголовок файла пишутся заново. Пиксели не меняются; байты за последним пикселом отрезаются, "
        "биты, не занятые изображением, очищаются.",
        "Preamble and file meta information are written anew. Pixels do not change; bytes behind the last pixel are "
        "cut off, bits that no sample uses are cleared.",
    ),
    Sentence(
        "Исключаются и перечисляются: структурированные отчёты, документы, состояния представления, кривые, сырые "
        "данные, вторичные снимки, УЗИ, рентгеноскопия, фотографии и всё, что похоже на снимок экрана или несёт "
        "надписи.",
        "Left out and listed: structured reports, documents, presentation states, waveforms, raw data, secondary "
        "captures, ultrasound, fluoroscopy, photographs, and whatever looks like a screen capture or carries text.",
    ),
)

_DATES_REMOVED: Final = Sentence(
    "Все даты и время убираются; где объект без даты недействителен, стоит 1900-01-01.",
    "All dates and times are removed; where an object would be invalid without a date, it is 1900-01-01.",
)

_COUNT: Final = Sentence(
    "По таблице E.1-1 PS3.15 (издание 2026d): убрать {remove}, опустошить или заменить {replace}, "
    "заменить UID {uids}, сохранить или очистить {keep} атрибутов.",
    "By Table E.1-1 of PS3.15 (edition 2026d): {remove} attributes are removed, {replace} emptied or replaced, "
    "{uids} UIDs replaced, {keep} retained or cleaned.",
)

_CLAIMS: Final = Sentence("Заявленные коды PS3.16 CID 7050", "Claimed codes of PS3.16 CID 7050")


def explain(profile: Profile, language: Language) -> str:
    """Return the profile as text: a title, what is done, and the codes it claims."""
    sentences = [*_ALWAYS, _DATES_REMOVED, _count(profile)]
    lines = [getattr(sentence, language) for sentence in sentences]
    title = f"{profile.name}: {getattr(profile.title, language)}."
    claims = [f"- {claim.value} {claim.meaning}" for claim in profile.claims]
    return "\n\n".join([title, *lines, "\n".join([f"{getattr(_CLAIMS, language)}:", *claims])]) + "\n"


def _count(profile: Profile) -> Sentence:
    actions = [profile.action(row.actions) for row in tables.confidentiality().values()]
    return _COUNT.filled(
        remove=actions.count("X"),
        uids=actions.count("U"),
        keep=actions.count("K") + actions.count("C"),
        replace=sum("/" in action or action in {"Z", "D"} for action in actions),
    )
