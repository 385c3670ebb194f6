"""What a link opens, and for how long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from studypub.core import ids
from studypub.core.access import Access, decide, redirect_lifetime
from studypub.core.publication import Publication, State, keep_until, link

NOW = datetime(2025, 2, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIVE = Publication(
    study_id=uuid4(),
    task_id=uuid4(),
    clinic_code="default",
    patient_id="P1",
    accession_number="A1",
    emk_record_id=None,
    service_title=None,
    state=State.LIVE,
    token=ids.new_token(),
    object_key="studies/x.zip",
    size=1,
    sha256=bytes(32),
    instances=1,
    left_out=0,
    modalities=("CT",),
    profile="basic",
    study_date=None,
    shown_date=None,
    upload_date=NOW,
    save_till=NOW + timedelta(days=1),
)


@pytest.mark.parametrize(
    ("publication", "access"),
    [
        (None, Access.UNKNOWN),
        (LIVE, Access.OPEN),
        (replace(LIVE, save_till=NOW + SECOND), Access.OPEN),
        (replace(LIVE, save_till=NOW), Access.EXPIRED),
        (replace(LIVE, save_till=NOW - SECOND), Access.EXPIRED),  # not swept yet
        (replace(LIVE, state=State.EXPIRED), Access.EXPIRED),
        (replace(LIVE, state=State.WITHDRAWN), Access.WITHDRAWN),
        (replace(LIVE, state=State.WITHDRAWN, save_till=NOW - SECOND), Access.WITHDRAWN),
    ],
)
def test_decide(publication: Publication | None, access: Access) -> None:
    assert decide(publication, NOW) is access


@pytest.mark.parametrize(("left", "lifetime"), [(86400, 300), (301, 300), (300, 300), (17, 17)])
def test_an_address_never_outlives_the_publication(left: int, lifetime: int) -> None:
    publication = replace(LIVE, save_till=NOW + timedelta(seconds=left))
    assert redirect_lifetime(publication, NOW) == timedelta(seconds=lifetime)


def test_keep_until_the_date_asked_for_or_the_default() -> None:
    assert keep_until(None, NOW, 30) == NOW + timedelta(days=30)
    assert keep_until(NOW + timedelta(days=3), NOW, 30) == NOW + timedelta(days=3)


def test_link() -> None:
    assert link("https://studies.clinic.example", "TOKEN") == "https://studies.clinic.example/s/TOKEN"


def test_tokens_are_long_plain_and_never_the_same() -> None:
    tokens = {ids.new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert {len(token) for token in tokens} == {22}
    letters = set("".join(tokens))
    assert len(letters) == 62  # 22 letters of 62: 131 bits
    assert all(token.isascii() and token.isalnum() for token in tokens)
    assert ids.new_object_key() != ids.new_object_key()
    key_id, secret = ids.new_api_key()
    assert (len(key_id), len(secret), len(ids.new_session_token())) == (8, 43, 43)
    assert ids.same(secret, secret)
    assert not ids.same(secret, secret[:-1])
