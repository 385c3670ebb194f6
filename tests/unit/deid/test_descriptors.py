import pytest
from pydicom.dataset import Dataset

from studypub.deid import elements
from studypub.deid.descriptors import clean, descriptor
from studypub.deid.field import Context, Field
from studypub.deid.pseudonyms import Pseudonyms


def cleaned(value: bytes, charset: bytes = b"", name: bytes = b"") -> str:
    root = Dataset()
    root[0x00080005] = elements.raw(0x00080005, "CS", charset)
    root[0x00100010] = elements.raw(0x00100010, "PN", name)
    return clean(value, root, Context(Pseudonyms(bytes(32)), root))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Thorax 1.0 B30f Ivanov", "Thorax 1.0 B30f"),
        ("t2_tse_tra_3mm", "T2 TSE tra 3mm"),
        ("AX T2 FLAIR", "Ax T2 FLAIR"),
        ("CT ABDOMEN W/WO CONTRAST (Smith)", "CT abdomen w/wo contrast"),
        ("ep2d_diff_b1000_ADC", "EP2D b1000 ADC"),
        ("Ivanov Ivan 13.02.1937", ""),
        ("13-02-1937 +7 916 123-45-67", ""),
        ("1000001158664", ""),
        ("КТ головы 5.10.1979", "КТ головы"),
        ("МРТ 05.1.0 7.30.15", "МРТ"),
        ("CT head 5.0.", "CT head 5.0"),
        ("МРТ суставов, Иванов И.И., 1937 г.р.", "МРТ суставов"),
        ("КТ органов грудной клетки с контрастом", "КТ органов грудной клетки с контрастом"),
    ],
)
def test_known_words_stay_and_no_other(text: str, written: str) -> None:
    assert cleaned(text.encode(), b"ISO_IR 192") == written


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "iso8859-5", "koi8-r", "cp866"])
@pytest.mark.parametrize("declared", [b"", b"ISO_IR 100", b"ISO_IR 144", b"ISO_IR 192", b"nonsense"])
def test_the_character_set_is_found_whatever_is_declared(encoding: str, declared: bytes) -> None:
    assert cleaned("МРТ коленного сустава Иванов".encode(encoding), declared) == "МРТ коленного сустава"


def test_escape_sequences_are_understood() -> None:
    value = b"\x1b-L" + "МРТ сустава".encode("iso8859-5")
    assert cleaned(value, b"\\ISO 2022 IR 144") == "МРТ сустава"


def test_bytes_that_are_no_text_go() -> None:
    assert cleaned(b"\xff\xfe\x00\x81\x98") == ""


def test_a_word_of_the_vocabulary_goes_if_it_is_somebodys_name() -> None:
    assert cleaned(b"CT Foot Head", name=b"Foot^Philippa") == "CT head"


def test_an_agent_that_is_not_known_is_said_to_be_contrast() -> None:
    rule = descriptor("CONTRAST")
    field = Field(0x00180010, "LO", "2", rule, b"", False, None, 1)
    written = {
        value: rule(field, value, Dataset(), Context(Pseudonyms(bytes(32)), Dataset()))
        for value in (b"Omnipaque 350 Ivanov", b"Ivanov", b"NONE ", b"")
    }
    assert written == {b"Omnipaque 350 Ivanov": b"Omnipaque", b"Ivanov": b"CONTRAST", b"NONE ": None, b"": None}


def test_a_short_string_is_cut() -> None:
    rule = descriptor()
    field = Field(0x00181250, "SH", "3", rule, None, False, None, 1)
    found = rule(field, b"abdomen contrast enhanced", Dataset(), Context(Pseudonyms(bytes(32)), Dataset()))
    assert found == b"Abdomen contrast"
