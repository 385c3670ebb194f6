"""Certificates made for a test: good ones of an authority of one's own, expired, for another name, self-made."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A key and what vouches for it; `authority` is what a client has to trust."""

    key: Path
    chain: Path
    authority: Path

    def context(self) -> ssl.SSLContext:
        """Return what a server needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


def make(folder: Path, name: str = "localhost", *, begins: str = "", ends: str = "") -> Certificate:
    """Make a certificate that is its own authority; the dates, as openssl writes them, are now and in two days."""
    key, chain = folder / f"{name}.key", folder / f"{name}.pem"
    request = [
        "openssl",
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        f"/CN={name}",
    ]
    asked, extension = folder / f"{name}.csr", folder / f"{name}.ext"
    _run(*request, "-keyout", key, "-out", asked)
    extension.write_text(
        f"subjectAltName=DNS:{name}\nbasicConstraints=CA:TRUE\nkeyUsage=digitalSignature,keyCertSign\n"
    )
    dates = ["-days", "2"]
    if ends:
        (folder / "index").write_text("")
        (folder / "serial").write_text("01")
        (folder / "ca.cnf").write_text(_AUTHORITY.format(folder=folder))
        dated: list[str | Path] = ["-startdate", begins, "-enddate", ends, "-extfile", extension]
        signing: list[str | Path] = [
            "openssl",
            "ca",
            "-batch",
            "-config",
            folder / "ca.cnf",
            "-selfsign",
            "-keyfile",
            key,
        ]
        _run(*signing, *dated, "-in", asked, "-out", chain, "-notext")
    else:
        _run("openssl", "x509", "-req", "-in", asked, "-signkey", key, *dates, "-extfile", extension, "-out", chain)
    return Certificate(key, chain, chain)


_AUTHORITY = """
[ca]
default_ca = one
[one]
new_certs_dir = {folder}
database = {folder}/index
serial = {folder}/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
