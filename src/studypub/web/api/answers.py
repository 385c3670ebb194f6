"""Tasks as programs are answered."""

from datetime import UTC, datetime

from litestar import Response

from studypub.core.task_document import TaskDocument, task_document
from studypub.flows.request import Answer
from studypub.web.language import Language
from studypub.web.parts import Parts


def respond(answer: Answer, parts: Parts, now: datetime, language: Language) -> Response[TaskDocument]:
    """Return the answer with a task's document."""
    return Response(
        described(answer, parts, now, language), headers={"Content-Language": language, "Vary": "Accept-Language"}
    )


def described(answer: Answer, parts: Parts, now: datetime, language: Language) -> TaskDocument:
    """Return a task's document; its times are those of its clinic."""
    clinic = parts.config.clinic(answer.task.clinic_code)
    return task_document(
        answer.task,
        answer.publication,
        base_url=parts.config.server.base_url,
        zone=clinic.zone if clinic else UTC,
        now=now,
        language=language,
    )
