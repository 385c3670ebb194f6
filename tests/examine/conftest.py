"""What the tests of the doctor have in common: real counterparts, wrongly set up."""

import logging
from collections.abc import Callable, Iterator

import msgspec
import pytest
from tests.peers.desk import ACCESSION, Desk
from tests.peers.facing import facing, opened, other, study
from tests.peers.orthanc import orthanc
from tests.peers.postgres import postgres_server
from tests.peers.s3 import radosgw, swift

from studypub.config import Clinic, Config, Pacs
from studypub.flows import doctor
from studypub.flows.examine.finding import Finding
from studypub.flows.examine.transfer import Listener

__all__ = ["facing", "opened", "orthanc", "other", "postgres_server", "radosgw", "study", "swift"]

Examined = Callable[..., list[Finding]]


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    """Keep no records of pynetdicom, as the service keeps none."""
    logger = logging.getLogger("pynetdicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(level)


def by_the_daemon(desk: Desk, accession_number: str = ACCESSION, **changes: object) -> dict[str, Finding]:
    """Examine the PACS of a desk as its daemon would; return what was found, by code."""
    clinic = Clinic(code="c", name="Клиника", pacs=msgspec.structs.replace(desk.pacs, **changes))
    config = Config(dicom=desk.dicom, clinics=(clinic,))
    listener = Listener(desk.spool, desk.scp.visitors)
    return by_code(doctor.by_the_daemon(config, clinic, accession_number, listener))


def by_code(findings: list[Finding]) -> dict[str, Finding]:
    """Return what was found; whatever is no joy says what to do, in both languages."""
    for finding in findings:
        assert finding.sentence.ru
        assert finding.sentence.en
        assert finding.passed is not finding.warned or finding.code != ""
        if finding.warned or not finding.passed:
            assert finding.remedy.ru
            assert finding.remedy.en
    return {finding.code: finding for finding in findings}


def failures(found: dict[str, Finding]) -> set[str]:
    """Return the codes of what fails."""
    return {code for code, finding in found.items() if not finding.passed}


def one_clinic(pacs: Pacs, **sections: object) -> Config:
    """Return a configuration with one clinic."""
    return msgspec.structs.replace(Config(clinics=(Clinic(code="c", name="Клиника", pacs=pacs),)), **sections)
