"""Writes Russian names in Latin letters, and back, the ways that documents and people do."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_PLAIN: Final = dict(zip("абвгдзиклмнопрстуф", "abvgdziklmnoprstuf", strict=True))
# Letters of neighbouring languages: Ukrainian, Belarusian, Kazakh, Tatar, Serbian.
_NEIGHBOURS: Final = {"і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "u", "ә": "a", "ө": "o", "ү": "u", "ұ": "u"} | {
    "қ": "k", "ғ": "g", "ң": "n", "һ": "h", "җ": "zh", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "ђ": "dj", "џ": "dz"
}  # fmt: skip
CYRILLIC: Final = "а-яё" + "".join(_NEIGHBOURS)

# How each way differs from the letters that all agree on.
SYSTEMS: Final[dict[str, dict[str, str]]] = {
    "icao": _PLAIN  # ICAO Doc 9303, Russian passports since 2013
    | {"е": "e", "ё": "e", "ж": "zh", "й": "i", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch"}
    | {"ъ": "ie", "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia"},
    "gost-b": _PLAIN  # GOST 7.79-2000, system B, without its apostrophes
    | {"е": "e", "ё": "yo", "ж": "zh", "й": "j", "х": "x", "ц": "c", "ч": "ch", "ш": "sh", "щ": "shh"}
    | {"ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya"},
    "gost-2006": _PLAIN  # GOST R 52535.1-2006, passports of 2010 to 2013
    | {"е": "e", "ё": "e", "ж": "zh", "й": "i", "х": "kh", "ц": "tc", "ч": "ch", "ш": "sh", "щ": "shch"}
    | {"ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "iu", "я": "ia"},
    "common": _PLAIN  # BGN/PCGN without apostrophes; what most people write
    | {"е": "e", "ё": "yo", "ж": "zh", "й": "y", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch"}
    | {"ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya"},
    "gost-b with marks": _PLAIN  # GOST 7.79-2000, system B, to the letter
    | {"е": "e", "ё": "yo", "ж": "zh", "й": "j", "х": "x", "ц": "c", "ч": "ch", "ш": "sh", "щ": "shh"}
    | {"ъ": "``", "ы": "y`", "ь": "`", "э": "e`", "ю": "yu", "я": "ya"},
    "common with marks": _PLAIN  # BGN/PCGN to the letter
    | {"е": "e", "ё": "yo", "ж": "zh", "й": "y", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch"}
    | {"ъ": "''", "ы": "y", "ь": "'", "э": "e", "ю": "yu", "я": "ya"},
    "short": _PLAIN  # as "common", but shorter: H for Х, Sch for Щ, y for ый
    | {"е": "e", "ё": "e", "ж": "zh", "й": "y", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch"}
    | {"ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya"},
    "german": _PLAIN  # what German modalities are fed
    | {"в": "w", "е": "e", "ё": "jo", "ж": "sch", "з": "s", "й": "j", "х": "ch", "ц": "z", "ч": "tsch"}
    | {"ш": "sch", "щ": "schtsch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "ju", "я": "ja"},
}
# Endings that people shorten: Юрий -> Yury, Iurii; Белый -> Bely.
ENDINGS: Final = (("ii", "y"), ("ij", "i"), ("ij", "y"), ("yj", "y"))
# Inside names: Софья -> Sofya, Sofia, Sofiya; Алексей -> Alexey; Ксения -> Xenia.
INSIDE: Final = (("ks", "x"), ("ya", "ia"), ("ia", "iya"))
# Васильев -> Vasilev, Vasilyev, Vasiliev.
_SOFTENED: Final = re.compile("ь(?=[её])")
_SOFT_SIGNS: Final = ("ь", "ы", "и")
# Евгений -> Yevgeny, Николаев -> Nikolayev.
_IOTATED: Final = re.compile("(?:^|(?<=[aeiouy]))e")

# Latin back to Russian: the longest first.
BACK: Final = (
    ("shch", "щ"), ("sch", "щ"), ("zh", "ж"), ("kh", "х"), ("ts", "ц"), ("tc", "ц"), ("ch", "ч"), ("sh", "ш"),
    ("yu", "ю"), ("iu", "ю"), ("ju", "ю"), ("ya", "я"), ("ia", "я"), ("ja", "я"), ("yo", "ё"), ("jo", "ё"),
    ("skiy", "ский"), ("sky", "ский"), ("skii", "ский"), ("x", "кс"), ("w", "в"), ("h", "х"), ("c", "к"), ("q", "к"),
    ("j", "й"), ("e", "е"), ("y", "ы"),
)  # fmt: skip
_BACK: Final = dict(BACK) | {latin: russian for russian, latin in _PLAIN.items()}
_BACK_UNITS: Final = re.compile("|".join(sorted(_BACK, key=len, reverse=True)))
_UMLAUTS: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "æ": "ae", "ø": "oe", "å": "aa", "ł": "l", "đ": "d"}


def latin(name: str) -> Iterator[str]:
    """Yield a Cyrillic or accented name in plain Latin letters, lower case, in every system."""
    lower = name.lower()
    if re.fullmatch(f"[{CYRILLIC}]+", lower):
        for table in SYSTEMS.values():
            for soft in _SOFT_SIGNS if _SOFTENED.search(lower) else _SOFT_SIGNS[:1]:
                written = "".join(
                    table.get(letter) or _NEIGHBOURS.get(letter, "") for letter in _SOFTENED.sub(soft, lower)
                )
                yield written
                yield from _shortened(written)
    elif not lower.isascii():
        yield _without_accents("".join(_UMLAUTS.get(letter, letter) for letter in lower))
        yield _without_accents(lower)


def russian(name: str) -> Iterator[str]:
    """Yield a Latin name in Russian letters, lower case, as it is most likely meant."""
    lower = name.lower()
    if lower.isascii() and lower.isalpha():
        written = _BACK_UNITS.sub(lambda unit: _BACK[unit[0]], lower)
        yield written
        if written.endswith("ы"):
            yield written[:-1] + "ий"
        yield re.sub("(?<=[аеиоуыэюя])ы", "й", written)


def _shortened(written: str) -> Iterator[str]:
    for long, short in ENDINGS:
        if written.endswith(long):
            yield written.removesuffix(long) + short
    for long, short in INSIDE:
        if long in written:
            yield written.replace(long, short)
    if _IOTATED.search(written):
        yield _IOTATED.sub("ye", written)


def _without_accents(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if not unicodedata.combining(letter))
