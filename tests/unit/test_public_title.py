"""A service's title is shown to patients only where it holds no identifier."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from studypub.core.publication import Publication, State, public_title

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STUDY = Publication(
    study_id=UUID(int=1),
    task_id=UUID(int=2),
    clinic_code="f_Khimki",
    patient_id="1000-0011 58664",
    accession_number="KP125706548L",
    emk_record_id=None,
    service_title=None,
    state=State.LIVE,
    token="t",
    object_key="k",
    size=1,
    sha256=b"",
    instances=1,
    left_out=0,
    modalities=("CT",),
    profile="basic",
    study_date=None,
    shown_date=None,
    upload_date=NOW,
    save_till=NOW,
)


@pytest.mark.parametrize("title", ["МРТ суставов", " МРТ суставов ", "КТ KP1257"])
def test_shown(title: str) -> None:
    assert public_title(replace(STUDY, service_title=title)) == title.strip()


@pytest.mark.parametrize(
    "title", [None, "", "  ", "КТ KP125706548L", "КТ kp 125706548 l", "10000011-58664: КТ", "КТ (запись 98765)"]
)
def test_held_back(title: str | None) -> None:
    assert public_title(replace(STUDY, emk_record_id="98765", service_title=title)) is None
