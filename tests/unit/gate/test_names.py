import pytest
from tests.unit.gate.planting import finds, gate, missed, named

NAME = "Иванова^Мария^Петровна"
FORMS = [
    "Иванова^Мария^Петровна", "Иванова Мария Петровна", "Мария Петровна Иванова", "Мария Иванова",
    "Иванова, Мария", "ИВАНОВА МАРИЯ", "иванова", "Иванова М.П.", "Иванова М. П.", "Иванова МП", "М.П. Иванова",
    "М. Иванова", "И.М.Иванова", "Ивановой Марии Петровне", "Иванову", "Марию Петровну", "Петровне",
    "Иванова_Мария", "IVANOVA^MARIYA", "Ivanova M.P.", "Ivanova M P", "M.P. Ivanova", "Ivanova Maria",
    "IVANOVA, MARIIA PETROVNA", "Mariya Ivanova", "ivanova_m_p", "ИвановаМарияПетровна", "IvanovaMariya",
    "IVANOVA-MARIA",
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_name_is_found_however_it_is_written(form: str) -> None:
    assert finds(named(NAME), form)


TRANSLITERATIONS = {
    "Щербаков^Юрий": ["Shcherbakov", "Shherbakov", "Scherbakov", "Schtscherbakow", "Yuriy", "Yury", "Iurii", "Jurij"],
    "Хрущёва^Ксения": ["Khrushcheva", "Khrushchyova", "Xrushhyova", "Hruscheva", "Kseniia", "Xeniya", "Хрущева"],
    "Евгеньева^Алексей": ["Yevgenyeva", "Evgeneva", "Evgenieva", "Aleksei", "Aleksej", "Aleksey", "Alexey"],
    "Цветаев^Эльдар": ["Tsvetaev", "Cvetaev", "Tcvetaev", "Tsvetayev", "Eldar"],
    "Подъячев^Жанна": ["Podieiachev", "Podyachev", "Podiachev", "Zhanna"],
    "Ковальчук^Олексій": ["Kovalchuk", "Oleksii", "Oleksiy", "ОЛЕКСІЙ"],
    "Гайнутдинова^Әлфия": ["Gainutdinova", "Alfiya", "әлфия"],
    "Müller^Jürgen": ["Mueller", "MULLER", "Juergen", "Jurgen", "müller"],
    "Kovalevskaya^Sofya": ["Ковалевская", "КОВАЛЕВСКАЯ", "Ковалевской"],
    "Dvořák^Antonín": ["Dvorak", "DVOŘÁK", "Antonin"],
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSLITERATIONS)
def test_a_name_is_found_in_other_letters(name: str) -> None:
    assert missed(named(name), TRANSLITERATIONS[name]) == []


@pytest.mark.parametrize(
    ("name", "leaks"),
    [
        ("Ли^Ян", ["Ли Ян", "Ян Ли", "ЛИ, ЯН", "Ли Я.", "Я. Ли", "Li Yan", "LI^YAN", "Yan, Li", "Li Y."]),
        ("Цой^Виктор", ["Цой", "ЦОЙ В.Р.", "Tsoy", "Tsoi V."]),
        ("Kim^Min", ["Kim Min", "MIN^KIM", "Kim M."]),
        ("Ivanov-Petrov^Ilya", ["Ivanov", "Petrov", "ИВАНОВ", "Petrov I."]),
        ("van der Berg^Jan", ["Berg", "van der Berg", "Berg J."]),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", ["Yamada", "山田", "太郎", "やまだ"]),
        ("Smith^John7", ["john7", "John", "Smith J."]),
    ],
)
def test_short_and_manifold_names_are_found(name: str, leaks: list[str]) -> None:
    assert missed(named(name), leaks) == []


@pytest.mark.parametrize(
    ("name", "innocent"),
    [
        ("Ли^Ян", ["или", "лимфа", "ли", "Январь", "Li-ion", "SLICE", "yang"]),
        ("Kim^Min", ["MIN", "Kimono", "min IP", "MINIP"]),
        ("Лев^Роза", ["левый", "проза", "слева", "прозапад"]),
        ("Lee^Anna", ["SLEEVE", "Annapolis", "savanna"]),
        ("Иванова^Мария", ["Ивановкаград", "мариинка", "Иван"]),
        ("Anonymous^Patient", ["Patient", "anonymous", "Patient's name"]),
        ("Brown^^^Dr", ["Dr", "brownie"]),
        ("Test^12", ["test 12", "12"]),
    ],
)
def test_likenesses_are_no_names(name: str, innocent: list[str]) -> None:
    assert [text for text in innocent if finds(named(name), text)] == []


def test_a_number_inside_a_name_is_found_by_itself() -> None:
    searched = named("Ivanova^Maria 7750830849")
    assert finds(searched, "7750830849")


def test_every_person_counts() -> None:
    persons = [
        (0x00080090, "PN", "Бехтерев^Аркадий"),
        (0x00081070, "PN", "Лаврентьева^Зоя"),
        (0x00101060, "PN", "Полежаева^Нина"),
    ]
    assert missed(gate(*persons), ["Бехтерева", "Лаврентьева", "ПОЛЕЖАЕВОЙ", "Зоя"]) == []
