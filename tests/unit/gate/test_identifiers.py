import pytest
from tests.unit.gate.planting import element, finds, gate, image, missed, part10, sources

PATIENT_ID, TELEPHONES = 0x00100020, 0x00102154


@pytest.mark.parametrize(
    ("identifier", "leaks"),
    [
        (
            "1000001158664",
            ["1000001158664", "1 000 001 158 664", "1000-0011-5866-4", "01000001158664", "x1000001158664y"],
        ),
        ("0000123456", ["0000123456", "123456", "00123456", "123-456", "123.456", "ID:123456", "№123456"]),
        (
            "KP125706548L",
            ["KP125706548L", "kp125706548l", "KP-125706548-L", "125706548", "КР125706548L", "_KP125706548L_"],
        ),
        ("SNILS-112-233-445-95", ["112-233-445 95", "11223344595", "112 233 445 95", "snils11223344595"]),
        ("А-12/3456", ["А-12/3456", "а123456", "А 12 3456"]),
        ("ARCHIVE-SHELF-3381", ["archive shelf 3381", "ARCHIVE_SHELF_3381", "ArchiveShelf3381"]),
    ],
)
def test_an_identifier_is_found_however_it_is_grouped(identifier: str, leaks: list[str]) -> None:
    assert missed(gate((PATIENT_ID, "LO", identifier)), leaks) == []


@pytest.mark.parametrize(
    ("number", "leaks"),
    [
        ("+7 916 555-01-17", ["+79165550117", "8 916 555 01 17", "9165550117", "(916) 555-01-17", "7.916.555.01.17"]),
        ("84955550118", ["8 (495) 555-01-18", "84955550118", "8-495-5550118"]),
        ("+1 555 0199", ["15550199", "555-0199", "+1 (555) 0199"]),
    ],
)
def test_a_telephone_number_is_found_by_its_digits(number: str, leaks: list[str]) -> None:
    assert missed(gate((TELEPHONES, "SH", number)), leaks) == []


def test_numbers_in_running_text_are_found() -> None:
    text = "Полис 7750830849001234, тел. 8 916 555-01-17, карта 20258812"
    searched = gate((0x00104000, "LT", text))
    assert missed(searched, ["7750830849001234", "89165550117", "карта N20258812"]) == []


@pytest.mark.parametrize(
    ("identifier", "innocent"),
    [
        ("123456", ["0.123456", "1234567", "91234560", "123456.75", "12345"]),
        ("1234567", ["-0.1234567", "12.345678", "51234567"]),
        ("CT4711", ["CT47110", "ACT4711", "CT4712"]),
        ("1234", ["1234", "12345"]),
        ("0000", ["0000", "000000000"]),
        ("UNKNOWN", ["unknown"]),
        ("CHEST", ["CHEST"]),
    ],
)
def test_likenesses_are_no_identifiers(identifier: str, innocent: list[str]) -> None:
    searched = gate((PATIENT_ID, "LO", identifier))
    assert [text for text in innocent if finds(searched, text)] == []


@pytest.mark.parametrize("vr", ["DS", "IS", "TM", "UI"])
def test_a_measure_as_long_as_a_record_number_is_no_evidence(vr: str) -> None:
    searched = gate((PATIENT_ID, "LO", "101530"))
    assert searched.search("a", image(b"", text="101530", vr=vr)) == []


@pytest.mark.parametrize("vr", ["LO", "SH", "PN", "LT", "CS", "AE"])
def test_a_record_number_is_evidence_where_no_measures_are(vr: str) -> None:
    searched = gate((PATIENT_ID, "LO", "101530"))
    assert sources(searched, image(b"", text="101530", vr=vr)) == {"PatientID"}


@pytest.mark.parametrize("short", ["471", "A12", "4711", "17-4"])
def test_short_identifiers_are_found_as_words_of_free_text_only(short: str) -> None:
    searched = gate((PATIENT_ID, "LO", short))
    assert sources(searched, image(b"", text=f"room {short}")) == {"PatientID"} or "-" in short
    assert sources(searched, image(b"", text=short)) == {"PatientID"}
    assert searched.search("a", image(b"", text=short, vr="IS")) == []
    assert searched.search("a", image(short.encode() * 50)) == []
    assert searched.search("a", image(b"", text=f"x{short}9")) == []


def test_codes_of_the_standard_are_no_identifiers() -> None:
    codes = element(0x00080100, "SH", "121322") + element(0x00080102, "SH", "DCM")
    searched = gate((0x00080100, "SH", "121322"), (PATIENT_ID, "LO", "121"))
    assert searched.search("a", part10(codes)) == []


def test_local_codes_are_identifiers() -> None:
    searched = gate((0x00080100, "SH", "PERSON-4471"))
    assert finds(searched, "person4471")
