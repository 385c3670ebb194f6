"""With any rule of de-identification switched off, the gate stops what comes out: it does not rely on the rules."""

from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest
from pydicom.dataset import FileDataset
from tests.unit.deid import corpus
from tests.unit.gate.switching import at, found, name_of, original, path_to, published, switch_off

from studypub.deid import elements, plan, tables
from studypub.deid.profile import load, names
from studypub.gate import texts, vocabulary

SHOWN: Final = b"VERKHOVTSEVA APOLLINARIYA"
ENHANCED_MR: Final = "1.2.840.10008.5.1.4.1.1.4.1"
SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.4"
NM: Final = "1.2.840.10008.5.1.4.1.1.20"
OCT: Final = "1.2.840.10008.5.1.4.1.1.14.1"
EYE: Final = "1.2.840.10008.5.1.4.1.1.77.1.5.6"
DX: Final = corpus.DX


@dataclass(frozen=True)
class Rule:
    """A rule by the name of its function, and the one element by which the instance names somebody."""

    name: str
    tag: int
    vr: str
    value: str | bytes
    beside: tuple[tuple[int, str, bytes], ...] = ()
    profile: str = "second-opinion"
    sop_class: str = corpus.CT

    def __str__(self) -> str:
        return f"{self.name} {self.tag:08X} {self.vr}"

    def planted(self) -> FileDataset:
        dataset = original(self.sop_class)
        place = at(dataset, path_to(self.tag, self.sop_class))
        value = self.value.encode() if isinstance(self.value, str) else self.value
        for tag, vr, raw in ((self.tag, self.vr, value), *self.beside):
            place[tag] = elements.raw(tag, vr, raw)
        return dataset


RULES = (
    Rule("removed", 0x00080080, "LO", "Травмпункт Космонавт"),
    Rule("removed", 0x00081030, "LO", "карта 7750830849", profile="basic"),
    Rule("emptied", 0x00080090, "PN", "Ковалевская^Софья"),
    Rule("emptied", 0x00080050, "SH", "KP125706548L"),
    Rule("dummied", 0x00120010, "LO", "Ковалевская"),
    Rule("patient", 0x00100010, "PN", "Ли^Ян"),
    Rule("patient", 0x00100020, "LO", "1000001158664"),
    Rule("mapped_uid", 0x00080018, "UI", "1.2.826.0.1.271828182845.90452"),
    Rule("numbered", 0x00209056, "SH", "Ковалева", sop_class=ENHANCED_MR),
    Rule("labelled", 0x00620020, "UT", "KP125706548L", sop_class=SEGMENTATION),
    Rule("shifted", 0x00080020, "DA", "20250203"),
    Rule("shifted", 0x0008002A, "DT", "20250203091733"),
    Rule("age", 0x00101010, "AS", "097Y"),
    Rule("descriptor", 0x0008103E, "LO", "МРТ Ковалевская"),
    Rule("one_of", 0x00180015, "CS", "VERKHOVTSEVA"),
    Rule("one_of", 0x00201040, "LO", "колено Ковалевской"),
    Rule("pattern", 0x00200020, "CS", "VERKHOVTSEVA\\F", sop_class=DX),
    Rule("pattern", 0x00181210, "SH", "Verkhovtseva"),
    Rule("by_position", 0x00080008, "CS", "ORIGINAL\\PRIMARY\\VERKHOVTSEVA"),
    Rule("registered", 0x00280304, "UI", "1.2.826.0.1.271828182845.90452", sop_class=OCT),
    Rule("pointers", 0x00209165, "UN", b"VERKHOVTSEVA", sop_class=ENHANCED_MR),
    Rule("decimals", 0x00180050, "DS", "Verkhovtseva"),
    Rule("decimals", 0x00200013, "IS", "79165550117"),
    Rule("binary", 0x00540020, "UN", b"VERKHOVTSEVA", sop_class=NM),
    Rule("binary", 0x00189087, "UN", b"APOLLINARIYA ANN", sop_class=ENHANCED_MR),
    Rule("table", 0x00283006, "OW", SHOWN, ((0x00283002, "US", b"\x04\0\0\0\x10\0"),), sop_class=DX),
    Rule("floats", 0x00221531, "UN", SHOWN, sop_class=EYE),
    Rule("index_values", 0x00209157, "UN", b"VERKHOVTSEVA", sop_class=ENHANCED_MR),
)
NO_EVIDENCE: Final = {
    "kept": "it lets a sequence's frame pass, and nothing inside",
    "rebuilt": "a profile's texts are parts of binary data and are not gathered; a known name in one is found, below",
    "unused bits of samples": "an overlay in them is a drawing; no byte of it spells a name",
    "overlay, curve and icon data": "drawings, too; what describes them is found, below",
    "decimals of up to ten digits": "a number as short as that is a measure as likely as a record's number",
    "ages up to 90": "few are told by their age alone",
    "times of day": "every study has some, and every minute is somebody's",
    "encrypted attributes": "without the key they say nothing; what they hold is nowhere else",
}
"""What the gate cannot stop if its rule fails, and why."""


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_what_a_rule_would_have_held_back_is_stopped(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = partial(published, profile=rule.profile)
    assert found(rule.planted(), rule.profile, publish) == []
    switch_off(monkeypatch, rule.name)
    assert found(rule.planted(), rule.profile, publish) != []


def chosen() -> set[str]:
    """Return the names of all rules of all profiles."""
    levels = [plan.compile_plan(load(profile), iod) for profile in names() for iod in tables.iods()]
    seen: set[int] = set()
    found: set[str] = set()
    while levels:
        level = levels.pop()
        if id(level) not in seen:
            seen.add(id(level))
            found |= {name_of(field.rule) for field in level.fields.values()}
            levels += [field.below for field in level.fields.values() if field.below]
    return found


def test_every_rule_that_can_be_chosen_is_in_the_table() -> None:
    assert chosen() - {"kept", "rebuilt"} == {rule.name for rule in RULES}


def test_no_term_that_the_rules_may_write_names_anybody() -> None:
    written = {value.rule for value in tables.values().values()} | set(tables.retained().values())
    terms = " ".join(rule.removeprefix("enumerated:") for rule in written if rule.startswith("enumerated:"))
    assert list(texts.words_in(terms, vocabulary.words())) == []
