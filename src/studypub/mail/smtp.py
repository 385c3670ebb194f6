"""Hands letters to the clinic's mail server, never waiting for it for long."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from typing import NamedTuple

import aiosmtplib

from studypub.config import Mail
from studypub.errors import MailRefused, MailUnavailable, RecipientRefused

_STEP_SECONDS = 20.0
_WHOLE_SECONDS = 60.0
# RFC 5321 4.2.1: 5yz is a no for good
_FOR_GOOD = 500


class Letter(NamedTuple):
    """What is written, and to whom."""

    to: Sequence[str]
    subject: str
    text: str


async def send(mail: Mail, letter: Letter) -> int:
    """Hand a letter over; return how many of its recipients the server did not take.

    Raises MailUnavailable, and MailRefused where it took none of them.
    """
    async with _connected(mail) as client:
        refused, _ = await client.send_message(_message(mail, letter))
    return len(refused)


async def greet(mail: Mail) -> None:
    """Connect, sign in, and do nothing more. Raises MailUnavailable, MailRefused."""
    async with _connected(mail) as client:
        await client.noop()


@asynccontextmanager
async def _connected(mail: Mail) -> AsyncIterator[aiosmtplib.SMTP]:
    server = f"{mail.host}:{mail.port}"
    client = aiosmtplib.SMTP(
        hostname=mail.host,
        port=mail.port,
        username=mail.user or None,
        password=mail.password or None,
        use_tls=mail.security == "smtps",
        start_tls=mail.security == "starttls",
        timeout=_STEP_SECONDS,
        tls_context=_context(mail),
    )
    try:
        async with asyncio.timeout(_WHOLE_SECONDS), client:
            yield client
    except aiosmtplib.SMTPRecipientsRefused as error:
        worst = max((each.code for each in error.recipients), default=_FOR_GOOD)
        if worst >= _FOR_GOOD:
            raise RecipientRefused(f"recipients {worst}", server=server, reason=f"SMTP {worst}") from None
        raise _refusal(server, worst, "recipients") from None
    except aiosmtplib.SMTPResponseException as error:
        raise _refusal(server, error.code, type(error).__name__) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        raise MailUnavailable(type(error).__name__, server=server, reason=_why(error)) from error


def _context(mail: Mail) -> ssl.SSLContext | None:
    if mail.security == "none":
        return None
    try:
        return ssl.create_default_context(cafile=mail.ca_certificate)
    except OSError as error:
        server = f"{mail.host}:{mail.port}"
        raise MailUnavailable("ca_certificate", server=server, reason="ca_certificate") from error


def _refusal(server: str, code: int, what: str) -> MailRefused | MailUnavailable:
    """Return what a server's answer means; its words may quote an address, so they are not repeated."""
    kind = MailRefused if code >= _FOR_GOOD else MailUnavailable
    return kind(f"{what} {code}", server=server, reason=f"SMTP {code}")


def _why(error: BaseException) -> str:
    """Return in a word what keeps us from the server: a certificate is wrong for another reason than a network."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "certificate"
        if isinstance(cause, ssl.SSLError):
            return "TLS"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _message(mail: Mail, letter: Letter) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = mail.sender, ", ".join(letter.to)
    message["Subject"] = letter.subject
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=mail.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer to it is wanted
    message.set_content(letter.text)
    return message
