"""About a study: which one it is, and whether it may be published."""

from studypub.errors.base import Sentence, StudypubError


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


class ConflictingInstances(StudypubError):
    """Two different instances came under one SOP Instance UID."""

    code = "CONFLICTING_INSTANCES"
    template = Sentence(
        "PACS передал два разных изображения под одним идентификатором. Ничего не опубликовано; "
        "сообщите администратору PACS.",
        "The PACS sent two different images under one identifier. Nothing was published; tell the PACS administrator.",
    )
