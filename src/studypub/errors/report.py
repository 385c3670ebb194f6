"""About a doctor's report that is to be put beside the images."""

from studypub.errors.asker import Refused
from studypub.errors.base import Sentence


class ReportsOff(Refused):
    """The clinic has not allowed it."""

    code = "REPORTS_OFF"
    template = Sentence(
        "Клиника не прикладывает заключения к снимкам. Включить это может системный администратор: allowed в "
        "[clinics.report].",
        "The clinic puts no reports beside images. The system administrator can change that: allowed in "
        "[clinics.report].",
    )


class ReportUnusable(Refused):
    """What was sent cannot be shown as a PDF."""

    code = "REPORT_UNUSABLE"
    template = Sentence("Заключение не принято: {reason_ru}.", "The report was not taken: {reason_en}.")


class ReportNamesPatient(Refused):
    """Nobody has said that it may name the patient, and it does."""

    code = "REPORT_NAMES_PATIENT"
    template = Sentence(
        "В заключении найдено: {what_ru}. Его прочтёт каждый, у кого есть ссылка. Если так и нужно, подтвердите это: "
        "names_patient=accepted.",
        "The report holds {what_en}. Whoever has the link reads it. If that is intended, say so: "
        "names_patient=accepted.",
    )
