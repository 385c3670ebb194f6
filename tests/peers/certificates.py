"""Certificates as a clinic makes them: an authority of its own, by openssl."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path

    def install(self, other: "Pair") -> None:
        """Take the place of another, file by file, as a renewal does."""
        for here, there in ((self.certificate, other.certificate), (self.key, other.key)):
            fresh = there.with_suffix(".new")
            fresh.write_bytes(here.read_bytes())
            fresh.replace(there)

    def context(self) -> ssl.SSLContext:
        """Return what a server needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    @property
    def fingerprint(self) -> str:
        """As openssl prints it."""
        printed = openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256")
        return printed.strip().partition("=")[2]


class Authority:
    """An authority, whose certificate others trust."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self.certificate, self._key = folder / f"{name}.crt", folder / f"{name}.key"
        self._made = 0
        new = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN=Clinic {name}")
        openssl(*new, "-keyout", self._key, "-out", self.certificate)

    def issue(self, *hosts: str, days: int = 30, begins: str = "") -> Pair:
        """Return a new certificate for these hosts; with `days` -1 it has expired. `begins`: on that day, not now."""
        self._made += 1
        stem = self._folder / f"{self.certificate.stem}-{self._made}"
        pair = Pair(stem.with_suffix(".crt"), stem.with_suffix(".key"))
        request, names = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        alternatives = ",".join(f"{'IP' if host[0].isdigit() else 'DNS'}:{host}" for host in hosts or HOSTS)
        names.write_text(f"subjectAltName={alternatives}\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=studypub", "-keyout", pair.key, "-out", request)
        signed = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-days", str(days))
        signing = ("x509", "-req", "-in", request, *signed, "-extfile", names, "-out", pair.certificate)
        _run(*(("faketime", begins) if begins else ()), "openssl", *signing)
        return pair


def openssl(*arguments: str | Path) -> str:
    """Run openssl to its end; return what it printed."""
    return _run("openssl", *arguments)


def _run(*command: str | Path) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The clinic's authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="session")
def ours(authority: Authority) -> Pair:
    """A certificate of the clinic's for this machine."""
    return authority.issue()
