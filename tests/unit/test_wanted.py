"""When a study is whole, and what is asked for until it is."""

import pytest

from studypub.core.finding import ListedInstance
from studypub.core.wanted import Contents, Wanted, missing

STUDY, CT = "1.2", "1.2.840.10008.5.1.4.1.1.2"


def contents(listed: str | None, counted: int | None) -> Contents:
    """Read "a1 a2 b1" as instances 1 and 2 of series a and instance 1 of series b."""
    if listed is None:
        return Contents(None, counted)
    return Contents(tuple(ListedInstance(name, CT, name[0]) for name in listed.split()), counted)


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


@pytest.mark.parametrize(
    ("listed", "counted", "arrived", "whole", "received", "number"),
    [
        ("a1 a2", 2, "a1 a2", True, 2, 2),
        ("a1 a2", 2, "a1", False, 1, 2),
        ("a1 a2", 2, "", False, 0, 2),
        ("a1 a2", None, "a1 a2", True, 2, 2),
        ("a1 a2", 1, "a1 a2", True, 2, 2),  # it counts too few
        ("a1 a2", 1, "a1", False, 1, 2),
        ("a1 a2", None, "a1 a2 a3", True, 2, 2),  # a3 is none of the study
        ("a1 a2", 3, "a1 a2", False, 2, 3),  # its list is cut short
        ("a1 a2", 3, "a1 a2 a3", True, 3, 3),
        ("a1 a2", 3, "a1 a3 a4", False, 3, 3),
        ("a1 a2", 3, "a1 a2 a3 a4", False, 4, 3),
        (None, 2, "a1 a2", True, 2, 2),
        (None, 2, "a1", False, 1, 2),
        (None, 2, "a1 a2 a3", False, 3, 2),
        (None, None, "a1 a2", False, 2, None),
        (None, 0, "", False, 0, 0),
    ],
)
def test_whole(
    listed: str | None, counted: int | None, arrived: str, *, whole: bool, received: int, number: int | None
) -> None:
    said, here = contents(listed, counted), names(arrived)
    assert (said.is_whole(here), said.received(here), said.number) == (whole, received, number)


@pytest.mark.parametrize(
    ("listed", "counted", "arrived", "chosen"),
    [("a1 a2", 2, "a1 a2 x1", "a1 a2"), ("a1", 2, "a1 a2", "a1 a2"), (None, 2, "a1 a2", "a1 a2")],
)
def test_chosen(listed: str | None, counted: int, arrived: str, chosen: str) -> None:
    assert contents(listed, counted).chosen(names(arrived)) == names(chosen)


@pytest.mark.parametrize(
    ("listed", "arrived", "asked"),
    [
        ("a1 a2", "", [Wanted(STUDY)]),
        ("a1 a2", "x1", [Wanted(STUDY)]),
        ("a1 a2 b1", "a1 a2", [Wanted(STUDY, "b")]),
        ("a1 a2 b1", "a1 b1", [Wanted(STUDY, "a", ("a2",))]),
        ("a1 a2 a3 b1 b2", "a2 b1", [Wanted(STUDY, "a", ("a1", "a3")), Wanted(STUDY, "b", ("b2",))]),
        ("a1 a1 a2", "a2", [Wanted(STUDY, "a", ("a1",))]),  # listed twice
        ("a1 a2", "a1 a2", [Wanted(STUDY)]),  # by its count there must be more
        (None, "a1", [Wanted(STUDY)]),
    ],
)
def test_missing(listed: str | None, arrived: str, asked: list[Wanted]) -> None:
    assert missing(STUDY, contents(listed, None), names(arrived)) == asked


def test_missing_by_series() -> None:
    said = contents("a1 a2 b1", None)
    assert missing(STUDY, said, names("a1 b1"), whole_series=True) == [Wanted(STUDY, "a")]


def test_many_are_asked_for_in_portions() -> None:
    said = contents(" ".join(f"a{number}" for number in range(250)), None)
    asked = missing(STUDY, said, names("a0"))
    assert [len(wanted.sop_instance_uids) for wanted in asked] == [100, 100, 49]
    assert {wanted.level for wanted in asked} == {"IMAGE"}
    assert frozenset().union(*(wanted.sop_instance_uids for wanted in asked)) == said.uids - {"a0"}


def test_levels() -> None:
    assert [one.level for one in (Wanted("1"), Wanted("1", "2"), Wanted("1", "2", ("3",)))] == [
        "STUDY",
        "SERIES",
        "IMAGE",
    ]
