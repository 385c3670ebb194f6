"""What is told about each error, and to whom."""

import pytest
from litestar.exceptions import NotFoundException, PermissionDeniedException

from studypub.errors import (
    AlreadyInProgress,
    DatabaseUnavailable,
    PacsUnreachable,
    Refused,
    StorageRefused,
    StorageUnavailable,
)
from studypub.web.errors import is_for_programs, problem_of


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (AlreadyInProgress(), 409, "REFUSED"),
        (Refused(reason_ru="нет", reason_en="no"), 409, "REFUSED"),
        (DatabaseUnavailable(), 503, "DATABASE_UNAVAILABLE"),
        (StorageUnavailable(), 503, "STORAGE_UNAVAILABLE"),
        (PacsUnreachable(pacs="A", address="10.0.0.5"), 503, "PACS_UNREACHABLE"),
        (StorageRefused(reason="AccessDenied on bucket x"), 500, "STORAGE_UNAVAILABLE"),
        (NotFoundException("internal words"), 404, None),
        (PermissionDeniedException("internal words"), 403, None),
        (ValueError("internal words"), 500, "INTERNAL"),
        (KeyError("Ivanov^Ivan"), 500, "INTERNAL"),
    ],
)
def test_an_error_has_a_status_a_code_and_no_inner_words(error: Exception, status: int, code: str | None) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)
    told = " ".join(problem.sentence)
    assert not [word for word in ("internal words", "Ivanov", "AccessDenied", "10.0.0.5") if word in told]
    assert ("Retry-After" in problem.headers) == (status == 503)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/publish", True),
        ("/publish/", True),
        ("/publish/x", True),
        ("/publish/x/y", True),
        ("/publish/new", False),
        ("/publish/new/x", False),
        ("/publishing", False),
        ("/healthz", True),
        ("/readyz", True),
        ("/metrics", True),
        ("/schema/openapi.json", True),
        ("/", False),
        ("/queue", False),
        ("/s/publish", False),
    ],
)
def test_programs_are_known_by_what_they_ask_for(path: str, expected: bool) -> None:
    assert is_for_programs(path) is expected
