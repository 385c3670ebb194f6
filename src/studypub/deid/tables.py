"""Reads the Standard's tables that ship with the package (see data/README.md)."""

import csv
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple

_DATA = resources.files("studypub.deid") / "data"


class Attribute(NamedTuple):
    """A row of Table E.1-1: the action by option; "basic" is the profile without options."""

    name: str
    vr: str
    actions: dict[str, str]


class Value(NamedTuple):
    """The rule of an attribute that Table E.1-1 does not list."""

    keyword: str
    vr: str
    rule: str


class SopClass(NamedTuple):
    """A storage SOP class; `iod` is empty where the IOD holds no pixels."""

    kind: str
    iod: str
    name: str


class Entry(NamedTuple):
    """An attribute of one level of an IOD: its Type, and the number of the level below a sequence (0: none)."""

    tag: int
    type: str
    below: int


def text(name: str) -> str:
    """Return a file of the data folder."""
    return (_DATA / name).read_text("utf-8")


@cache
def confidentiality() -> dict[int, Attribute]:
    """Return Table E.1-1 by tag, without its repeating groups (curves, overlays, private), which never pass."""
    return {
        _tag(row["tag"]): Attribute(
            row["name"],
            row["vr"],
            {option: row[option] for option in row if option not in {"tag", "name", "vr"} and row[option]},
        )
        for row in rows("confidentiality.csv")
        if "x" not in row["tag"] and "g" not in row["tag"]
    }


@cache
def values() -> dict[int, Value]:
    """Return the rules of all other attributes that may pass, by tag."""
    return {_tag(row["tag"]): Value(row["keyword"], row["vr"], row["rule"]) for row in rows("values.csv")}


@cache
def retained() -> dict[int, str]:
    """Return how attributes of Table E.1-1 are checked that a profile retains or cleans, by tag."""
    return {_tag(row["tag"]): row["rule"] for row in rows("retained.csv")}


@cache
def safe_private() -> dict[tuple[str, int, int], str]:
    """Return the VR of safe private numbers, by creator, group and the element's last byte (PS3.15 E.3.10)."""
    return {
        (row["creator"], int(row["group"], 16), int(row["element"], 16)): row["vr"] for row in rows("safe_private.csv")
    }


@cache
def sop_classes() -> dict[str, SopClass]:
    """Return the storage SOP classes by UID."""
    return {row["uid"]: SopClass(row["kind"], row["iod"], row["name"]) for row in rows("sop_classes.csv")}


@cache
def iods() -> dict[str, int]:
    """Return the number of each image IOD's root level."""
    return {key: int(content) for key, content in _lines() if not key.isdigit()}


def level(number: int) -> list[Entry]:
    """Return the attributes of a level."""
    return [_entry(word) for word in _levels()[number].split()]


@cache
def _levels() -> dict[int, str]:
    return {int(key): content for key, content in _lines() if key.isdigit()}


def _lines() -> Iterator[tuple[str, str]]:
    for line in text("iods.txt").splitlines():
        if not line.startswith("#"):
            key, _, content = line.partition(" = ")
            yield key, content


def _entry(word: str) -> Entry:
    attribute, _, below = word.partition(">")
    return Entry(int(attribute[:8], 16), attribute[9:], int(below or 0))


def rows(name: str) -> Iterator[dict[str, str]]:
    """Return the rows of a table of the data folder."""
    lines = (line for line in text(name).splitlines() if not line.startswith("#"))
    return csv.DictReader(lines)


def _tag(written: str) -> int:
    return int(written.replace(",", ""), 16)
