"""Lets private numbers pass that PS3.15 Table E.3.10-1 calls safe, if the profile takes that option."""

from typing import Final

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from studypub.deid import elements, measures, tables
from studypub.deid.elements import Element
from studypub.deid.field import Context, Field, Rule, removed

_MOST_VALUES: Final = 1024


def safe(source: Dataset, context: Context) -> dict[BaseTag, Element]:
    """Return the safe numbers of one level, with the creators of their blocks."""
    found: dict[BaseTag, Element] = {}
    for element in source.values():
        tag = element.tag
        if not tag.is_private or tag.element < 0x1000:
            continue
        block = BaseTag((tag.group << 16) | (tag.element >> 8))
        creator = _creator(source, block)
        vr = tables.safe_private().get((creator, tag.group, tag.element & 0xFF))
        value = None if vr is None else _number(element, source, context, vr)
        if value is not None:
            found[block] = elements.raw(block, "LO", creator.encode())
            found[tag] = value
    return found


def _creator(source: Dataset, block: BaseTag) -> str:
    found = elements.value(source, block, "LO")
    return "" if found is None else found[1].decode("ascii", "replace").strip(" \0")


def _number(element: Element, source: Dataset, context: Context, vr: str) -> Element | None:
    found = elements.read(element, source, vr)
    rule: Rule = measures.decimals if vr in {"DS", "IS"} else measures.binary
    field = Field(element.tag, vr, "3", removed, None, needed=False, below=None, vm=_MOST_VALUES)
    value = None if found is None else rule(field, found[1], source, context)
    return None if value is None else elements.raw(element.tag, vr, value)
