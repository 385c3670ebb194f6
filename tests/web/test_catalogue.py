"""Every text of the pages has its English, nothing in the catalogues is stale, and every code has a word."""

import re
from collections.abc import Callable, Iterator

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from markupsafe import Markup

from studypub import resources
from studypub.core.people import Role
from studypub.core.publication import State
from studypub.core.rights import Right
from studypub.core.task import Origin, Status
from studypub.web import words
from studypub.web.catalogue import FOLDER, Texts, translations

Message = str | tuple[str, ...]
_SOURCES = FOLDER.parents[1]


def extracted() -> set[Message]:
    keywords = {"_": None, "ngettext": (1, 2)}
    found: set[Message] = set()
    for folder, method in ((resources.path("templates"), ("**.html", "jinja2")), (FOLDER.parent, ("**.py", "python"))):
        options = {"**.html": {"trimmed": "true"}}
        for _, _, message, _, _ in extract_from_dir(folder, [method], options_map=options, keywords=keywords):
            found.add(message if isinstance(message, str) else tuple(map(str, message)))
    return found


def catalogue(language: str) -> Catalog:
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def messages(language: str) -> set[Message]:
    ids = (message.id for message in catalogue(language) if message.id)
    return {one if isinstance(one, str) else tuple(map(str, one)) for one in ids}


def test_english_has_every_text_and_no_stale_one() -> None:
    assert messages("en") == extracted()


def test_russian_has_the_plurals_alone() -> None:
    assert messages("ru") == {message for message in extracted() if isinstance(message, tuple)}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_translations_are_whole_and_keep_their_places(language: str) -> None:
    for message in catalogue(language):
        if message.id:
            texts = [str(text) for text in (message.string if isinstance(message.string, tuple) else [message.string])]
            singular = str(message.id if isinstance(message.id, str) else message.id[0])
            for text in texts:
                assert text not in {"", "None"}
                assert not message.fuzzy
                assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", singular)), text
            assert language == "ru" or not re.search("[а-яё]", "".join(texts), re.IGNORECASE)


@pytest.mark.parametrize(
    ("language", "number", "text"),
    [
        ("ru", 1, "изображение"),
        ("ru", 3, "изображения"),
        ("ru", 11, "изображений"),
        ("ru", 21, "изображение"),
        ("en", 1, "image"),
        ("en", 21, "images"),
    ],
)
def test_plurals(language: str, number: int, text: str) -> None:
    words_ = translations("ru" if language == "ru" else "en")
    assert words_.ungettext("%(num)s изображение", "%(num)s изображений", number) == f"%(num)s {text}"


def test_every_code_has_a_word_and_a_shape() -> None:
    shapes = (resources.path("templates") / "_icons.html").read_text("utf-8")
    for status in Status:
        assert words.status(status)
        assert f'"{words.status_shape(status)}":' in shapes
    for state in State:
        assert words.state(state)
        assert f'"{words.state_shape(state)}":' in shapes
    assert all(words.role(role) for role in Role)
    assert {value for value, _, _ in words.rights()} == set(Right)
    assert all(words.origin(origin) for origin in Origin)
    for _, name in words.columns():
        assert name


@pytest.mark.parametrize("word", [words.event, words.action, words.detail])
def test_a_name_without_a_word_stays_itself_and_is_no_markup(word: Callable[[str], str]) -> None:
    assert word("study.lent") == "study.lent"
    assert word("<i>") == "&lt;i&gt;"


def test_every_audited_action_has_a_word() -> None:
    pattern = r'"((?:task|study|studies|audit|user|apikey|setting|backup)\.(?!zip|html|view)\w+)"'
    actions = {action for text in _flows() for action in re.findall(pattern, text)}
    assert "study.withdrawn" in actions
    assert {action for action in actions if words.action(action) == action} == set()


def _flows() -> Iterator[str]:
    folders = (_SOURCES / "flows", _SOURCES / "web/pages")
    return (file.read_text("utf-8") for folder in folders for file in folder.glob("*.py"))


def test_modalities_in_words() -> None:
    assert words.modalities(["CT", "PT", "CT"]) == ["Компьютерная томография", "Позитронно-эмиссионная томография"]
    assert words.modalities(["SEG", "MR"]) == ["Магнитно-резонансная томография"]
    assert words.modalities(["SEG"]) == words.modalities([]) == ["Медицинские снимки"]


def test_what_belongs_into_a_text_is_escaped_once() -> None:
    texts = Texts("ru")
    assert texts.text("сегодня") == "сегодня"
    assert texts.text("Уже в очереди: %(status)s", status="<i>&amp;") == "Уже в очереди: &lt;i&gt;&amp;amp;"
    assert texts.text("Уже в очереди: %(status)s", status=Markup("<i>")) == "Уже в очереди: <i>"
    assert texts.plural("%(num)s изображение", "%(num)s изображений", 2) == "2 изображения"
