"""Codes by time are those of RFC 6238, near enough to now, and each once; recovery codes are what people can copy."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from studypub.core import totp

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()  # RFC 6238 Appendix B, whose codes have eight digits


@pytest.mark.parametrize(
    ("seconds", "code"), [(59, "287082"), (1111111109, "081804"), (2000000000, "279037"), (20000000000, "353130")]
)
def test_the_codes_of_the_standard(seconds: int, code: str) -> None:
    now = datetime.fromtimestamp(seconds, UTC)
    assert totp.step_of(RFC_SECRET, code, now, after=0) == totp.step_at(now)


def test_clocks_may_differ_by_one_step_and_no_more() -> None:
    secret, now = totp.new_secret(), datetime(2026, 11, 27, tzinfo=UTC)
    step = totp.step_at(now)
    for seconds in (0, 29):  # the step's first and last second
        found = [
            totp.step_of(secret, totp.code(secret, step + off), now + timedelta(seconds=seconds), after=0)
            for off in range(-2, 3)
        ]
        assert found == [None, step - 1, step, step + 1, None]


def test_neither_a_used_step_nor_one_before_it_counts() -> None:
    secret, now = totp.new_secret(), datetime(2026, 11, 27, tzinfo=UTC)
    step = totp.step_at(now)
    codes = [totp.code(secret, step + off) for off in (-1, 0, 1)]
    assert [totp.step_of(secret, code, now, after=step) for code in codes] == [None, None, step + 1]


def test_what_people_type() -> None:
    assert totp.tidied(" 123 456\n") == "123456"
    assert totp.is_code("123456")
    assert not any(totp.is_code(text) for text in ("", "12345", "1234567", "12345a", "١٢٣٤٥٦"))
    codes = totp.new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(totp.is_recovery_code(totp.tidied(code)) for code in codes)
    assert not any(totp.is_recovery_code(text) for text in ("", "a" * 15, "a" * 17, "a" * 15 + "1", "\ud800" * 16))
    assert totp.tidied(codes[0].upper().replace("-", " ")) == totp.tidied(codes[0])


def test_the_address_names_the_service_and_the_account() -> None:
    secret = totp.new_secret()
    assert len(secret) == 32  # 160 bits
    said = f"otpauth://totp/StudyPublicator:ivanova%40clinic?secret={secret}&issuer=StudyPublicator"
    assert totp.address(secret, "ivanova@clinic") == said
