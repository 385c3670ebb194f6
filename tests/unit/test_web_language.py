"""Which language an answer is in."""

import pytest

from studypub.web.language import preferred


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        ("", "ru"),
        ("*", "ru"),
        ("de", "ru"),
        ("en", "en"),
        ("EN-us", "en"),
        ("ru", "ru"),
        ("ru,en", "ru"),
        ("en,ru", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.8", "en"),
        ("en;q=0.5,ru;q=0.8", "ru"),
        ("en;q=0", "ru"),
        ("ru;q=0,en;q=0.1", "en"),
        ("en;q=nonsense", "ru"),
        ("en;q=nan", "ru"),
        ("en;q=1e9,ru", "ru"),
        (";;;,,,=", "ru"),
    ],
)
def test_russian_unless_english_is_preferred(accept_language: str, language: str) -> None:
    assert preferred(accept_language) == language
