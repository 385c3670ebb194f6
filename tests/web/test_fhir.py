"""FHIR R4 of a clinic's open publications."""

from datetime import timedelta
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.imagingstudy import ImagingStudy
from fhir.resources.R4B.operationoutcome import OperationOutcome
from tests.peers.fhir_schema import require_valid
from tests.web.conftest import TVER, Site


async def got(site: Site, address: str, status: int = 200, **more: Any) -> dict[str, Any]:
    answer = await site.get(f"/fhir/{address}", **more)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/fhir+json"), answer.text
    document: dict[str, Any] = answer.json()
    require_valid(document)
    return document


async def published(site: Site, accession_number: str, **more: str) -> str:
    study = await site.completed(await site.queued(accession_number, **more))
    return str(study.study_id)


async def test_a_publication_is_an_imaging_study(site: Site) -> None:
    study_id = await published(site, "KP1", service_title="МРТ суставов", study_date="2025-02-01T16:18:02+03:00")
    resource = await got(site, f"ImagingStudy/{study_id}")
    ImagingStudy.model_validate(resource)
    assert (resource["id"], resource["status"], resource["numberOfInstances"]) == (study_id, "available", 7)
    assert resource["started"] == "2025-02-01T16:18:02+03:00"
    assert resource["description"] == "МРТ суставов"
    assert [one["value"] for one in resource["identifier"]] == ["KP1"]
    assert resource["subject"]["identifier"]["value"] == "1000001158664"
    assert "endpoint" not in resource  # nobody wrote down what is in it


async def test_a_search_finds_what_is_asked_for_page_by_page(site: Site) -> None:
    for number in range(1, 4):
        await published(site, f"KP{number}", study_date=f"2025-02-0{number}")

    async def found(query: str) -> list[str]:
        bundle = await got(site, f"ImagingStudy?{query}")
        Bundle.model_validate(bundle)
        return [entry["resource"]["identifier"][-1]["value"] for entry in bundle.get("entry", [])]

    assert await found("") == ["KP3", "KP2", "KP1"]
    assert await found("identifier=KP2,KP1") == ["KP2", "KP1"]
    assert await found("patient=1000001158664&started=ge2025-02-02&started=lt2025-02-03") == ["KP2"]
    assert await found("patient=other") == []
    assert await found("_lastUpdated=lt2025") == []
    assert await found("_count=0") == []
    first = await got(site, "ImagingStudy?_count=2")
    (after,) = [link["url"] for link in first["link"] if link["relation"] == "next"]
    assert first["total"] == 3
    assert await found(after.partition("?")[2]) == ["KP1"]


async def test_what_is_closed_is_gone(site: Site) -> None:
    study_id = await published(site, "KP1")
    study = await site.completed(await site.queued("KP2"), keep=timedelta(seconds=-1))
    assert [entry["resource"]["id"] for entry in (await got(site, "ImagingStudy"))["entry"]] == [study_id]
    OperationOutcome.model_validate(await got(site, f"ImagingStudy/{study.study_id}", 410))


@pytest.mark.parametrize(
    ("address", "status"), [("ImagingStudy/x", 404), ("ImagingStudy?started=x", 400), ("Patient/1", 404)]
)
async def test_what_cannot_be_answered_is_an_outcome(site: Site, address: str, status: int) -> None:
    OperationOutcome.model_validate(await got(site, address, status))


async def test_another_clinic_sees_nothing(site: Site) -> None:
    study_id = await published(site, "KP1")
    assert (await got(site, "ImagingStudy", clinic=TVER))["total"] == 0
    assert await got(site, f"ImagingStudy/{study_id}", 404, clinic=TVER)


async def test_it_says_what_it_can_do(site: Site) -> None:
    CapabilityStatement.model_validate(await got(site, "metadata"))
