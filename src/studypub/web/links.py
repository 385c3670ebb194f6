"""What whoever opens a link that is closed, or none, is told."""

from studypub.core.access import Access
from studypub.core.publication import Publication
from studypub.errors import Sentence
from studypub.flows.open_link import Opened
from studypub.web.errors import Problem

_UNKNOWN = Sentence(
    "Такой ссылки нет. Проверьте, что она скопирована целиком.",
    "There is no such link. Check that it was copied as a whole.",
)
_CLOSED = Sentence(
    "Ссылка больше не действует: срок хранения истёк, или публикация отозвана. Обратитесь в клинику.",
    "This link no longer works: the time of storage is over, or the publication was withdrawn. Ask the clinic.",
)


def publication_behind(opened: Opened) -> Publication:
    """Return what an open link leads to. Raises Problem: 404 where it is unknown, 410 where it has closed."""
    if opened.publication is None:
        raise Problem(404, _UNKNOWN)
    if opened.access is not Access.OPEN:
        raise Problem(410, _CLOSED)
    return opened.publication
