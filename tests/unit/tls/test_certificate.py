"""What a certificate says, compared with what openssl says of it; and what the doctor makes of it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.peers.certificates import Authority, Pair, openssl

from studypub.config import Config, DicomTls
from studypub.errors import ConfigError
from studypub.flows import certificates
from studypub.tls import certificate, contexts
from studypub.tls.renewal import Renewed


def end_of(path: Path) -> datetime:
    said = openssl("x509", "-in", path, "-noout", "-enddate").strip().removeprefix("notAfter=")
    return datetime.strptime(said, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)


@pytest.mark.parametrize("days", [-1, 30, 9000, 40_000])
def test_its_end_is_what_openssl_says(authority: Authority, days: int) -> None:
    """Also beyond 2049, where the date is written in another way."""
    path = authority.issue(days=days).certificate
    (der,) = certificate.read(path, "")
    assert certificate.valid_until(der) == end_of(path)


def test_a_certificate_of_the_first_version(tmp_path: Path) -> None:
    key, path, request = tmp_path / "key", tmp_path / "crt", tmp_path / "csr"
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", key, "-out", request)
    openssl("x509", "-req", "-in", request, "-signkey", key, "-days", "9", "-out", path)
    assert "Version: 1 " in openssl("x509", "-in", path, "-noout", "-text")
    (der,) = certificate.read(path, "")
    assert certificate.valid_until(der) == end_of(path)


def test_its_fingerprint_is_what_openssl_says(ours: Pair) -> None:
    (der,) = certificate.read(ours.certificate, "")
    assert certificate.fingerprint(der).hex(":").upper() == ours.fingerprint


@pytest.mark.parametrize("der", [b"", b"\x30\x00", b"\x30\x03\x30\x01\x00", b"\x30\x80", bytes(500), b"\xff" * 50])
def test_what_is_no_certificate_has_no_end(der: bytes) -> None:
    with pytest.raises(ValueError, match="no certificate"):
        certificate.valid_until(der)


def test_a_chain_is_read_whole(authority: Authority, ours: Pair, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"words\n" + ours.certificate.read_bytes() + authority.certificate.read_bytes())
    assert len(certificate.read(chain, "")) == 2
    chain.write_text("-----BEGIN CERTIFICATE-----\nпусто\n-----END CERTIFICATE-----\n")
    with pytest.raises(ConfigError):
        certificate.read(chain, "")


def test_the_doctor_says_how_long_it_is_valid(ours: Pair) -> None:
    tls = DicomTls(certificate=ours.certificate, key=ours.key)
    config = msgspec.structs.replace(Config(), dicom=msgspec.structs.replace(Config().dicom, tls=tls))
    end = end_of(ours.certificate)

    def said(before: timedelta) -> tuple[bool, str]:
        ((passed, sentence),) = certificates.judge(config, end - before)
        return passed, sentence.en

    assert said(timedelta(days=20))[0]
    assert "20 days more" in said(timedelta(days=20))[1]
    assert not said(timedelta(days=13))[0]
    assert "expired" in said(timedelta(seconds=-1))[1]
    assert list(certificates.judge(Config())) == []


def test_a_pair_that_does_not_fit_is_refused_until_it_does(ours: Pair, authority: Authority, tmp_path: Path) -> None:
    used, fresh = Pair(tmp_path / "crt", tmp_path / "key"), authority.issue(days=9)
    ours.install(used)
    tls = DicomTls(certificate=used.certificate, key=used.key)
    renewed = Renewed("dicom", [used.certificate, used.key], lambda: contexts.listener(tls))
    first = renewed.context
    renewed.renew()
    assert renewed.context is first  # nothing has changed
    used.certificate.unlink()
    renewed.renew()
    assert renewed.context is first
    fresh.install(used)
    renewed.renew()
    assert renewed.context is not first
    assert renewed.valid_until == end_of(fresh.certificate)
    assert 8 < renewed.days_left < 9.1
