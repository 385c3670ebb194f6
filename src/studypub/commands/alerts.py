"""Mails about what is wrong."""

import argparse
import asyncio

from studypub.commands.console import configuration
from studypub.commands.language import language
from studypub.core import alert_words
from studypub.errors import Refused, Sentence
from studypub.mail import smtp
from studypub.mail.smtp import Letter


def test(options: argparse.Namespace) -> int:
    """Send one for trial. Raises Refused where nobody is to be written to, MailUnavailable, MailRefused."""
    settings = configuration(options)
    if not settings.alerts.to:
        raise Refused(
            reason_ru="Писать некому: в настройках пусто alerts.to.",
            reason_en="There is nobody to write to: alerts.to is empty in the configuration.",
        )
    chosen = settings.alerts.language
    subject, text = alert_words.trial(settings.server.base_url)
    written = Letter(settings.alerts.to, getattr(subject, chosen), getattr(text, chosen))
    refused = asyncio.run(smtp.send(settings.mail, written))
    words = Sentence("Отправлено, получателей: {sent}, не принято: {refused}", "Sent to {sent}, refused: {refused}")
    print(getattr(words.filled(sent=len(settings.alerts.to) - refused, refused=refused), language()))
    return 1 if refused else 0
