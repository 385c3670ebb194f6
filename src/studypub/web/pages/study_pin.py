"""The PIN of a publication: set by a registrator, shown to nobody."""

from typing import Any, Final
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core import pin as rules
from studypub.core.publication import Publication
from studypub.core.request import FieldError
from studypub.core.rights import Right
from studypub.db import studies
from studypub.db.people import Session
from studypub.errors import Sentence
from studypub.flows import pin
from studypub.web import forms, guards, render
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.parts import Parts
from studypub.web.rights import May

_NO_STUDY: Final = Sentence("Такой публикации нет.", "There is no such publication.")
_NOT_PIN: Final = Sentence("ПИН-код: от 4 до 12 цифр.", "A PIN has 4 to 12 digits.")


@get("/studies/{study_id:uuid}/pin", guards=[guards.signed_in, May(Right.LINK)])
async def ask(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Show the form; what the PIN is now is known to nobody."""
    study = await _study(parts, session, study_id)
    return _page(request, parts, session, study, forms.empty("pin"))


@post("/studies/{study_id:uuid}/pin", guards=[guards.signed_in, guards.csrf, May(Right.LINK)])
async def change(
    request: Request[Any, Any, Any], parts: GivenParts, session: GivenSession, study_id: FromPath[UUID]
) -> Response[str]:
    """Set the PIN, or take it away where the field is empty."""
    study, form = await _study(parts, session, study_id), await forms.read(request, "pin")
    wanted, user = form.value("pin").strip(), session.user
    if wanted and not rules.is_acceptable(wanted):
        return _page(request, parts, session, study, form.with_errors(FieldError("pin", _NOT_PIN)), status=422)
    await pin.set_pin(parts.database, study_id, wanted or None, actor=user.actor, clinic_code=user.clinic_code)
    return Redirect(f"/studies/{study_id}", status_code=303)


async def _study(parts: Parts, session: Session, study_id: UUID) -> Publication:
    async with parts.database.transaction() as tx:
        study = await studies.find(tx, study_id, clinic_code=session.user.clinic_code)
    if study is None:
        raise Problem(404, _NO_STUDY)
    return study


def _page(
    request: Request[Any, Any, Any],
    parts: Parts,
    session: Session,
    study: Publication,
    form: forms.Form,
    status: int = 200,
) -> Response[str]:
    return render.page(
        "study_pin.html", request, status=status, session=session, config=parts.config, study=study, form=form
    )


routes = (ask, change)
