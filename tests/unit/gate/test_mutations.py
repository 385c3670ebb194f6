"""Every rule is needed: with it switched off, a planted identifier passes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import pytest
from tests.unit.gate.planting import SECRET_ID, SECRET_NAME, Planted, finds, gate

from studypub.gate import dates, encodings, harvest, identifiers, kinds, names, readings, transliteration
from studypub.gate.clues import Permitted

PATIENT_NAME, PATIENT_ID, STUDY_DATE, PRIVATE = 0x00100010, 0x00100020, 0x00080020, 0x00331001


@dataclass(frozen=True)
class Mutation:
    """A rule, what is planted, and the leak that only this rule finds."""

    table: object
    rule: object
    planted: tuple[Planted, ...]
    leak: str | bytes
    known: tuple[tuple[str, str], ...] = ()
    charset: str = "ISO_IR 192"

    def __str__(self) -> str:
        return f"{self.rule}"[:40]


def mutations() -> Iterator[Mutation]:
    yield from of_kinds()
    yield from of_known()
    yield from of_spellings()
    yield from of_names()
    yield from of_identifiers()
    day = date(2025, 2, 3)
    for form in dates.FORMS:
        yield Mutation((dates, "FORMS"), form, ((STUDY_DATE, "DA", "20250203"),), dates.written(day, form))


def of_kinds() -> Iterator[Mutation]:
    values = {
        "PN": ("Боткина^Вера", "Боткиной"),
        "UI": ("1.2.826.0.1.271828182845.90452", "1.2.826.0.1.271828182845.90452"),
        "DA": ("20250203", "03.02.2025"),
        "DT": ("20250203091733", "03.02.2025"),
        "AE": ("KHIMKI-AE-17", "khimkiae17"),
        "UR": ("http://pacs.khimki.example/x", "khimki"),
    }
    for vr, (value, leak) in values.items():
        yield Mutation(kinds.BY_VR, vr.encode(), ((PRIVATE, vr, value),), leak)
    for vr in ("LO", "SH", "ST", "LT", "UT", "UC", "UN"):
        yield Mutation(kinds.BY_VR, vr.encode(), ((PRIVATE, vr, "карта 7750830849"),), "7750830849")
    keywords = ((0x00081010, "SH", "CABINET17"), (0x00101090, "LO", "SHELF-A-B"), (0x00204000, "LT", "Храбров"))
    leaks = ("cabinet-17", "shelfab", "ХРАБРОВ")
    rules = {0x00081010: 1, 0x00101090: 1, 0x00204000: 2}
    expressions = list(kinds.BY_KEYWORD)
    for planted, leak in zip(keywords, leaks, strict=True):
        yield Mutation(kinds.BY_KEYWORD, expressions[rules[planted[0]]], (planted,), leak)
    yield Mutation(kinds.BY_KEYWORD, expressions[0], ((0x00200010, "SH", "STUDY-A1"),), "studya1")
    yield Mutation(kinds.BY_KEYWORD, expressions[3], ((0x00081080, "LO", "Храбров"),), "Храбров")
    yield Mutation((kinds, "PERSONAL_GROUPS"), 0x0010, ((0x00102180, "SH", "Космонавт"),), "космонавт")
    yield Mutation((kinds, "PERSONAL_GROUPS"), 0x0032, ((0x00321033, "LO", "Травмпункт"),), "травмпункт")
    yield Mutation((kinds, "PERSONAL_GROUPS"), 0x0038, ((0x00380050, "LO", "Колясочник"),), "колясочник")
    yield Mutation((kinds, "PERSONAL_GROUPS"), 0x0040, ((0x00401002, "LO", "Подозревается"),), "подозревается")
    yield Mutation((kinds, "PERSONAL_GROUPS"), 0x0012, ((0x00120010, "LO", "Вакциндизайн"),), "вакциндизайн")
    yield Mutation((kinds, "PERSONAL_GROUPS"), 0x4008, ((0x40080300, "ST", "Впечатлился"),), "впечатлился")


def of_known() -> Iterator[Mutation]:
    values = {
        "patient_id": (SECRET_ID, SECRET_ID),
        "accession_number": ("KP125706548L", "kp-125706548-l"),
        "emk_record_id": ("123456", "№123456"),
        "clinic_code": ("f_Khimki", "Khimki"),
        "phone": ("+7 916 555-01-17", "89165550117"),
        "patient_name": ("Иванова Мария Петровна", "Ивановой М.П."),
        "birth_date": ("1979-11-23", "23.11.1979"),
        "study_date": ("2025-02-03T16:18:02+03:00", "20250203"),
        "study_instance_uid": ("1.2.826.0.1.271828182845.90452", "1.2.826.0.1.271828182845.90452"),
        "study_description": ("карта 7750830849", "7750830849"),
        "service_title": ("карта 7750830849", "7750830849"),
    }
    for name, (value, leak) in values.items():
        yield Mutation(harvest.KNOWN, name, (), leak, known=((name, value),))


def of_spellings() -> Iterator[Mutation]:
    person = ((PATIENT_NAME, "PN", SECRET_NAME),)
    for encoding in ("utf-8", "cp1251", "koi8-r", "iso-8859-5", "cp866", "utf-16"):
        leak = "Ковалевская".encode("utf-16-le" if encoding == "utf-16" else encoding)
        yield Mutation((encodings, "ENCODINGS"), encoding, person, leak)
    yield Mutation(
        (encodings, "ENCODINGS"), "latin-1", ((PATIENT_NAME, "PN", "Müller^Zoë"),), "Müller".encode("latin-1")
    )
    for name, transfer in encodings.TRANSFERS.items():
        yield Mutation(encodings.TRANSFERS, name, ((PATIENT_ID, "LO", SECRET_ID),), transfer(SECRET_ID.encode())[0])
    for name, escape in encodings.ESCAPES.items():
        yield Mutation(encodings.ESCAPES, name, person, escape("Ковалевская"))
    for encoding in ("utf-8", "cp1251", "utf-16-le"):
        yield Mutation((encodings, "WRAPPED"), encoding, person, "Ковалевская".encode(encoding).hex())
    # Where the bytes of no other character set give the same letters, only the right one leads to other spellings.
    for encoding in readings.SINGLE_BYTE[:4]:
        raw = SECRET_NAME.encode(encoding)
        yield Mutation(
            (readings, "SINGLE_BYTE"), encoding, ((PATIENT_NAME, "PN", raw),), "Kovalevskaya", charset="ISO_IR 6"
        )
    western = "Müller^Zoë".encode("latin-1")
    yield Mutation(
        (readings, "SINGLE_BYTE"), "latin-1", ((PATIENT_NAME, "PN", western),), "Mueller", charset="ISO_IR 144"
    )


def of_names() -> Iterator[Mutation]:
    for system, name, leak in (
        ("icao", "Подъячев", "Podieiachev"),
        ("gost-b", "Щербань", "Shherban"),
        ("gost-b with marks", "Подъячев", "Pod``yachev"),
        ("common with marks", "Подъячев", "Pod''yachev"),
        ("gost-2006", "Цветаев", "Tcvetaev"),
        ("common", "Щёголь", "Shchyogol"),
        ("short", "Щербаков", "Scherbakov"),
        ("german", "Чехов", "Tschechow"),
    ):
        yield Mutation(transliteration.SYSTEMS, system, ((PATIENT_NAME, "PN", name),), leak)
    for ending, name, leak in (
        (("ii", "y"), "Юрий", "Iury"),
        (("ij", "i"), "Горький", "Gorki"),
        (("ij", "y"), "Василий", "Wasily"),
        (("yj", "y"), "Черный", "Tscherny"),
    ):
        yield Mutation((transliteration, "ENDINGS"), ending, ((PATIENT_NAME, "PN", name),), leak)
    for inside, name, leak in (
        (("ks", "x"), "Ксения", "Xeniya"),
        (("ya", "ia"), "Юлия", "Yuliia"),
        (("ia", "iya"), "Софья", "Sofiya"),
    ):
        yield Mutation((transliteration, "INSIDE"), inside, ((PATIENT_NAME, "PN", name),), leak)
    orders = ("Ли Ян", "Ян Ли", "Ли Я.", "Я.Ли", "Ян Юй")
    for order, leak in zip(names.ORDERS, orders, strict=True):
        yield Mutation((names, "ORDERS"), order, ((PATIENT_NAME, "PN", "Ли^Ян^Юй"),), leak)


def of_identifiers() -> Iterator[Mutation]:
    for rule, value, leak in (
        ("without separators", "SHELF-A-B-3", "shelf a b 3"),
        ("in other letters", "KP125-70", "КР12570"),
        ("digits only", "KP125706548L", "125706548"),
        ("without country", "+7 916 555-01-17", "9165550117"),
    ):
        yield Mutation(identifiers.SHORTENINGS, rule, ((PATIENT_ID, "LO", value),), leak)


def switched_off(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    if isinstance(mutation.table, dict):
        if mutation.table is harvest.KNOWN:
            monkeypatch.setitem(harvest.KNOWN, str(mutation.rule), None)
        else:
            monkeypatch.delitem(mutation.table, mutation.rule)
    else:
        assert isinstance(mutation.table, tuple)
        module, name = mutation.table
        table = getattr(module, name)
        assert mutation.rule in table
        monkeypatch.setattr(module, name, type(table)(rule for rule in table if rule != mutation.rule))


def forget() -> None:
    caches: tuple[Callable[..., object], ...] = (kinds.kind_of, names.spelled)
    for cached in caches:
        cached.cache_clear()  # type: ignore[attr-defined]


@pytest.mark.parametrize("mutation", list(mutations()), ids=str)
def test_each_rule_finds_what_no_other_finds(mutation: Mutation, monkeypatch: pytest.MonkeyPatch) -> None:
    def stops() -> bool:
        forget()
        searched = gate(*mutation.planted, known=dict(mutation.known), permitted=Permitted(), charset=mutation.charset)
        return finds(searched, mutation.leak)

    assert stops()
    with monkeypatch.context() as patched:
        switched_off(mutation, patched)
        assert not stops()
    forget()
