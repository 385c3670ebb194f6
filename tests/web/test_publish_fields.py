"""Every field of a request to publish, and every way to get it wrong."""

from typing import Any

import pytest
from tests.web.conftest import KHIMKI, TVER, Site

SHORT = {"patient_id": "1000001158664", "accession_number": "KP125706548L"}
TEXTS = {
    "patient_id": 64,
    "accession_number": 16,
    "emk_record_id": 64,
    "clinic_code": 64,
    "service_code": 64,
    "service_title": 256,
}
SEARCHED = ("patient_id", "accession_number")
NOT_TEXTS: tuple[Any, ...] = (1, 1.5, True, [], ["1"], {}, {"a": 1})
NOT_DATES: tuple[Any, ...] = (
    20250301,
    True,
    [],
    {},
    "01.03.2025",
    "2025-13-01",
    "2025-02-30",
    "tomorrow",
    "2025",
    "9" * 5000,
)

FAULTS: list[tuple[str, Any]] = [
    *((name, value) for name in TEXTS for value in NOT_TEXTS),
    *((name, "x" * (length + 1)) for name, length in TEXTS.items()),
    *((name, f"A{letter}B") for name in TEXTS for letter in ("\x00", "\n", "\r\n", "\t", "\x1b", "\x7f", "\u2028")),
    *((name, f"AB{letter}") for name in TEXTS for letter in ("\n", "\r\n", "\u2029")),
    *((name, value) for name in SEARCHED for value in (None, "", "  ", "*", "A?", "A\\B")),
    ("clinic_code", "f_Nowhere"),
    *((name, value) for name in ("study_date", "save_till_date") for value in NOT_DATES),
    ("study_date", "0001-01-01"),
    ("study_date", "9999-12-31T23:59:59-12:00"),
    ("save_till_date", "2001-01-01"),
    ("save_till_date", "2001-01-01T00:00:00+03:00"),
    ("role", "administrator"),
    ("task_id", "1"),
    ("", "1"),
    ("f" * 5000, "1"),
]


@pytest.mark.parametrize(("field", "value"), FAULTS, ids=lambda part: repr(part)[:30])
async def test_x14_a_wrong_field_is_refused_by_name(steady_site: Site, field: str, value: Any) -> None:
    response = await steady_site.post({**SHORT, field: value}, **{"Accept-Language": "en"})
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["title"], problem["status"]) == ("Unprocessable Entity", 422)
    assert problem["detail"].endswith(".")
    assert [error["field"] for error in problem["errors"]] == [field[:64]]
    assert problem["errors"][0]["message"].endswith(".")


async def test_every_fault_is_named_at_once_in_russian(steady_site: Site) -> None:
    response = await steady_site.post({"accession_number": "*", "study_date": "x", "unknown": 1})
    errors = {error["field"]: error["message"] for error in response.json()["errors"]}
    assert errors.keys() == {"patient_id", "accession_number", "study_date", "unknown"}
    assert errors["patient_id"] == "Обязательное поле не заполнено."


async def test_a_flood_of_faults_is_not_echoed(steady_site: Site) -> None:
    response = await steady_site.post({f"field{number}": 1 for number in range(20_000)})
    assert response.status_code == 422
    assert len(response.content) < 20_000


@pytest.mark.parametrize(("key", "named"), [(KHIMKI, TVER), (TVER, KHIMKI)])
async def test_x19_a_key_publishes_for_its_own_clinic_only(steady_site: Site, key: str, named: str) -> None:
    response = await steady_site.post({**SHORT, "clinic_code": named}, key)
    assert response.status_code == 403
    assert response.headers["content-type"] == "application/problem+json"
    assert key in response.json()["detail"]


PAYLOADS = [
    "'; DROP TABLE tasks; --",
    "<script>alert(1)</script>",
    "{{ 7 - 7 }}${7-7}",
    '{"level": "ERROR"}',
    "%s %(patient_id)s %n",
    "../../etc/passwd",
    "😀 Жук",
]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_x18_what_looks_like_code_is_data(site: Site, payload: str) -> None:
    document = {"patient_id": payload, "accession_number": payload[:16].strip(), "emk_record_id": payload}
    response = await site.post({**document, "service_code": payload, "service_title": payload})
    assert response.status_code == 202
    answer = response.json()
    assert {name: answer[name] for name in document} == document
    found = await site.client.get("/publish", params={"accession_number": payload[:16].strip()}, headers=site.as_mis())
    assert found.json() == answer


@pytest.mark.parametrize("query", ["?accession_number=", "?accession_number=%00", "?accession_number=*"])
async def test_a_wrong_accession_number_is_not_looked_up(steady_site: Site, query: str) -> None:
    response = await steady_site.get(f"/publish{query}")
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["accession_number"]


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b"[]", 400),
        ({"Content-Type": "application/json"}, b'{"patient_id": NaN}', 400),
        ({"Content-Type": "application/json"}, b'{"patient_id": "\\udfff"}', 400),
        ({"Content-Type": "application/json"}, b"[" * 500_000, 400),
        ({"Content-Type": "application/json"}, b'{"patient_id": "1", "patient_id": "2"}', 422),
        ({"Content-Type": "application/json"}, b" " * (1 << 20) + b"{}", 413),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b"{}", 415),
        ({"Content-Type": "application/json; charset=windows-1251"}, b"{}", 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"patient_id=1", 415),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({}, b"{}", 415),
        ({"Content-Type": "application/json; charset=utf-8"}, b"{}", 422),
        ({"Content-Type": "Application/JSON"}, b"{}", 422),
    ],
    ids=lambda part: repr(part)[:40],
)
async def test_x17_a_body_that_is_no_such_document_is_refused(
    steady_site: Site, headers: dict[str, str], content: bytes, status: int
) -> None:
    response = await steady_site.client.post("/publish", content=content, headers={**steady_site.as_mis(), **headers})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
