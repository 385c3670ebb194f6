"""What the tests of this folder have in common."""

import logging

import pytest


@pytest.fixture(autouse=True)
def _silence(caplog: pytest.LogCaptureFixture) -> None:
    """Keep no records of pynetdicom, as the service keeps none: their tracebacks hold what was received."""
    caplog.set_level(logging.CRITICAL + 1, "pynetdicom")
