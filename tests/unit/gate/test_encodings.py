import base64
import codecs
import html
import json
import unicodedata
from urllib.parse import quote

import pytest
from tests.peers.studies import ENCODINGS as PEER_ENCODINGS
from tests.unit.gate.planting import SECRET_ID, SECRET_NAME, finds, gate, image, missed, named, sources

from studypub.gate.encodings import cases, spell

FAMILY = "Ковалевская"
DIRECT = gate((0x00100010, "PN", SECRET_NAME), (0x00100020, "LO", SECRET_ID), (0x00081070, "PN", "Лаврентьева^Зоя"))


@pytest.mark.parametrize("encoding", [*PEER_ENCODINGS, "cp866", "utf-16"])
@pytest.mark.parametrize("form", [FAMILY, FAMILY.upper(), FAMILY.lower(), "Софья Ковалевская", "Юрьевне"])
def test_a_name_is_found_in_every_character_set(encoding: str, form: str) -> None:
    assert finds(named(SECRET_NAME), form.encode(encoding))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("around", [" ", "\t", "(", "", "^"])
def test_neighbours_in_utf_16_are_read_in_the_right_order(encoding: str, around: str) -> None:
    text = f"Мы{around or ' '}Зоя{around or ' '}Мы"
    assert finds(named("Боткина^Зоя"), text.encode(encoding))
    assert not finds(named("Боткина^Зоя"), "МыЗояМы".encode(encoding))


def test_decomposed_letters_are_found() -> None:
    name = unicodedata.normalize("NFD", "Андрей Подлёсный")
    assert finds(named("Подлёсный^Андрей"), name.split()[0])
    assert finds(named("Подлёсный^Андрей"), name.split()[1])


def test_western_letters_are_found() -> None:
    searched = named("Müller^Zoë")
    assert (
        missed(
            searched,
            [text.encode(encoding) for text in ("MÜLLER", "Müller") for encoding in ("latin-1", "utf-8", "utf-16-le")],
        )
        == []
    )


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "utf-16-le"])
@pytest.mark.parametrize("text", [FAMILY, SECRET_NAME, SECRET_ID, FAMILY.upper()])
@pytest.mark.parametrize("shift", range(3))
def test_direct_identifiers_are_found_in_base64(encoding: str, text: str, shift: int) -> None:
    content = b"x" * shift + text.encode(encoding) + b"tail"
    assert finds(DIRECT, base64.b64encode(content))
    assert finds(DIRECT, base64.urlsafe_b64encode(content))


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "utf-16-le"])
@pytest.mark.parametrize("text", [FAMILY, "Юрьевна", SECRET_ID])
def test_direct_identifiers_are_found_in_hexadecimal(encoding: str, text: str) -> None:
    assert finds(DIRECT, text.encode(encoding).hex())
    assert finds(DIRECT, text.encode(encoding).hex().upper())


@pytest.mark.parametrize(
    "escape", [json.dumps, quote, lambda text: text.encode("ascii", "xmlcharrefreplace").decode(), html.escape]
)
def test_direct_identifiers_are_found_in_escapes(escape: object) -> None:
    assert callable(escape)
    assert finds(DIRECT, escape(f"{FAMILY} x"))


def test_others_are_not_looked_for_in_base64() -> None:
    assert not finds(DIRECT, base64.b64encode("Лаврентьева".encode()))
    assert finds(DIRECT, "Лаврентьева")


@pytest.mark.parametrize("declared", ["ISO_IR 100", "", "ISO_IR 144", "ISO_IR 192"])
@pytest.mark.parametrize("written", ["cp1251", "koi8-r", "iso-8859-5", "cp866", "utf-8"])
def test_names_are_read_whatever_character_set_is_declared(declared: str, written: str) -> None:
    searched = gate((0x00100010, "PN", SECRET_NAME.encode(written)), charset=declared)
    assert missed(searched, [FAMILY, "КОВАЛЕВСКАЯ".encode("cp1251"), "Kovalevskaya", SECRET_NAME.encode(written)]) == []


def test_a_mistaken_reading_that_is_written_back_is_found() -> None:
    """What a program makes of cp1251 that was declared as Latin alphabet No. 1, and writes in UTF-8."""
    searched = gate((0x00100010, "PN", SECRET_NAME.encode("cp1251")), charset="ISO_IR 100")
    mistaken = FAMILY.encode("cp1251").decode("latin-1")
    assert sources(searched, image(b"", text=mistaken)) == {"PatientName"}


def test_code_extensions_are_read() -> None:
    name = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
    searched = gate((0x00100010, "PN", name), charset="\\ISO 2022 IR 87")
    assert missed(searched, ["山田", "太郎".encode("utf-16-le"), "Yamada"]) == []


@pytest.mark.parametrize(
    ("charset", "encoding", "name", "leak"),
    [
        ("ISO_IR 101", "iso8859-2", "Wiśniewska^Łucja", "Wiśniewska"),
        ("ISO_IR 126", "iso8859-7", "Διονυσιος^Ανδρεας", "Διονυσιος"),
        ("GB18030", "gb18030", "王小东^小", "王小东"),
        ("\\ISO 2022 IR 149", "euc_kr", "Hong^Gildong=洪^吉洞", "吉洞"),
        ("ISO_IR 166", "iso8859-11", "นามสกุล^ชื่อ", "นามสกุล"),
    ],
)
def test_names_are_found_in_the_bytes_of_the_declared_character_set(
    charset: str, encoding: str, name: str, leak: str
) -> None:
    raw = name.encode(encoding)
    if "2022" in charset:
        raw = b"Hong^Gildong=" + b"^".join(b"\x1b$)C" + part.encode(encoding) for part in ("洪", "吉洞"))  # PS3.5 I.2
    searched = gate((0x00100010, "PN", raw), charset=charset)
    assert missed(searched, [leak.encode(encoding), leak, leak.encode("utf-16-le")]) == []


def test_a_spelling_is_one_of_its_text() -> None:
    for spelling in spell("Семёнов"):
        encoding = spelling.encoding
        content = spelling.content + b"\x04" if encoding == "utf-16" else spelling.content
        text = unicodedata.normalize("NFC", codecs.decode(content, "utf-16-le" if encoding == "utf-16" else encoding))
        assert text in cases("Семёнов")
