"""The report that a doctor wrote, for the program of a clinic: put beside a task's images, and taken away."""

from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, delete, put
from litestar.params import FromPath, FromQuery

from studypub.core.report import LARGEST, Report
from studypub.errors import Sentence
from studypub.flows import report
from studypub.flows.report import Written
from studypub.web.api.documents import ReportDocument
from studypub.web.errors import Problem
from studypub.web.given import GivenApiKey, GivenLanguage, GivenParts
from studypub.web.guards import with_api_key
from studypub.web.language import Language

PDF: Final = "application/pdf"
TEXT: Final = "text/plain"
_NO_TASK: Final = Sentence("Такого задания нет.", "There is no such task.")
_WRONG_TYPE: Final = Sentence(
    "Нужен PDF или текст в UTF-8: Content-Type: application/pdf или text/plain; charset=utf-8.",
    "A PDF or text in UTF-8 is needed: Content-Type: application/pdf or text/plain; charset=utf-8.",
)
_WRONG_ANSWER: Final = Sentence(
    "names_patient: только accepted, или не указывать.", "names_patient: accepted, or nothing at all."
)
ACCEPTED: Final = "accepted"
WARNING: Final = Sentence(
    "Заключение обычно называет пациента; его прочтёт каждый, у кого есть ссылка.",
    "The report usually names the patient; whoever has the link reads it.",
)


@put("/publish/{task_id:str}/report", guards=[with_api_key], request_max_body_size=LARGEST)
async def attach(
    request: Request[Any, Any, Any],
    task_id: FromPath[str],
    parts: GivenParts,
    api_key: GivenApiKey,
    language: GivenLanguage,
    names_patient: FromQuery[str | None] = None,
) -> Response[ReportDocument]:
    """Show this report with what the task publishes, in place of the one before."""
    place = await report.place_for(parts.config, parts.database, _read(task_id), clinic_code=api_key.clinic_code)
    kind = _kind(request)
    if names_patient not in {None, ACCEPTED}:
        raise Problem(400, _WRONG_ANSWER)
    attached = await report.attach(
        parts.database,
        parts.store,
        place,
        Written(await request.body(), is_text=kind == TEXT),
        accepted=names_patient == ACCEPTED,
        actor=api_key.actor,
    )
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return Response(_document(place.task.task_id, attached, language), headers=headers)


@delete("/publish/{task_id:str}/report", guards=[with_api_key])
async def remove(task_id: FromPath[str], parts: GivenParts, api_key: GivenApiKey) -> None:
    """Show no report any more; asking again is safe."""
    await report.detach(parts.database, _read(task_id), actor=api_key.actor, clinic_code=api_key.clinic_code)


def _kind(request: Request[Any, Any, Any]) -> str:
    kind, parameters = request.content_type
    if kind not in {PDF, TEXT} or (kind == TEXT and parameters.get("charset", "").lower() not in {"utf-8", "utf8"}):
        raise Problem(415, _WRONG_TYPE)
    return kind


def _document(task_id: UUID, attached: Report, language: Language) -> ReportDocument:
    return ReportDocument(
        task_id=str(task_id),
        size=attached.size,
        pages=attached.pages,
        unread_pages=attached.unread,
        found=list(attached.clues),
        warning=getattr(WARNING, language),
    )


def _read(task_id: str) -> UUID:
    try:
        return UUID(task_id)
    except ValueError:
        raise Problem(404, _NO_TASK) from None


routes = (attach, remove)
