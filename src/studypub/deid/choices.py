"""Chooses for an attribute the rule that decides its value: by Table E.1-1, by the value rules, by its Type."""

from typing import Final, NamedTuple

from pydicom.datadict import dictionary_VR

from studypub.deid import dates, descriptors, dimensions, icc, measures, replacements, tables, terms
from studypub.deid.field import Rule, kept, removed
from studypub.deid.profile import Profile

_PATIENT_NAME: Final = 0x00100010
_PATIENT_ID: Final = 0x00100020
_BURNED_IN_ANNOTATION: Final = 0x00280301
# Modality: other; RescaleType and ModalityLUTType: unspecified (PS3.3 C.7.3.1.1.1, C.11.1.1.2). What is rescaled has a
# type, also in an object of an IOD that does not know of it.
_UNSPECIFIED: Final = {0x00080060: b"OT", 0x00281054: b"US", 0x00283004: b"US"}
_ICC_PROFILE: Final = 0x00282000
_DIMENSION_INDEX_VALUES: Final = 0x00209157
_WINDOW_EXPLANATION: Final = 0x00281055
# Of animals, whose owners are people: without the species nothing else is demanded (PS3.3 C.7.1.1). And versions of
# context groups, which are dates that mean nothing once the group is not named.
_NEVER: Final = frozenset(
    {0x00102201, 0x00102202, 0x00102210, 0x00102292, 0x00102293, 0x00102294, 0x00080106, 0x00080107}
)
# Write nothing of what was received.
_SAFE_ALREADY: Final = frozenset({replacements.emptied, replacements.dummied, replacements.patient})
_PIXELS: Final = 0x7FE0
_TEMPORAL: Final = frozenset({"DA", "TM", "DT"})

# Keys that other attributes refer to, and names that must differ: renumbered within the instance.
_NUMBERED: Final = {
    0x00182002: b"", 0x00182006: b"", 0x00209056: b"", 0x00480106: b"", 0x00189047: b"", 0x30020052: b"",
    0x00620005: b"SEGMENT ",
}  # fmt: skip
_SEGMENT_LABEL: Final = 0x00620005
_TRACKING_ID: Final = 0x00620020


class Choice(NamedTuple):
    """A rule, the VR it works on, and what is written where it refuses a value (None: nothing)."""

    vr: str
    rule: Rule
    instead: bytes | None


def choose(profile: Profile, entry: tables.Entry) -> Choice:
    """Return the rule for an attribute at its place in an IOD."""
    row = tables.confidentiality().get(entry.tag)
    value = tables.values().get(entry.tag)
    vr = (row and row.vr) or (value and value.vr) or _vr(entry.tag)
    if entry.tag in _NEVER or entry.tag >> 16 == _PIXELS:
        return Choice(vr, removed, None)
    if row is not None:
        rule, instead = _by_table(profile.action(entry.tag, row.actions), row, entry, vr)
    elif value is not None:
        rule, instead = _unlisted(profile, value, entry)
    else:
        rule, instead = removed, None
    if entry.tag in profile.removals and rule not in _SAFE_ALREADY:
        must_be_there = entry.type in {"1", "1C"} and vr != "SQ"
        rule, instead = removed, (instead or replacements.dummy(vr, entry.tag)) if must_be_there else None
    may_be_empty = entry.type == "2" or (entry.type == "2C" and not (row and rule is removed))
    return Choice(vr, rule, b"" if instead is None and may_be_empty else instead)


def _unlisted(profile: Profile, value: tables.Value, entry: tables.Entry) -> tuple[Rule, bytes | None]:
    """Return the rule of an attribute outside Table E.1-1, and what stands for a value that it refuses."""
    if entry.tag == _DIMENSION_INDEX_VALUES:
        return dimensions.index_values, None
    cleans = "clean_descriptors" in profile.options
    if value.rule == "descriptor" and not cleans:
        return removed, None
    rule, instead = _by_value(value.rule, value.vr, entry)
    return (descriptors.descriptor(otherwise=rule) if cleans and entry.tag == _SEGMENT_LABEL else rule), instead


