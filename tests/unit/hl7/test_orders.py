"""Which studies a message of HL7 asks for, and what it is answered with."""

from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hl7
from studypub.config import Hl7
from studypub.errors import Sentence
from studypub.hl7.answers import Outcome, acknowledged
from studypub.hl7.message import Header, NoMessage, Unreadable, header, segments
from studypub.hl7.orders import documents, segments_wanted

MSH = r"MSH|^~\&|MIS|F_KHIMKI|STUDYPUB|X|20250201161802+0300||{kind}|17|P|2.5||||||{letters}"
PID = "PID|1||1000001158664^^^MIS^MR~77^^^X^PI||Иванов^Иван"
ORDER = "OBR|1|A||A01.201.405.002^МРТ {esc}T{esc} суставов|||20250201161802+0300|||||||||||KP125706548L|||||||{status}"
WANTED = {
    "patient_id": "1000001158664",
    "accession_number": "KP125706548L",
    "service_code": "A01.201.405.002",
    "service_title": "МРТ & суставов",
    "study_date": "2025-02-01T16:18:02+03:00",
}


def order(status: str = "F") -> str:
    return ORDER.format(esc="\\", status=status)


def message(
    *lines: str, kind: str = "ORU^R01^ORU_R01", letters: str = "", codec: str = "utf-8", end: str = "\r"
) -> bytes:
    return end.join([MSH.format(kind=kind, letters=letters), *lines, ""]).encode(codec)


def asked(raw: bytes, **settings: object) -> list[dict[str, object]]:
    config = msgspec.convert(settings, Hl7)
    head = header(raw, config.encoding)
    return documents(head, segments(raw, head.codec, segments_wanted(config)), config)


@pytest.mark.parametrize(
    ("letters", "codec"),
    [("", "utf-8"), ("", "windows-1251"), ("UNICODE UTF-8", "utf-8"), ("8859/5", "iso8859-5"), ("CP1251", "cp1251")],
)
@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_a_result_in_any_letters(letters: str, codec: str, end: str) -> None:
    assert asked(message(PID, order(), letters=letters, codec=codec, end=end)) == [WANTED]


@pytest.mark.parametrize(
    ("lines", "accession_numbers"),
    [
        ([PID, "ORC|NW|1", order("")], ["KP125706548L"]),
        ([PID, "ORC|CA|1", order("")], []),
        ([PID, "ORC|NW|1||||SC", order("")], ["KP125706548L"]),
        ([PID, "ORC|SC|1|||IP", order("")], []),
        ([PID, "ORC|SC|1|||CM", order("")], ["KP125706548L"]),
        ([PID, order("I")], []),
        ([PID, "ORC|NW|1", order(""), "IPC|KP2^X"], ["KP2"]),
        ([PID, "ORC|NW|1", order(""), "ORC|CA|2", order(""), "IPC|KP2"], ["KP125706548L"]),
        ([PID, "ORC|NW|1", order(""), "ORC|NW|2", order(""), "IPC|KP2"], ["KP125706548L", "KP2"]),
        ([PID, order(), "OBX|1|TX|a||b", order(), "OBX|1|TX|a||b"], ["KP125706548L"]),
        ([PID, order(), PID.replace("1000001158664", "5"), order()], ["KP125706548L", "KP125706548L"]),
        ([PID, "OBR|1|A"], [None]),
    ],
)
def test_orders_of_one_message(lines: list[str], accession_numbers: list[str | None]) -> None:
    assert [one.get("accession_number") for one in asked(message(*lines))] == accession_numbers


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("A/F/B", "A|B"),
        ("A/S/B/R//E//T/", "A^B~\\&"),
        ("A/.sp999999999/B", "AB"),
        ("A/H/B/N///", "AB"),
        ("A/XD0/B", "AB"),
        ("A/", "A\\"),
    ],
)
def test_what_is_hidden_is_read_as_it_is_meant(written: str, read: str) -> None:
    title = written.replace("/", "\\")
    (found,) = asked(message(PID, f"OBR|1|||1^{title}||||||||||||||KP1"))
    assert found["service_title"] == read


