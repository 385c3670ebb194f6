"""Says in prose what a profile does."""

from typing import Final, Literal

from pydicom.datadict import keyword_for_tag

from studypub.deid import tables
from studypub.deid.profile import CLEAN_PIXEL_DATA, Profile
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
        "Свободный текст, наложения (60xx), кривые (50xx), миниатюры, цифровые подписи и "
        "зашифрованные атрибуты убираются. Слова остаются, только если они есть в закрытых списках; смысл кода "
        "пишется по справочнику стандарта, а не копируется; код, которого стандарт не знает, убирается.",
        "Free text, overlays (60xx), curves (50xx), icons, digital signatures and encrypted "
        "attributes are removed. A word stays only if a closed list has it; the meaning of a code is written from the "
        "Standard's tables, not copied; a code that the Standard does not know goes.",
    ),
    Sentence(
        "Числа остаются, если записаны как числа и не длиннее, чем бывают измерения; от цветового профиля ICC "
        "остаются только данные о цвете.",
        "Numbers stay if they are written as numbers and no longer than measures are; of an ICC profile only the "
        "colour data stay.",
    ),
    Sentence(
        "Преамбула и заголовок файла пишутся заново, текст — в ISO_IR 192. Пиксели не меняются; байты за последним "
        "пикселом отрезаются, биты, не занятые изображением, очищаются, комментарии и служебные сегменты сжатых "
        "кадров (JPEG, JPEG-LS, JPEG 2000) и промежутки RLE убираются.",
        "Preamble and file meta information are written anew, text in ISO_IR 192. Pixels do not change; bytes behind "
        "the last pixel are cut off, bits that no sample uses are cleared, comments and application segments of "
        "compressed frames (JPEG, JPEG-LS, JPEG 2000) and gaps of RLE are removed.",
    ),
    Sentence(
        "Исключаются и перечисляются: структурированные отчёты, документы, состояния представления, кривые и сырые "
        "данные.",
        "Left out and listed: structured reports, documents, presentation states, waveforms and raw data.",
    ),
    Sentence(
        "Снимки, на которых бывают надписи (УЗИ, рентгеноскопия, вторичные снимки, снимки экрана, фотографии), "
        "публикуются, только если клиника так решила: всё, что похоже на текст, закрывается в каждом кадре, затем "
        "кадры проверяются ещё раз; где уверенности нет, снимок исключается или его смотрит человек. За пределами "
        "закрытого пикселы без потерь не меняются; сжатые с потерями кадры перекодируются без новых потерь. "
        "BurnedInAnnotation = NO и код 113101 получают только снимки, чьи пикселы так проверены. Остальные снимки "
        "(срезы, рентгенограммы), в заголовке которых о надписях ничего не сказано, на текст не проверяются: "
        "впечатанное в них остаётся.",
        "Images that may show text (ultrasound, fluoroscopy, secondary captures, screens, photographs) are published "
        "only where the clinic has chosen so: whatever looks like text is covered in every frame, then the frames are "
        "looked at again; where that is not certain, the image is left out or a person looks at it. Outside what is "
        "covered, pixels of lossless coding do not change; frames of lossy coding are coded again without further "
        "loss. BurnedInAnnotation = NO and code 113101 are given only to images whose pixels were searched like this. "
        "Other images (slices, radiographs) whose headers say nothing of text are not searched for it: what was burned "
        "into them stays.",
    ),
    Sentence(
        "По тонким срезам головы (КТ, МРТ, ПЭТ) можно восстановить лицо. Пикселы для этого не меняются: такие снимки "
        "отмечаются в отчёте, а клиника решает, публиковать их, показать человеку или исключать.",
        "From thin slices of a head (CT, MR, PET) a face can be rebuilt. Pixels are not changed for that: such images "
        "are marked in the report, and the clinic chooses to publish them, to have a person look, or to leave them "
        "out.",
    ),
)

# How many of these sentences are said after what the options do: of objects as a whole.
_LAST: Final = -3

