"""The doctor's look at the mail server: it is really connected to, and signed in at."""

import asyncio

from studypub.config import Config
from studypub.errors import Sentence, StudypubError
from studypub.mail import smtp


def check_mail(config: Config) -> tuple[bool, Sentence]:
    """Return whether mail can be handed over, and the sentence that says so. Blocks."""
    if not config.mail.host:
        return True, Sentence(
            "Почта не настроена ([mail] host): о неполадках никто не узнает из письма.",
            "Mail is not configured ([mail] host): nobody is written to when something is wrong.",
        )
    try:
        asyncio.run(smtp.greet(config.mail))
    except StudypubError as error:
        return False, error.sentence
    server = f"{config.mail.host}:{config.mail.port}"
    return True, Sentence(
        f"Почтовый сервер {server} принимает нас.",
        f"The mail server {server} lets us in.",
    )