def test_an_order_is_never_given_another_patients_number() -> None:
    raw = message(
        PID, "PV1|1|O|||||||||||||||||VISIT-1", order(), "PID|2", order(), PID.replace("1000001158664", "5"), order()
    )
    found = asked(raw)
    assert [one.get("patient_id") for one in found] == ["1000001158664", None, "5"]
    assert [one.get("emk_record_id") for one in found] == ["VISIT-1", None, None]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"patient_id_type": "PI"}, {"patient_id": "77"}),
        ({"patient_id_type": "NI"}, {"patient_id": None}),
        ({"clinics": {"F_KHIMKI": "f_Khimki"}}, {"clinic_code": "f_Khimki"}),
        (
            {"fields": {"patient_id": ["PID-3"], "accession_number": ["OBR-2"]}},
            {"accession_number": "A", "study_date": None},
        ),
        ({"only": {"OBR-25": ["C"]}}, None),
    ],
)
def test_what_the_configuration_says_is_done(settings: dict[str, object], expected: dict[str, object] | None) -> None:
    found = asked(message(PID, order()), **settings)
    assert [{name: one.get(name) for name in expected or {}} for one in found] == (
        [] if expected is None else [expected]
    )


@pytest.mark.parametrize(
    ("raw", "settings", "condition"),
    [
        (message(PID), {}, "100"),
        (message(PID, order()), {"clinics": {"OTHER": "f_Khimki"}}, "103"),
        (message(PID, order(), letters="ISO IR87"), {}, "102"),
        (message(PID, order(), letters="UNICODE UTF-8", codec="cp1251"), {}, "102"),
        (message(PID, *[order()] * 1200), {}, "102"),
    ],
)
def test_what_cannot_be_used_says_why(raw: bytes, settings: dict[str, object], condition: str) -> None:
    with pytest.raises(Unreadable) as refused:
        asked(raw, **settings)
    assert refused.value.condition == condition


@pytest.mark.parametrize("raw", [b"", b"MSH", b"PID|1", b"GET / HTTP/1.1\r\n\r\n", "МСХ|".encode()])
def test_what_is_no_message_is_not_answered(raw: bytes) -> None:
    with pytest.raises(NoMessage):
        header(raw, "windows-1251")


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from([b"", b"|", b"^", b"\r", b"\\", b"\x00", b"\xd0", b"~&"])),
        max_size=8,
    )
)
def test_damage_is_an_answer_and_never_a_crash(damage: list[tuple[int, bytes]]) -> None:
    raw = message(PID, "ORC|NW|1", order())
    for place, what in damage:
        raw = raw[:place] + what + raw[place + 1 :]
    try:
        head = header(raw, "windows-1251")
    except NoMessage:
        return
    acknowledged(head, Outcome("A"), datetime.now().astimezone())
    try:
        found = asked(raw)
    except Unreadable:
        return
    assert all(isinstance(value, str) for one in found for value in one.values())


def acknowledgement(head: Header, outcome: Outcome) -> list[list[str]]:
    raw = acknowledged(head, outcome, datetime(2025, 2, 1, 16, 18, tzinfo=timezone(timedelta(hours=3))))
    answer = hl7.parse(raw.decode(head.codec or "latin-1"))
    return [[str(field) for field in segment] for segment in answer]


def test_an_answer_goes_back_where_the_message_came_from() -> None:
    head = header(message(PID, order(), letters="WINDOWS-1251", codec="cp1251"), "utf-8")
    msh, msa = acknowledgement(head, Outcome("A", Sentence("Исследований в очереди: 1", "")))
    assert msh[3:10] == ["STUDYPUB", "X", "MIS", "F_KHIMKI", "20250201161800+0300", "", "ACK^R01^ACK"]
    assert msh[11:13] + msh[18:] == ["P", "2.5", "WINDOWS-1251"]
    assert msa == ["MSA", "AA", "17", "Исследований в очереди: 1"]


def test_a_refusal_says_why_in_letters_that_the_sender_has() -> None:
    head = header(message("PID|1", kind="ADT^A01", letters="ASCII"), "utf-8")
    _, msa, err = acknowledgement(head, Outcome("R", Sentence("Не сейчас", "Not | now"), "207"))
    assert msa == ["MSA", "AR", "17", r"Not \F\ now"]
    assert (err[3], err[4]) == ("207^^HL70357", "E")


def test_whoever_asks_for_a_commit_gets_one() -> None:
    raw = (MSH.format(kind="ORU^R01", letters="").removesuffix("||||||") + "|||AL").encode()
    assert acknowledgement(header(raw, "utf-8"), Outcome("A"))[1][1] == "CA"
