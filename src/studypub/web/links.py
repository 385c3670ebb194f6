"""A link as it is asked for: what it opens, and what whoever opens one that is closed, or none, is told."""

from typing import Any

from litestar import Request

from studypub.core.access import Access
from studypub.core.clinics import EVERY_CLINIC
from studypub.core.publication import Publication
from studypub.errors import Sentence
from studypub.flows.open_link import Opened, open_link
from studypub.web import cookies
from studypub.web.errors import Problem
from studypub.web.guards import client_of
from studypub.web.parts import Parts

_UNKNOWN = Sentence(
    "Такой ссылки нет. Проверьте, что она скопирована целиком.",
    "There is no such link. Check that it was copied as a whole.",
)
_LOCKED = Sentence(
    "Ссылка защищена ПИН-кодом: откройте её в браузере и введите его.",
    "A PIN protects this link: open it in a browser and enter it.",
)
_CLOSED = Sentence(
    "Ссылка больше не действует: срок хранения истёк, или публикация отозвана. Обратитесь в клинику.",
    "This link no longer works: the time of storage is over, or the publication was withdrawn. Ask the clinic.",
)


async def open_asked(request: Request[Any, Any, Any], parts: Parts, token: str) -> Opened:
    """Open a link for whoever asks, with the proof that their browser has of its PIN. Raises TooManyTries.

    Nobody knows of which clinic it is before it is found: it is looked for among those of every clinic, by its secret.
    """
    proof = request.cookies.get(cookies.pin_name(parts.config.server, token), "")
    return await open_link(parts.database.seeing(EVERY_CLINIC), token, proof=proof, address=client_of(request))


def publication_behind(opened: Opened) -> Publication:
    """Return what an open link leads to.

    Raises Problem: 404 where it is unknown, 410 where it has closed, 403 where its PIN was not entered.
    """
    if opened.publication is None:
        raise Problem(404, _UNKNOWN)
    if opened.access is Access.LOCKED:
        raise Problem(403, _LOCKED)
    if opened.access is not Access.OPEN:
        raise Problem(410, _CLOSED)
    return opened.publication
