"""Compiles a profile and an IOD to a plan: for each attribute, at each depth, the rule that decides its value."""

from functools import cache, lru_cache
from typing import Final

from pydicom.datadict import dictionary_VM

from studypub.deid import codes, tables
from studypub.deid.choices import choose
from studypub.deid.field import Field, Level
from studypub.deid.profile import Profile

_UNBOUNDED: Final = 1 << 30
_FUNCTIONAL_GROUP_POINTER: Final = 0x00209167


@lru_cache(maxsize=256)
def compile_plan(profile: Profile, iod: str) -> Level:
    """Return the root level of the plan for that profile and IOD."""
    return _level(profile, tables.iods()[iod])


@lru_cache(maxsize=4096)
def _level(profile: Profile, number: int) -> Level:
    level = Level()
    for entry in tables.level(number):
        below = _level(profile, entry.below) if entry.below else None
        level.fields[entry.tag] = _field(profile, entry, below)
    level.coded = codes.VALUES[0] in level.fields
    return level


def _field(profile: Profile, entry: tables.Entry, below: Level | None) -> Field:
    choice = choose(profile, entry)
    needed = choice.instead is None and (entry.type == "1" or entry.tag == _FUNCTIONAL_GROUP_POINTER)
    return Field(entry.tag, choice.vr, entry.type, choice.rule, choice.instead, needed, below, _vm(entry.tag))


@cache
def _vm(tag: int) -> int:
    """Return the greatest number of values that the Standard allows."""
    try:
        most = dictionary_VM(tag).rpartition("-")[2].rpartition(" ")[2]
    except KeyError:
        return 1
    return int(most) if most.isdigit() else _UNBOUNDED