def _by_table(action: str, row: tables.Attribute, entry: tables.Entry, vr: str) -> tuple[Rule, bytes | None]:
    """Return the rule for an action of Table E.1-1, and what stands for a value that it refuses."""
    if action in {"K", "C"}:
        return _retained(row, entry, vr)
    if entry.tag in {_PATIENT_NAME, _PATIENT_ID}:
        return replacements.patient, None
    if action == "U":
        return replacements.mapped_uid, None
    if action == "X/Z/U*":
        return kept, None
    letter = _resolve(action, entry.type)
    if letter == "X":
        must_be_valid = entry.type == "1" and vr in _TEMPORAL
        return removed, replacements.dummy(vr, entry.tag) if must_be_valid else None
    return {"Z": replacements.emptied, "D": replacements.dummied}[letter], None


def _retained(row: tables.Attribute, entry: tables.Entry, vr: str) -> tuple[Rule, bytes | None]:
    """Return the rule that retains or cleans; without one, and for values it refuses, the basic action holds."""
    basic, instead = _by_table(row.actions["basic"], row, entry, vr)
    if basic is not removed and vr != "SQ":
        instead = b"" if basic is replacements.emptied else replacements.dummy(vr, entry.tag)
    if vr in _TEMPORAL:
        return dates.shifted, instead
    rule = tables.retained().get(entry.tag)
    if rule is None:
        return basic, instead
    return _by_value(rule, vr, entry)[0], instead


def _resolve(action: str, type_: str) -> str:
    """Return X for Type 3, Z for Type 2, D for Type 1, as far as the action offers them; else the stricter one."""
    if action == "Z" and type_ in {"1", "1C"}:
        return "D"
    order = {"3": "XZD", "2": "ZDX", "2C": "ZDX", "1": "DZX", "1C": "DZX"}[type_]
    return next(letter for letter in order if letter in action.split("/"))


def _by_value(written: str, vr: str, entry: tables.Entry) -> tuple[Rule, bytes | None]:
    """Return the rule as the tables name it, and what stands for a value that it refuses."""
    name, _, argument = written.partition(":")
    if name == "enumerated":
        rule, neutral = _enumerated(argument, entry)
        must_say = entry.type in {"1", "1C"} or entry.tag in _UNSPECIFIED
        return rule, neutral if must_say else None
    if name == "new_value":
        return _new_value(vr, entry)
    rules: dict[str, Rule] = {
        "numeric": _numeric(vr),
        "uid_map": replacements.mapped_uid,
        "code_only": kept if vr == "SQ" else removed,
        "pass": {"UI": terms.registered, "AT": terms.pointers}.get(vr, kept),
        "kept": kept,
        "age": dates.age,
        "descriptor": descriptors.descriptor(argument),
    }
    # A lookup table that is made up would show another image.
    must_be_valid = name == "numeric" and entry.type in {"1", "1C"} and entry.tag not in measures.LOOKUP_TABLES
    return rules[name], replacements.dummy(vr, entry.tag) if must_be_valid else None


def _numeric(vr: str) -> Rule:
    if vr in {"DS", "IS"}:
        return measures.decimals
    if vr == "OF":
        return measures.floats
    return measures.table if vr in {"OW", "US or OW"} else measures.binary


def _enumerated(argument: str, entry: tables.Entry) -> tuple[Rule, bytes | None]:
    if argument.startswith("/"):
        return terms.pattern(argument.strip("/")), replacements.WORDS.get(entry.tag)
    if argument.startswith("1="):
        positions = [terms.Terms(part.partition("=")[2].split("|")) for part in argument.split(";")]
        return terms.by_position(positions), b"DERIVED\\SECONDARY\\OTHER\\NONE"
    known = terms.Terms(argument.split("|"))
    rule = terms.one_of(known, all_or_none=entry.tag == _WINDOW_EXPLANATION)
    return rule, _UNSPECIFIED.get(entry.tag) or known.neutral()


def _new_value(vr: str, entry: tables.Entry) -> tuple[Rule, bytes | None]:
    if entry.tag in _NUMBERED:
        return replacements.numbered(_NUMBERED[entry.tag]), None
    if entry.tag == _TRACKING_ID:
        return replacements.labelled, None
    if entry.tag == _ICC_PROFILE:
        return icc.rebuilt, icc.srgb() if entry.type in {"1", "1C"} else None
    if entry.type not in {"1", "1C"} or vr == "SQ":
        return removed, None
    if entry.tag == _BURNED_IN_ANNOTATION:
        return terms.one_of(terms.Terms(["YES", "NO"]), all_or_none=True), b"YES"
    return replacements.dummied, None


def _vr(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"
