"""Writes a new data set from what the plan lets pass, at every depth; nothing else of the original is looked at."""

from typing import Final

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from studypub.deid import codes, elements, encode, private, replacements
from studypub.deid.elements import Element
from studypub.deid.field import Context, Field, Level, kept, removed

# Their items stand for frames: none may go (PS3.3 C.7.6.16).
FUNCTIONAL_GROUPS: Final = frozenset({0x52009229, 0x52009230})
# Of a person, either the institution's name or its code must be there (PS3.3 Table 10-1).
_INSTITUTION: Final = ("1C", 0x00080080)
_CODE_ELEMENTS: Final = frozenset({*codes.VALUES, codes.SCHEME, codes.MEANING})

Written = dict[BaseTag, Element]


def rewrite(source: Dataset, level: Level, context: Context) -> tuple[Written, bool]:
    """Return the new elements of one level, and whether it is still valid (False: a Type 1 attribute was lost)."""
    target: Written = {}
    whole = True
    fields = level.fields
    for element in source.values():
        field = fields.get(int(element.tag))
        if field is None:
            continue
        new = value_of(field, element, source, context)
        if new is not None:
            target[new.tag] = new
        elif field.needed and not (level.coded and element.tag in _CODE_ELEMENTS):
            whole = False
    if context.safe_private:
        target.update(private.safe(source, context))
    if level.coded:
        whole = _code(source, target) and whole
    return target, whole


def value_of(field: Field, element: Element, source: Dataset, context: Context) -> Element | None:
    """Return what is written for one element, None where nothing is."""
    write = _sequence if field.vr == "SQ" else _value
    return write(field, element, source, context)


def item(content: Written) -> Dataset:
    """Return a data set of elements that were written in ISO_IR 192."""
    dataset = Dataset(content)
    dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True, character_encoding="utf8")
    return dataset


def sequence(tag: int, content: list[Dataset]) -> DataElement:
    """Return a sequence element."""
    return DataElement(tag, "SQ", Sequence(content))


def _value(field: Field, element: Element, source: Dataset, context: Context) -> Element | None:
    if field.rule is removed and field.fallback is None:
        return None
    found = elements.read(element, source, field.vr)
    vr, value = found if found is not None else (field.vr[-2:], None)
    new = None if value is None else field.rule(field, value, source, context)
    if new is None:
        new = field.fallback
    return None if new is None else elements.raw(field.tag, vr, new)


def _sequence(field: Field, element: Element, source: Dataset, context: Context) -> Element | None:
    if field.tag in FUNCTIONAL_GROUPS and field.rule is kept:
        return _frames(field, element, source, context)
    content = _items(field, element, source, context)
    if content is None and field.type == "1" and not field.needed:
        content = [_dummy_item(field.below)]
    if content is None and field.fallback is not None:
        content = []
    return None if content is None else sequence(field.tag, content)


def _frames(field: Field, element: Element, source: Dataset, context: Context) -> Element | None:
    """Return a sequence of as many items as there were, encoded one by one: thousands of frames are not in memory."""
    received = elements.items(element, source)
    if received is None or field.below is None:
        return None
    rewritten = (item(rewrite(each, field.below, context)[0]) for each in received)
    return elements.raw(field.tag, "SQ", encode.items(rewritten))


def _items(field: Field, element: Element, source: Dataset, context: Context) -> list[Dataset] | None:
    """Return the items that remain, or None if there were some and none remains."""
    if field.rule is replacements.dummied:
        return [_dummy_item(field.below)]
    if field.rule is not kept or field.below is None:
        return None
    received = elements.items(element, source)
    if received is None:
        return None
    rewritten = [rewrite(each, field.below, context) for each in received]
    remaining = [item(content) for content, whole in rewritten if whole]
    return remaining if remaining or not received else None


def _dummy_item(level: Level | None) -> Dataset:
    """Return the smallest valid item of a level."""
    if level is None:
        return item({})
    content: Written = {}
    if level.coded:
        content.update(_coded(*codes.OTHER))
    for field in level.fields.values():
        if field.tag in _CODE_ELEMENTS or not (field.type == "1" or (field.type, field.tag) == _INSTITUTION):
            continue
        if field.vr == "SQ":
            content[BaseTag(field.tag)] = sequence(field.tag, [_dummy_item(field.below)])
        else:
            value = replacements.dummy(field.vr, field.tag)
            content[BaseTag(field.tag)] = elements.raw(field.tag, field.vr[-2:], value)
    return item(content)


def _code(source: Dataset, target: Written) -> bool:
    """Write the code of an item from the Standard's table; return False if it has one that is not the Standard's."""
    value = next((_text(source, tag) for tag in codes.VALUES if tag in source), None)
    if value is None:
        return True
    scheme = _text(source, codes.SCHEME)
    meaning = codes.meaning(value, scheme)
    if meaning is None:
        return False
    target.update(_coded(value, scheme, meaning))
    return True


def _coded(value: str, scheme: str, meaning: str) -> Written:
    found = codes.elements(value, scheme, meaning)
    return {BaseTag(tag): elements.raw(tag, vr, content) for tag, (vr, content) in found.items()}


def _text(source: Dataset, tag: int) -> str:
    found = elements.value(source, tag, "LO")
    return "" if found is None else found[1].decode("ascii", "replace").strip(" \0")
