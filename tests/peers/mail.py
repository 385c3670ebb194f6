"""A real mail server on loopback, which does to mail what a test tells it to."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tests.peers.program import free_port

from studypub.config import Mail

USER, PASSWORD = "studypub", "letter opener"


@dataclass
class MailServer:
    """What has come, and how the next is answered: `data` after the text, `refused`: whom it does not know."""

    port: int
    mail: Mail
    letters: list[EmailMessage] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    data: str = "250 OK"
    refused: tuple[str, ...] = ()

    async def handle_RCPT(  # noqa: N802 - a name of aiosmtpd
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return f"550 nobody is called {address}"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, _: SMTP, __: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.data

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, ____: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and given == LoginPassword(USER.encode(), PASSWORD.encode())
        if right:
            self.users.append(USER)
        return AuthResult(success=right, handled=False)


@contextmanager
def serving(folder: Path, security: Literal["starttls", "smtps", "none"] = "none", **mail: Any) -> Iterator[MailServer]:
    """Run a server; with TLS it lets only USER in, by a certificate that its own `ca_certificate` vouches for."""
    port, encrypted = free_port(), security != "none"
    certificate = _certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    given: dict[str, Any] = {"host": "127.0.0.1", "port": port, "sender": "studypub@clinic.example"}
    if encrypted:
        given |= {"user": USER, "password": PASSWORD, "ca_certificate": certificate}
    config = Mail(security=security, **(given | mail))
    server = MailServer(port, config)
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=port,
        ssl_context=context if security == "smtps" else None,
        tls_context=context if security == "starttls" else None,
        require_starttls=security == "starttls",
        auth_require_tls=security == "starttls",
        authenticator=server.authenticate,
        auth_required=security == "starttls",
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def _certificate(folder: Path) -> Path:
    """Return a file of a key and a certificate for 127.0.0.1 that vouches for itself."""
    path = folder / "mail.pem"
    if not path.exists():
        made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        made += ["-days", "2", "-subj", "/CN=mail", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run([*made, "-keyout", "key", "-out", "certificate"], cwd=folder, check=True, capture_output=True)
        path.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return path
