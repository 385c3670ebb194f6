import pytest
from tests.unit.gate.planting import element, finds, gate, image, missed, named, part10, sequence, sources

from studypub.gate.clues import Permitted

INSTITUTION, ADDRESS, SERIES_DESCRIPTION = 0x00080080, 0x00101040, 0x0008103E
UID_ELEMENT = 0x0020000D
UID = "1.2.826.0.1.3680043.10.1511.271828182845.90452"


def test_the_words_of_an_address_are_found() -> None:
    searched = gate((ADDRESS, "LO", "141407, Химки, Нагорная 11-48, Springfield"))
    assert missed(searched, ["химки", "ХИМКИ", "на Нагорная", "springfield", "141407"]) == []


def test_short_names_of_towns_are_words() -> None:
    assert missed(gate((ADDRESS, "LO", "г. Омск, Leipzig")), ["омск", "ОМСК".encode("cp1251"), "leipzig"]) == []


@pytest.mark.parametrize("text", ["City Hospital", "Клиника", "Отделение лучевой диагностики", "Radiology Department"])
def test_words_of_clinics_in_general_are_no_evidence(text: str) -> None:
    searched = gate((INSTITUTION, "LO", text))
    assert [word for word in text.split() if finds(searched, word)] == []


def test_a_text_of_common_words_is_found_as_a_whole() -> None:
    searched = gate((INSTITUTION, "LO", "City Hospital 31"))
    assert finds(searched, "CITY HOSPITAL 31")
    assert not finds(searched, "hospital of the city")


def test_an_e_mail_address_is_found() -> None:
    assert finds(gate((0x00104000, "LT", "mail: k.s@x.ru")), "K.S@X.RU")


def test_words_of_descriptions_count_if_the_closed_vocabulary_is_known() -> None:
    planted = (SERIES_DESCRIPTION, "LO", "T2 sag knee Khrabrov")
    assert not finds(gate(planted), "khrabrov")
    searched = gate(planted, permitted=Permitted(words=frozenset({"sag", "Knee", "t2"})))
    assert finds(searched, "Khrabrov")
    assert searched.search("a", image(b"", text="T2 SAG KNEE")) == []


def test_names_numbers_and_dates_in_descriptions_count_always() -> None:
    searched = gate((SERIES_DESCRIPTION, "LO", "MRT 4711081516 01.02.2025"), (0x00100010, "PN", "Смирнов^Пётр"))
    assert missed(searched, ["4711081516", "20250201", "Смирнова", "петра", "Петр"]) == []


@pytest.mark.parametrize("leak", [UID, UID + ".7", f"urn:oid:{UID}", f"9{UID}9"])
def test_an_original_uid_is_found(leak: str) -> None:
    searched = gate((UID_ELEMENT, "UI", UID))
    assert finds(searched, leak)
    assert finds(searched, leak.encode("utf-16-le"))
    assert finds(searched, leak.encode("utf-16-be"))


@pytest.mark.parametrize("text", [UID[:-1], UID.replace("2718", "2719"), "1.2.826.0.1.3680043.10.1511"])
def test_other_uids_under_the_same_root_are_not(text: str) -> None:
    assert not finds(gate((UID_ELEMENT, "UI", UID)), text)


def test_a_short_uid_is_found_standing_alone() -> None:
    searched = gate((UID_ELEMENT, "UI", "1.2.3.47"))
    assert missed(searched, ["1.2.3.47", "1.2.3.47.1"]) == []
    assert not any(finds(searched, text) for text in ("11.2.3.47", "1.2.3.471", "9.1.2.3.47"))


def test_thousands_of_uids_are_told_apart_by_their_own_origin() -> None:
    planted = [(0x00080018, "UI", f"2.25.{number}") for number in range(10**20, 10**20 + 3000)]
    searched = gate(*planted, (UID_ELEMENT, "UI", "2.25.77777777777777777777"))
    assert sources(searched, image(b"", text="2.25.77777777777777777777", vr="UI")) == {"StudyInstanceUID"}
    assert sources(searched, image(b"", text=f"2.25.{10**20 + 1234}", vr="UI")) == {"SOPInstanceUID"}
    assert searched.search("a", image(b"", text=f"2.25.{10**20 + 3001}", vr="UI")) == []


@pytest.mark.parametrize("tag", [0x00080016, 0x00081150, 0x0008010C, 0x00020012])
def test_uids_of_classes_codings_and_programs_are_not_looked_for(tag: int) -> None:
    assert not finds(gate((tag, "UI", "1.3.12.2.1107.5.9.1")), "1.3.12.2.1107.5.9.1")


def test_uids_of_the_standard_are_not_looked_for() -> None:
    assert not finds(gate((UID_ELEMENT, "UI", "1.2.840.10008.1.4.1.1")), "1.2.840.10008.1.4.1.1")


def test_an_age_above_90_is_found_where_ages_stand() -> None:
    searched = gate((0x00101010, "AS", "093Y"))
    assert sources(searched, image(b"", text="093Y", vr="AS")) == {"PatientAge"}
    assert not finds(searched, "093Y")
    for age in ("089Y", "090Y", "092M"):
        assert gate((0x00101010, "AS", age)).search("a", image(b"", text=age, vr="AS")) == []


@pytest.mark.parametrize("name", ["Head^Anna", "Abdomen^Anna"])
def test_terms_of_the_standard_are_no_names(name: str) -> None:
    term = name.partition("^")[0].upper()
    meaning = sequence(0x00082218, element(0x00080100, "SH", "1") + element(0x00080104, "LO", term.title()))
    searched = gate((0x00100010, "PN", name))
    assert searched.search("a", part10(element(0x00180015, "CS", term), meaning)) == []
    assert sources(searched, part10(element(0x00080080, "LO", term))) == {"PatientName"}
    assert sources(searched, part10(element(0x00180015, "CS", f"{term} ANNA"))) == {"PatientName"}
    assert sources(searched, part10(sequence(0x00082218, element(0x00080104, "LO", f"{term} of Anna")))) == {
        "PatientName"
    }


def test_a_makers_name_is_the_patients_only_elsewhere() -> None:
    searched = named("Philips^Anna")
    assert searched.search("a", part10(element(0x00080070, "LO", "Philips Medical Systems"))) == []
    assert sources(searched, part10(element(0x00080070, "LO", "Philips Anna"))) == {"PatientName"}
    assert sources(searched, part10(element(0x00080080, "LO", "Philips"))) == {"PatientName"}


def test_the_programs_own_texts_are_no_evidence_elsewhere_they_are() -> None:
    block = b"Windows: open the file with a viewer"
    searched = gate((0x00100010, "PN", "Windows^Viewer"), permitted=Permitted(texts=(block,)))
    assert searched.search("README.txt", b"\xef\xbb\xbf" + block + b"\r\n") == []
    assert searched.search("README.txt", block + b" for Windows") != []
    assert searched.search("README.txt", block[:20]) != []
