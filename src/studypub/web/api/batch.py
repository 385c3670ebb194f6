"""Several studies are asked for at once."""

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, post

from studypub.core.people import Program
from studypub.core.request import InvalidRequest
from studypub.errors import StudypubError
from studypub.web.api.answers import described
from studypub.web.api.asking import asked
from studypub.web.api.body import checked_object, read_several
from studypub.web.api.documents import BatchAnswer, BatchDocument, ProblemDocument
from studypub.web.errors import Problem, problem_document, problem_of
from studypub.web.given import GivenApiKey, GivenLanguage, GivenParts
from studypub.web.guards import with_api_key
from studypub.web.language import Language
from studypub.web.parts import Parts


@post("/publish/batch", guards=[with_api_key], status_code=200)
async def publish_many(
    request: Request[Any, Any, Any], parts: GivenParts, api_key: GivenApiKey, language: GivenLanguage
) -> Response[BatchDocument]:
    """Queue several studies; each is answered as if it had come alone, and one that is refused holds up no other."""
    documents = await read_several(request)
    async with parts.database.transaction() as tx:
        now = await tx.now()
    answers = [await _answer(document, parts, api_key, now, language) for document in documents]
    headers = {"Content-Language": language, "Vary": "Accept-Language"}
    return Response(BatchDocument(answers=answers), headers=headers)


async def _answer(document: object, parts: Parts, api_key: Program, now: datetime, language: Language) -> BatchAnswer:
    try:
        answer = await asked(checked_object(document), parts, api_key, now)
    except (Problem, InvalidRequest, StudypubError) as error:
        problem = problem_of(error)
        told = msgspec.convert(problem_document(problem, language), ProblemDocument)
        return BatchAnswer(status=problem.status, problem=told)
    return BatchAnswer(status=200 if answer.publication else 202, task=described(answer, parts, now, language))


routes = (publish_many,)
