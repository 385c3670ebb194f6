"""Reads the translations: the texts are Russian, `locale/en.po` is English, `locale/ru.po` only holds plural forms."""

from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

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
