"""A registrator lets the patient's message go, or sends it once more."""

from uuid import UUID

from litestar import post
from litestar.params import FromPath
from litestar.response import Redirect

from studypub.core.rights import Right
from studypub.db import outbox
from studypub.errors import Sentence
from studypub.flows.deliver import send_again
from studypub.web import guards
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenSession
from studypub.web.rights import May

_NO_MESSAGE = Sentence("Такого сообщения нет.", "There is no such message.")


@post("/queue/{task_id:uuid}/send/{message_id:uuid}", guards=[guards.signed_in, guards.csrf, May(Right.LINK)])
async def send(
    parts: GivenParts, session: GivenSession, task_id: FromPath[UUID], message_id: FromPath[UUID]
) -> Redirect:
    """Send it now."""
    user = session.user
    async with parts.database.transaction() as tx:
        if message_id not in {line.message.message_id for line in await outbox.to_patient(tx, task_id)}:
            raise Problem(404, _NO_MESSAGE)
    await send_again(parts.database, message_id, actor=user.actor, clinic_code=user.clinic_code)
    return Redirect(f"/queue/{task_id}", status_code=303)


routes = (send,)
