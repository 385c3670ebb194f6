from pathlib import Path

import numpy as np
import pytest
from tests.unit.pixels import burned_in

from studypub.pixels import text
from studypub.pixels.known import Known
from studypub.pixels.text import CannotRead, Page, words


@pytest.fixture
def no_tesseract(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture(autouse=True)
def asked_anew() -> None:
    text.can_read.cache_clear()


@pytest.mark.parametrize("written", ["KUZNETSOVA", "Щукина", "4471902", "12.05.1964"])
def test_a_word_is_read_where_it_stands(written: str, tmp_path: Path) -> None:
    planted = burned_in.Planted(written, height=14, x=0.4, y=0.6)
    picture, letters = burned_in.plant(burned_in.black(120, 300), planted)
    [found] = words([Page(np.invert(picture), 2)], tmp_path)
    [word] = found
    assert word.text == written
    assert word.confidence > 80
    y, x = np.nonzero(letters)
    box = word.box
    assert (abs(box.x - x.min()), abs(box.y - y.min())) < (3, 3)
    assert (abs(box.x + box.width - x.max()), abs(box.y + box.height - y.max())) < (4, 4)
    assert not list(tmp_path.iterdir())


def test_each_page_has_its_words_in_pixels_of_the_frame(tmp_path: Path) -> None:
    pictures = [
        burned_in.plant(burned_in.black(60, 200), burned_in.Planted(name, height=h, x=0.5, y=0.5))[0]
        for name, h in (("PETROVA", 12), ("Smirnov", 30))
    ]
    empty = Page(np.full((50, 50), 255, np.uint8))
    pages = [Page(np.invert(pictures[0]), 3, 1000, 2000), empty, Page(np.invert(pictures[1]), 1)]
    first, second, third = words(pages, tmp_path)
    assert [word.text for word in first] == ["PETROVA"]
    assert second == []
    assert [word.text for word in third] == ["Smirnov"]
    assert 1000 < first[0].box.x < 1200
    assert 2000 < first[0].box.y < 2060


@pytest.mark.usefixtures("no_tesseract")
def test_without_tesseract_nothing_can_be_read(tmp_path: Path) -> None:
    assert not text.can_read()
    with pytest.raises(CannotRead):
        words([Page(np.zeros((9, 9), np.uint8))], tmp_path)


@pytest.mark.parametrize(("languages", "can"), [("eng\nosd", False), ("eng\nrus", True)])
def test_both_languages_must_be_there(
    languages: str, can: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "tesseract"
    program.write_text(f"#!/bin/sh\nprintf 'List of available languages:\\n{languages}\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert text.can_read() is can


def test_a_tesseract_that_fails_is_no_reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "tesseract"
    program.write_text("#!/bin/sh\n[ \"$1\" = --list-langs ] && printf 'eng\\nrus\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotRead):
        words([Page(np.zeros((9, 9), np.uint8))], tmp_path)


@pytest.mark.parametrize(
    ("known", "word"),
    [
        ("Иванов^Иван", "ИВАНОВ"),
        ("ФЁДОРОВ", "Федоров"),
        ("КОВРОВ", "KOBPOB"),  # Latin letters that look Cyrillic
        ("4471902", "447I9O2"),
        ("KUZNETSOVA^OLGA", "KUZNETSOVA^OLGA"),
        ("KUZNETSOVA^OLGA", "KUZNETS0VA,"),
        ("KUZNETSOVA", "KUZNCTSOVA"),
        ("19640512", "12.05.1964"),
        ("19640512", "1964-05-12"),
        ("АБ-118274", "№АБ-118274"),
    ],
)
def test_an_identifier_is_known_however_it_was_read(known: str, word: str) -> None:
    assert Known([known]).names(word)


@pytest.mark.parametrize(
    ("known", "word"),
    [
        ("Иванов^Иван", "Петров"),
        ("19640512", "1964"),
        ("4471902", "4482913"),
        ("Ли", "Лимфа"),
        ("", "x"),
        ("Ким", "Кит"),
    ],
)
def test_another_word_is_not(known: str, word: str) -> None:
    assert not Known([known]).names(word)
