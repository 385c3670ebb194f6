"""Makes bytes as images have them, at the levels where letters and digits lie, and patients for them to miss."""

import random
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_FAMILIES: Final = """
Иванов Смирнов Кузнецов Попов Васильев Петров Соколов Михайлов Новиков Фёдоров Морозов Волков Алексеев
Лебедев Семёнов Егоров Павлов Козлов Степанов Николаев Орлов Андреев Макаров Никитин Захаров Зайцев Соловьёв
Борисов Яковлев Григорьев Романов Воробьёв Сергеев Кузьмин Фролов Александров Дмитриев Королёв Гусев Киселёв
Ильин Ким Максимов Поляков Сорокин Виноградов Ковалёв Белов Медведев Антонов Тарасов Жуков Баранов Филиппов
Комаров Пак Давыдов Беляев Герасимов Богданов Осипов Сидоров Матвеев Титов Марков Миронов Крылов Куликов
Карпов Власов Ли Мельников Денисов Гаврилов Тихонов Казаков Афанасьев Данилов Савельев Тимофеев Фомин Чернов
Абрамов Цой Хан Мартынов Ефимов Федотов Щербаков Назаров Калинин Исаев Чернышёв Быков Маслов Родионов
Коновалов Лазарев Бах Воронин Климов Филатов Пономарёв Голубев Кудрявцев Прохоров Наумов Потапов Журавлёв
Овчинников Трофимов Рудь
"""
_GIVEN: Final = """
Мария Анна Елена Ольга Наталья Екатерина Татьяна Ирина Светлана Юлия Вера Нина Зоя Лидия Яна Майя Ия Ева
Роза Иван Сергей Дмитрий Алексей Андрей Юрий Лев Ян Пётр Илья Артём Роман Марк Максим Глеб Олег Игорь Тимур
Денис
"""
_FATHERS: Final = """
Иванович Петровна Сергеевич Юрьевна Львович Ильинична Аркадьевич Павловна Андреевич Фёдоровна
"""


def person(rng: random.Random) -> str:
    """Return somebody's name."""
    family = rng.choice(_FAMILIES.split())
    female = family + "а" if family.endswith(("ов", "ев", "ёв", "ин")) and rng.random() < 0.5 else family
    parts = (female, rng.choice(_GIVEN.split()), rng.choice(_FATHERS.split()))
    if rng.random() < 0.2:
        parts = (rng.choice(("Smith", "Müller", "Kovalenko", "Nguyen", "Lee")), rng.choice(("Anna", "Max", "Li")), "")
    return "^".join(parts).rstrip("^")


def _bytes(samples: npt.NDArray[np.float64], kind: str) -> Bytes:
    low, high = (0, 255) if kind == "<u1" else (0, 65535)
    return np.clip(np.rint(samples), low, high).astype(kind).view(np.uint8)


def _normal(mean: float, deviation: float, kind: str) -> Callable[[np.random.Generator, int], Bytes]:
    return lambda rng, size: _bytes(rng.normal(mean, deviation, size // int(kind[-1])), kind)


def _smooth(rng: np.random.Generator, size: int) -> Bytes:
    noise = np.convolve(rng.normal(0, 1, size + 8), np.hanning(9)[1:-1], "same")[:size]
    return _bytes(110 + 12 * noise, "<u1")


def _walk(rng: np.random.Generator, size: int) -> Bytes:
    steps = np.cumsum(rng.normal(0, 6, size))
    return _bytes(128 + 127 * np.sin(steps / 160), "<u1")


def _colours(rng: np.random.Generator, size: int) -> Bytes:
    grey = rng.normal(105, 9, size // 3)
    return _bytes(np.stack([grey + 40, grey, grey - 8 + rng.normal(0, 2, size // 3)], axis=1).ravel(), "<u1")


def _steps(rng: np.random.Generator, size: int) -> Bytes:
    """Return ramps, as test images, palettes and lookup tables have them."""
    return np.cumsum(np.repeat(rng.integers(-2, 3, size // 16 + 1), 16)[:size]).astype(np.uint8)


KINDS: Final[dict[str, tuple[int, Callable[[np.random.Generator, int], Bytes]]]] = {
    "digits in dark grey": (8, _normal(52, 3, "<u1")),
    "Latin letters in grey": (8, _normal(109, 7, "<u1")),
    "Latin letters of both cases": (8, _normal(93, 17, "<u1")),
    "cp1251 in light grey": (8, _normal(236, 9, "<u1")),
    "koi8-r in light grey": (8, _normal(208, 9, "<u1")),
    "Russian UTF-16 in soft tissue": (16, _normal(1078, 11, "<u2")),
    "Russian UTF-16 in noisy soft tissue": (16, _normal(1070, 25, "<u2")),
    "Latin UTF-16 in air": (16, _normal(105, 8, "<u2")),
    "noise over the whole range of 16 bits": (16, _normal(25000, 3000, "<u2")),
    "smooth grey": (8, _smooth),
    "wandering grey": (8, _walk),
    "colours": (8, _colours),
    "ramps": (8, _steps),
}
"""Name -> bits of a sample and how to make that many bytes."""


def uniform(rng: np.random.Generator, size: int) -> Bytes:
    """Return what well compressed data look like."""
    return rng.integers(0, 256, size, dtype=np.uint8)
