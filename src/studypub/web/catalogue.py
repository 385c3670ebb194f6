"""Reads the translations: the texts are Russian, `locale/en.po` is English, `locale/ru.po` only holds plural forms."""

from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from markupsafe import Markup

from studypub.web.language import Language

FOLDER = Path(__file__).parent / "locale"


@cache
def translations(language: Language) -> Translations:
    """Return the texts of a language."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


class Texts:
    """What templates call `_` and `ngettext`: a text of a language, with what belongs into it escaped."""

    def __init__(self, language: Language) -> None:
        self._translations = translations(language)
        self._known: dict[str, Markup] = {}

    def text(self, message: str, /, **variables: object) -> Markup:
        """Return the translation of a message."""
        found = self._known.get(message)
        if found is None:
            found = self._known[message] = Markup(self._translations.gettext(message))  # noqa: S704 - our own texts
        return found % variables if variables else found

    def plural(self, one: str, many: str, number: int, /, **variables: object) -> Markup:
        """Return the translation for that many; it may name the number itself, as `num`."""
        found = Markup(self._translations.ngettext(one, many, number))  # noqa: S704 - our own texts
        return found % {"num": number, **variables}
