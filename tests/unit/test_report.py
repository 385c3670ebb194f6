"""The doctor's report: what of it tells who the patient is, what is kept of a PDF, and how text becomes one."""

from io import BytesIO
from random import Random
from typing import Any

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from studypub.core.report import LONGEST_TEXT, MOST_PAGES, Clue, clues
from studypub.errors import ReportUnusable
from studypub.report import letter, pdf

NUMBERS = {Clue.PATIENT_ID: "1000001158664", Clue.ACCESSION_NUMBER: "KP-125706548L", Clue.EMK_RECORD_ID: "7"}
CONCLUSION = "Заключение: объёмных образований не выявлено. Ёмкость — 5 мл, №2."
PDF = letter.typeset(CONCLUSION, "Клиника в Химках", "+7 495 000-00-00")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CONCLUSION, ()),
        ("ЭМК 1000001158664.", (Clue.PATIENT_ID,)),
        ("ЭМК 1000 0011 5866 4", (Clue.PATIENT_ID,)),
        ("№ kp125706548l", (Clue.ACCESSION_NUMBER,)),
        ("KP-125706-\n548L", (Clue.ACCESSION_NUMBER,)),
        ("номер 91000001158664", ()),
        ("1000001158664_2", (Clue.PATIENT_ID,)),
        ("ACSN KP125706548L, PID 1000001158664", (Clue.PATIENT_ID, Clue.ACCESSION_NUMBER)),
        ("7 срезов", ()),
        ("Ф.И.О. Иванов", (Clue.LABEL,)),
        ("ФИО: Иванов", (Clue.LABEL,)),
        ("Пациентка : Иванова", (Clue.LABEL,)),
        ("Дата  рождения 01.02.1950", (Clue.LABEL,)),
        ("Иванов, 1950 г.р.", (Clue.LABEL,)),
        ("Patient name: Ivanov", (Clue.LABEL,)),
        ("пациенту рекомендовано, и др. исследования", ()),
    ],
)
def test_what_tells_of_the_patient_is_found(text: str, found: tuple[Clue, ...]) -> None:
    assert clues(text, NUMBERS) == found


def written(writer: PdfWriter) -> bytes:
    stream = BytesIO()
    writer.write(stream)
    return stream.getvalue()


def action(kind: str, **more: Any) -> DictionaryObject:
    values = {NameObject(f"/{name}"): value for name, value in more.items()}
    return DictionaryObject({NameObject("/S"): NameObject(kind), **values})


def talkative() -> bytes:
    """Return a PDF that carries SECRET in every place that does not show."""
    writer = PdfWriter(clone_from=BytesIO(PDF))
    secret, root, page = TextStringObject("SECRET"), writer.root_object, writer.pages[0]
    writer.add_metadata({"/Author": "SECRET", "/Title": "SECRET"})
    xmp = StreamObject()
    xmp.set_data(b"<x:xmpmeta>SECRET</x:xmpmeta>")
    root[NameObject("/Metadata")] = page[NameObject("/Metadata")] = writer._add_object(xmp)
    writer.add_attachment("SECRET.txt", b"SECRET")
    names = root["/Names"]
    scripts = ArrayObject([TextStringObject("start"), writer._add_object(action("/JavaScript", JS=secret))])
    names[NameObject("/JavaScript")] = DictionaryObject({NameObject("/Names"): scripts})  # type: ignore[index]
    root[NameObject("/OpenAction")] = action("/JavaScript", JS=secret)
    page[NameObject("/AA")] = DictionaryObject({NameObject("/O"): action("/Launch", F=secret)})
    page[NameObject("/PieceInfo")] = DictionaryObject({NameObject("/App"): secret})
    writer.add_annotation(0, Link(rect=(0, 0, 9, 9), url="https://clinic.example/"))
    scripted = writer.add_annotation(0, Link(rect=(9, 9, 19, 19), url="https://clinic.example/"))
    scripted[NameObject("/A")] = action("/JavaScript", JS=secret)
    attached = DictionaryObject(
        {NameObject("/Subtype"): NameObject("/FileAttachment"), NameObject("/Contents"): secret}
    )
    page["/Annots"].append(writer._add_object(attached))  # type: ignore[attr-defined]
    # A picture and a font that their producer calls as other things are called elsewhere.
    resources: Any = page["/Resources"]
    fonts = resources["/Font"].get_object()
    fonts[NameObject("/AA")] = next(iter(fonts.values()))
    fonts[NameObject("/A")] = fonts[NameObject("/AA")]
    return written(writer)


def test_what_does_not_show_goes_and_what_shows_stays() -> None:
    cleaned = pdf.clean(talkative())
    before, after = PdfReader(BytesIO(talkative())), PdfReader(BytesIO(cleaned.content))
    texts = [one for one in (after.get_object(number) for number in range(1, len(after.xref[0]) + 1)) if one]
    streams = [one.get_data() for one in texts if isinstance(one, StreamObject)]
    assert "SECRET" not in str(texts)
    assert not [data for data in streams if b"SECRET" in data]
    assert (after.metadata, after.xmp_metadata, after.attachments, after.trailer.get("/ID")) == (None, None, {}, None)
    assert not {"/OpenAction", "/AA", "/Metadata"} & after.root_object.keys()
    one, other = before.pages[0], after.pages[0]
    assert other.extract_text() == one.extract_text()
    contents = [page.get_contents() for page in (one, other)]
    assert contents[0] is not None
    assert contents[1] is not None
    assert contents[0].get_data() == contents[1].get_data()
    assert other.mediabox == one.mediabox
    assert other["/Resources"]["/Font"].keys() >= {"/AA", "/A"}  # type: ignore[index]
    links = [note.get_object().get("/A", {}).get("/URI") for note in other["/Annots"]]  # type: ignore[attr-defined]
    assert links == ["https://clinic.example/", None]


