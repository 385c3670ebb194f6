"""Compiles a profile and an IOD to a plan: for each attribute, at each depth, the rule that decides its value."""

from functools import cache, lru_cache
from typing import Final

from pydicom.datadict import dictionary_VM, dictionary_VR

from studypub.deid import codes, measures, replacements, tables, terms
from studypub.deid.field import Field, Level, Rule, removed
from studypub.deid.profile import Profile

_UNBOUNDED: Final = 1 << 30
_PATIENT_NAME: Final = 0x00100010
_PATIENT_ID: Final = 0x00100020
_BURNED_IN_ANNOTATION: Final = 0x00280301
_MODALITY: Final = 0x00080060
_WINDOW_EXPLANATION: Final = 0x00281055
_CODE_ELEMENTS: Final = frozenset({*codes.VALUES, codes.SCHEME, codes.MEANING})

# Keys that other attributes refer to, and names that must differ: renumbered within the instance.
_NUMBERED: Final = {
    0x00182002: b"", 0x00182006: b"", 0x00209056: b"", 0x00480106: b"", 0x00189047: b"", 0x30020052: b"",
    0x00620005: b"SEGMENT ",
}  # fmt: skip
_TRACKING_ID: Final = 0x00620020


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
    level.coded = codes.SCHEME in level.fields
    return level


def _field(profile: Profile, entry: tables.Entry, below: Level | None) -> Field:
    row = tables.confidentiality().get(entry.tag)
    value = tables.values().get(entry.tag)
    fallback, needed = _fallback(entry)
    if row is not None:
        vr = row.vr or _vr(entry.tag)
        rule = _by_table(profile.action(row.actions), entry)
        if rule is removed and entry.type == "1" and vr in {"DA", "DT", "TM"}:
            fallback, needed = replacements.dummy(vr), False
        if rule is removed and entry.type == "2C":
            fallback = None
    elif value is not None:
        vr = value.vr
        rule, neutral = _by_value(value, entry)
        if neutral is not None and entry.type in {"1", "1C"}:
            fallback, needed = neutral, False
    else:
        vr, rule = _vr(entry.tag), removed
    return Field(entry.tag, vr, entry.type, rule, fallback, needed, below, _vm(entry.tag))


def _fallback(entry: tables.Entry) -> tuple[bytes | None, bool]:
    """Return what stands for a value that may not pass: nothing, an empty value, or the loss of the item."""
    if entry.type in {"2", "2C"}:
        return b"", False
    return None, entry.type == "1"


def _by_table(action: str, entry: tables.Entry) -> Rule:
    """Return the rule for an action of Table E.1-1; a compound one is resolved by the Type (PS3.15 E.3)."""
    if entry.tag in {_PATIENT_NAME, _PATIENT_ID}:
        return replacements.patient
    if action == "U":
        return replacements.mapped_uid
    if action == "X/Z/U*":
        return kept
    return {"X": removed, "Z": replacements.emptied, "D": replacements.dummied}[_resolve(action, entry.type)]


def _resolve(action: str, type_: str) -> str:
    """Return X for Type 3, Z for Type 2, D for Type 1, as far as the action offers them; else the stricter one."""
    if action == "Z" and type_ in {"1", "1C"}:
        return "D"
    order = {"3": "XZD", "2": "ZDX", "2C": "ZDX", "1": "DZX", "1C": "DZX"}[type_]
    return next(letter for letter in order if letter in action.split("/"))


def _by_value(value: tables.Value, entry: tables.Entry) -> tuple[Rule, bytes | None]:
    """Return the rule of an attribute outside Table E.1-1, and what may stand for a value it refuses."""
    name, _, argument = value.rule.partition(":")
    if name == "numeric":
        return _numeric(value.vr), replacements.dummy(value.vr)
    if name == "enumerated":
        return _enumerated(argument, entry)
    if name == "uid_map":
        return replacements.mapped_uid, None
    if name == "new_value":
        return _new_value(value, entry)
    if name == "code_only":
        return (kept, None) if value.vr == "SQ" else (removed, None)
    return {"UI": terms.registered, "AT": terms.pointers}.get(value.vr, kept), None


def _numeric(vr: str) -> Rule:
    if vr in {"DS", "IS"}:
        return measures.decimals
    return measures.table if vr in {"OW", "OF", "US or OW"} else measures.binary


def _enumerated(argument: str, entry: tables.Entry) -> tuple[Rule, bytes | None]:
    if argument.startswith("/"):
        return terms.pattern(argument.strip("/")), None
    if argument.startswith("1="):
        positions = [terms.Terms(part.partition("=")[2].split("|")) for part in argument.split(";")]
        return terms.by_position(positions), b"DERIVED\\SECONDARY\\OTHER\\NONE"
    known = terms.Terms(argument.split("|"))
    rule = terms.one_of(known, all_or_none=entry.tag == _WINDOW_EXPLANATION)
    neutral = b"OT" if entry.tag == _MODALITY else known.neutral(entry.type)
    return rule, neutral


def _new_value(value: tables.Value, entry: tables.Entry) -> tuple[Rule, bytes | None]:
    if entry.tag in _NUMBERED:
        return replacements.numbered(_NUMBERED[entry.tag]), None
    if entry.tag == _TRACKING_ID:
        return replacements.labelled, None
    if entry.tag == _BURNED_IN_ANNOTATION and entry.type in {"1", "1C"}:
        return terms.one_of(terms.Terms(["YES", "NO"]), all_or_none=True), b"YES"
    if entry.type in {"1", "1C"} and value.vr != "SQ":
        return replacements.dummied, None
    return removed, None


def kept(_field: Field, value: bytes, _source: object, _context: object) -> bytes | None:
    """Keep a sequence: each attribute inside goes by its own rule."""
    return value


def _vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


@cache
def _vm(tag: int) -> int:
    """Return the greatest number of values that the Standard allows."""
    try:
        most = dictionary_VM(tag).rpartition("-")[2].rpartition(" ")[2]
    except KeyError:
        return 1
    return int(most) if most.isdigit() else _UNBOUNDED