# Option -> what it does; the second sentence is said where the profile does not take the option.
_OPTIONS: Final = {
    "modified_dates": (
        Sentence(
            "Все даты сдвигаются назад на одно и то же число дней, своё для каждой публикации (от двух месяцев до "
            "десяти лет): промежутки между ними сохраняются. Время суток остаётся. Дата рождения убирается.",
            "All dates are moved back by one number of days, another in each publication (two months to ten years): "
            "intervals stay. The time of day stays. The birth date is removed.",
        ),
        Sentence(
            "Все даты и время убираются; где объект без даты недействителен, стоит 1900-01-01.",
            "All dates and times are removed; where an object would be invalid without a date, it is 1900-01-01.",
        ),
    ),
    "patient_characteristics": (
        Sentence(
            "Пол, рост, вес, курение и беременность остаются; возраст остаётся, но старше 89 лет он записан как 90.",
            "Sex, size, weight, smoking and pregnancy status stay; the age stays, but above 89 years it is written "
            "as 90.",
        ),
        Sentence(
            "Пол, возраст, рост, вес и прочее о пациенте убираются.",
            "Sex, age, size, weight and whatever else tells of the patient are removed.",
        ),
    ),
    "safe_private": (
        Sentence(
            "Из частных (private) элементов остаются только числа, которые PS3.15 (таблица E.3.10-1) называет "
            "безопасными, если изготовитель указан точно так же.",
            "Of private elements only numbers stay that PS3.15 (Table E.3.10-1) calls safe, under exactly the creator "
            "named there.",
        ),
        Sentence(
            "Все частные (private) элементы убираются.",
            "All private elements are removed.",
        ),
    ),
    "clean_descriptors": (
        Sentence(
            "Описания исследования, серии и протокола и название контраста собираются заново из закрытого словаря "
            "(вид исследования, область, проекция, контраст, последовательность; по-русски и по-английски); слово, "
            "которого в словаре нет или которое есть в имени человека, убирается.",
            "Descriptions of study, series and protocol and the contrast agent are put together anew from a closed "
            "vocabulary (modality, body part, plane, contrast, sequence; Russian and English); a word that is not in "
            "it, or is part of a person's name, goes.",
        ),
        Sentence(
            "Описания исследования, серии и протокола и название контраста убираются.",
            "Descriptions of study, series and protocol and the contrast agent are removed.",
        ),
    ),
}

_COUNT: Final = Sentence(
    "По таблице E.1-1 PS3.15 (издание 2026d): убрать {remove}, опустошить или заменить {replace}, "
    "заменить UID {uids}, сохранить или очистить {keep} атрибутов.",
    "By Table E.1-1 of PS3.15 (edition 2026d): {remove} attributes are removed, {replace} emptied or replaced, "
    "{uids} UIDs replaced, {keep} retained or cleaned.",
)

_REMOVALS: Final = Sentence("Кроме того, убираются: {removed}.", "Removed as well: {removed}.")
_SEARCHED: Final = Sentence("только где пикселы проверены на надписи", "only where pixels were searched for text")
_CLAIMS: Final = Sentence("Заявленные коды PS3.16 CID 7050", "Claimed codes of PS3.16 CID 7050")


def explain(profile: Profile, language: Language) -> str:
    """Return the profile as text: a title, what is done, and the codes it claims."""
    chosen = (said if option in profile.options else unsaid for option, (said, unsaid) in _OPTIONS.items())
    sentences = [*_ALWAYS[:_LAST], *chosen, *_ALWAYS[_LAST:], _count(profile)]
    lines = [getattr(sentence, language) for sentence in sentences]
    title = f"{profile.name}: {getattr(profile.title, language)}."
    if profile.removals:
        removed = ", ".join(sorted(keyword_for_tag(tag) for tag in profile.removals))
        lines.append(getattr(_REMOVALS.filled(removed=removed), language))
    claims = [f"- {claim.value} {claim.meaning}" for claim in profile.claims]
    claims.append(f"- {CLEAN_PIXEL_DATA.value} {CLEAN_PIXEL_DATA.meaning} ({getattr(_SEARCHED, language)})")
    return "\n\n".join([title, *lines, "\n".join([f"{getattr(_CLAIMS, language)}:", *claims])]) + "\n"


def _count(profile: Profile) -> Sentence:
    actions = [profile.action(tag, row.actions) for tag, row in tables.confidentiality().items()]
    return _COUNT.filled(
        remove=actions.count("X"),
        uids=actions.count("U"),
        keep=actions.count("K") + actions.count("C"),
        replace=sum("/" in action or action in {"Z", "D"} for action in actions),
    )
