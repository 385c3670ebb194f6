"""Chooses the language of an answer."""

from typing import Any, Literal

from litestar.connection import ASGIConnection

Language = Literal["ru", "en"]
COOKIE = "lang"


def language_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Language:
    """Return what the reader chose (a cookie), else what their program prefers, else Russian."""
    chosen = connection.cookies.get(COOKIE)
    if chosen == "ru":
        return "ru"
    if chosen == "en":
        return "en"
    return preferred(connection.headers.get("accept-language", ""))


def preferred(accept_language: str) -> Language:
    """Return the language that an Accept-Language header prefers (RFC 9110 12.5.4); Russian where it does not say."""
    weights = {"ru": 0.0, "en": 0.0}
    for part in accept_language.split(","):
        tag, _, parameter = part.strip().lower().partition(";")
        language = tag.strip().partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _weight(parameter))
    return "en" if weights["en"] > weights["ru"] else "ru"


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
