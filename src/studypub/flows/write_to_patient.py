"""A patient is sent the link, by mail or as a text message."""

from studypub.calls import sms
from studypub.config import Config
from studypub.core import access
from studypub.core.access import Access
from studypub.core.letters import Words, words
from studypub.core.outbox import Kind, Message
from studypub.core.publication import link
from studypub.db import recipients, studies
from studypub.db.database import Database, Transaction
from studypub.errors import MailRefused, MailUnavailable, ReceiverRefused, RecipientRefused
from studypub.mail import smtp
from studypub.mail.smtp import Letter


async def write_to_patient(config: Config, database: Database, message: Message) -> None:
    """Hand the message to the mail server or the gateway. Raises what those do, and ReceiverRefused."""
    address, said = await _said(config, database, message)
    if message.kind is Kind.SMS:
        if not config.sms.kind:
            raise _refused("шлюз СМС не настроен, см. [sms]", "no gateway is set, see [sms]")
        await sms.send(config.sms, address, said.sms)
        return
    if not config.mail.host:
        raise _refused("почтовый сервер не настроен, см. [mail]", "no mail server is set, see [mail]")
    try:
        await smtp.send(config.mail, Letter((address,), said.subject, said.mail))
    except RecipientRefused:
        raise
    except MailRefused as error:  # a password, a sender: somebody will put that right, and the patient waits
        raise MailUnavailable(str(error), **error.parameters) from error


async def _said(config: Config, database: Database, message: Message) -> tuple[str, Words]:
    async with database.transaction() as tx:
        publication, now = await studies.of_task(tx, message.task_id), await tx.now()
        address = (await recipients.of_task(tx, message.task_id)).address(message.kind)
        clinic = config.clinic(publication.clinic_code) if publication else None
        if publication is None or address is None or access.decide(publication, now) is not Access.OPEN:
            raise _refused("ссылка закрыта или адрес удалён", "the link is closed, or the address was deleted")
        if clinic is None or clinic.delivery.consent == "never":
            raise _refused("клиника не пишет пациентам (consent)", "the clinic writes to no patients (consent)")
        await _require_few(tx, message.kind, address, clinic.delivery.per_day)
    address_of_link = link(config.server.base_url, publication.token)
    return address, words(clinic, clinic.delivery.language, address_of_link, publication.save_till)


async def _require_few(tx: Transaction, kind: Kind, address: str, most: int) -> None:
    if await recipients.sent_within_a_day(tx, kind, address) >= most:
        raise _refused(
            f"на этот адрес за сутки уже отправлено {most} (per_day)",
            f"{most} were sent to this address within a day (per_day)",
        )


def _refused(reason_ru: str, reason_en: str) -> ReceiverRefused:
    return ReceiverRefused(reason_en, server="studypub", reason_ru=reason_ru, reason_en=reason_en)
