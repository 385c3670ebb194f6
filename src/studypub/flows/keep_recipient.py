"""An address came with a request: it is kept for the link, where the clinic may write to patients."""

from studypub.config import Config
from studypub.core.outbox import Kind
from studypub.core.request import PublishRequest
from studypub.core.task import IN_PROGRESS, Status
from studypub.db import audit, recipients, tasks
from studypub.db.again import again_on_collision
from studypub.db.database import Database
from studypub.db.recipients import Recipient
from studypub.flows.request import Answer


@again_on_collision
async def keep_recipient(
    config: Config, database: Database, request: PublishRequest, answer: Answer, *, actor: str
) -> None:
    """Let the task's link go to the addresses that the request names; to one that it goes to already, not again."""
    clinic, wanted = config.clinic(request.clinic_code), Recipient(request.patient_email, request.patient_phone)
    if clinic is None or clinic.delivery.consent == "never" or wanted == Recipient(None, None):
        return
    task_id, wait = answer.task.task_id, clinic.delivery.wait
    async with database.transaction(actor) as tx:
        await tasks.till(tx, answer.task)  # from here on the task cannot be published with another address
        task, before = await tasks.find(tx, task_id, clinic_code=None), await recipients.of_task(tx, task_id)
        new = [kind for kind in (Kind.EMAIL, Kind.SMS) if wanted.address(kind) not in (None, before.address(kind))]
        if not new or task is None or task.status not in (*IN_PROGRESS, Status.COMPLETED, Status.FAILED):
            return
        await recipients.keep(tx, task_id, wanted, wait=wait)
        if task.status is Status.COMPLETED:
            for kind in new:
                await recipients.write(tx, task_id, kind, wait=wait)
        await audit.append(tx, actor, "task.recipient_set", str(task_id), kinds=", ".join(new))