def test_an_earlier_state_of_the_file_goes() -> None:
    writer = PdfWriter(BytesIO(PDF), incremental=True)
    contents: Any = writer.pages[0]["/Contents"]
    changed = StreamObject()
    changed.set_data(b"% nothing shows any more")
    writer._replace_object(contents.indirect_reference, changed)
    both = written(writer)
    assert len(both) > len(PDF)
    cleaned = pdf.clean(both)
    assert (cleaned.text, cleaned.pages, cleaned.unread) == ("", 1, 1)
    assert len(cleaned.content) < len(PDF)


def test_what_is_typed_into_a_form_is_read() -> None:
    writer = PdfWriter(clone_from=BytesIO(PDF))
    field = DictionaryObject(
        {
            NameObject("/FT"): NameObject("/Tx"),
            NameObject("/T"): TextStringObject("name"),
            NameObject("/V"): TextStringObject("1000001158664"),
        }
    )
    fields = ArrayObject([writer._add_object(field)])
    writer.root_object[NameObject("/AcroForm")] = DictionaryObject({NameObject("/Fields"): fields})
    assert clues(pdf.clean(written(writer)).text, NUMBERS) == (Clue.PATIENT_ID,)


def test_of_a_scan_nobody_knows_what_it_says() -> None:
    writer = PdfWriter(clone_from=BytesIO(PDF))
    picture = StreamObject()
    picture.set_data(b"\x80")
    for name, value in {"Width": 1, "Height": 1, "BitsPerComponent": 8}.items():
        picture[NameObject(f"/{name}")] = NumberObject(value)
    picture[NameObject("/Subtype")] = NameObject("/Image")
    page = writer.add_blank_page(100, 100)
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/XObject"): DictionaryObject({NameObject("/A"): writer._add_object(picture)})}
    )
    cleaned = pdf.clean(written(writer))
    assert (cleaned.pages, cleaned.unread) == (2, 1)
    assert "/A" in PdfReader(BytesIO(cleaned.content)).pages[1]["/Resources"]["/XObject"]  # type: ignore[index]


def complicated() -> bytes:
    writer = PdfWriter(clone_from=BytesIO(PDF))
    return written(writer).replace(b"trailer", b"60 50000\n" + b"0000000015 00000 n \n" * 50_000 + b"trailer", 1)


def locked(password: str) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(PDF))
    writer.encrypt(password, "owner", algorithm="AES-256")
    return written(writer)


def empty(pages: int) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(10, 10)
    return written(writer)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "not|no PDF"),
        (b"MZ\x90\x00" + PDF[1000:], "no PDF"),
        ("Заключение".encode(), "no PDF"),
        (b"%PDF-1.4\nnothing else", "damaged"),
        (PDF[: len(PDF) // 2], "damaged|no pages"),
        (locked("secret"), "password"),
        (empty(0), "no pages"),
        (complicated(), "complicated"),
        (empty(MOST_PAGES + 1), "more than"),
    ],
)
def test_what_cannot_be_shown_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(ReportUnusable) as refused:
        pdf.clean(content)
    assert any(reason in refused.value.sentence.en for reason in why.split("|"))


def test_what_opens_without_a_password_is_kept_open() -> None:
    cleaned = pdf.clean(locked(""))
    assert CONCLUSION[:20] in cleaned.text
    assert not PdfReader(BytesIO(cleaned.content)).is_encrypted


def test_damage_leads_to_a_refusal_and_to_nothing_else() -> None:
    chance = Random(7)
    for _ in range(60):
        damaged = bytearray(PDF)
        for place in chance.sample(range(20, len(PDF)), 12):
            damaged[place] = chance.randrange(256)
        try:
            pdf.clean(bytes(damaged))
        except ReportUnusable:
            continue


def test_text_becomes_a_pdf_that_reads_the_same() -> None:
    text = "\ufeffОПИСАНИЕ\r\n\r\n    Ширина <5> мм & «норма»\tда\x00\r\n" + CONCLUSION + "\n" + "слово " * 2000
    made = PdfReader(BytesIO(letter.typeset(text, "ООО «Клиника» & Ко", "+7 495 000-00-00")))
    read = [page.extract_text() for page in made.pages]
    whole = " ".join(" ".join(read).split())
    assert len(read) > 1
    assert whole.removeprefix("1 ").startswith("ООО «Клиника» & Ко +7 495 000-00-00 ОПИСАНИЕ")
    assert "Ширина <5> мм & «норма»" in whole
    assert CONCLUSION in whole
    assert whole.count("слово") == 2000
    fonts: Any = made.pages[0]["/Resources"]
    embedded = [
        font.get_object() for font in fonts["/Font"].values() if "DejaVu" in str(font.get_object()["/BaseFont"])
    ]
    assert embedded
    assert all("/FontFile2" in font["/FontDescriptor"] for font in embedded)


@pytest.mark.parametrize("text", ["", " \n\t\r\n", "\x00\ufeff", "д" * (LONGEST_TEXT + 1)])
def test_text_that_makes_no_report_is_refused(text: str) -> None:
    with pytest.raises(ReportUnusable):
        letter.typeset(text, "Клиника", "")
