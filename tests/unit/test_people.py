"""Names and passwords of accounts."""

import pytest

from studypub.core.people import name_is_acceptable, password_is_acceptable


@pytest.mark.parametrize("name", ["anna", "Анна.Иванова", "a", "reg-1", "anna@clinic.example", "x" * 64, "Ёлка_7"])
def test_names(name: str) -> None:
    assert name_is_acceptable(name)


@pytest.mark.parametrize("name", ["", " ", "anna ivanova", "a\n", "<b>", "x" * 65, "a/b", "\ud800", "a\x00", "'--"])
def test_names_that_are_refused(name: str) -> None:
    assert not name_is_acceptable(name)


@pytest.mark.parametrize(
    "password", ["correct horse battery", "тёмный лес и поле", "x" * 253 + "abc", "пароль с пробелами", "k7b2c9d4e5"]
)
def test_passwords(password: str) -> None:
    assert password_is_acceptable(password, "anna")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short-one",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "my-ANNA-2025!",
        # of the list, and words of it with something around them
        "1q2w3e4r5t6y",
        "Password12345",
        "P@ssw0rd2024!",
        "passwordpassword",
        "mama papa 2020",
        "Пароль2025!!",
        "gfhjkm123456",  # «пароль» with the other layout on
        "йцукенгшщз",
        "Наташа19851985",
        "studypub-2025",
        "Registrator1!",
        "поликлиника12",
        "x" * 254 + "abc",
        "broken \ud800 letters",
    ],
)
def test_x45_passwords_that_are_refused(password: str) -> None:
    assert not password_is_acceptable(password, "Anna")


@pytest.mark.parametrize(
    "password",
    ["пять жёлтых слонов", "日本語のパスワードです", "x9!kQ" * 40, "  blanks around it  ", "Correct-Horse-7"],
)
def test_x45_every_script_and_every_length_is_welcome(password: str) -> None:
    assert password_is_acceptable(password, "anna")


def test_a_short_name_does_not_forbid_its_letters() -> None:
    assert password_is_acceptable("correct horse battery", "a")
