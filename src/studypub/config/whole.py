"""The whole file."""

from pathlib import Path

from studypub.config.clinics import Clinic, Pacs
from studypub.config.database import Database
from studypub.config.dicom import Dicom
from studypub.config.hl7 import Hl7
from studypub.config.messages import Callbacks, Sms
from studypub.config.publication import Preview, Retention, Viewer
from studypub.config.section import Section, need
from studypub.config.server import Server
from studypub.config.sign_on import EVERY_CLINIC, MisTokens, Oidc
from studypub.config.storage import Storage
from studypub.config.watch import Alerts, Backup, Logging, Mail
from studypub.config.workers import Workers


class Config(Section, frozen=True):
    """The whole file."""

    server: Server = Server()
    database: Database = Database()
    dicom: Dicom = Dicom()
    storage: Storage = Storage()
    retention: Retention = Retention()
    preview: Preview = Preview()
    viewer: Viewer = Viewer()
    workers: Workers = Workers()
    backup: Backup = Backup()
    mail: Mail = Mail()
    alerts: Alerts = Alerts()
    callbacks: Callbacks = Callbacks()
    sms: Sms = Sms()
    hl7: Hl7 | None = None
    oidc: Oidc | None = None
    mis_tokens: MisTokens | None = None
    logging: Logging = Logging()
    clinics: tuple[Clinic, ...] = (
        Clinic(code="default", name="Клиника", pacs=Pacs(ae_title="ORTHANC", host="127.0.0.1", port=4242)),
    )

    def __post_init__(self) -> None:
        need(holds=bool(self.clinics), key="clinics", why="must hold at least one clinic")
        codes = [clinic.code for clinic in self.clinics]
        need(holds=len(codes) == len(set(codes)), key="clinics", why="holds the same code twice")
        for key in ("hl7", "oidc", "mis_tokens"):
            section: Hl7 | Oidc | MisTokens | None = getattr(self, key)
            known = {*codes, EVERY_CLINIC} if key == "oidc" else set(codes)
            unknown = set(section.clinics.values()) - known if section else set()
            need(holds=not unknown, key=key, why="clinics names a clinic that is not there")
        # Else whoever signs in could come as a program, with an ID token (RFC 8725 3.12).
        same = self.oidc and self.mis_tokens and self.oidc.client_id == self.mis_tokens.audience
        need(holds=not same, key="mis_tokens", why="audience must not be the client_id of [oidc]")
        need(holds=not self.alerts.to or bool(self.mail.host), key="mail", why="host is missing, and alerts.to is not")

    def clinic(self, code: str | None) -> Clinic | None:
        """Return the clinic of that code, the first one where no code is given, or None."""
        if code is None:
            return self.clinics[0]
        return next((clinic for clinic in self.clinics if clinic.code == code), None)

    @property
    def by_code(self) -> dict[str, Clinic]:
        """The clinics by their codes."""
        return {clinic.code: clinic for clinic in self.clinics}

    @property
    def backup_dir(self) -> Path:
        """Where the daemon's own backups lie."""
        return self.backup.folder or self.database.data_dir / "backups"

    @property
    def spool_dir(self) -> Path:
        """Where received instances and archives in the making lie."""
        return self.database.data_dir / "spool"
