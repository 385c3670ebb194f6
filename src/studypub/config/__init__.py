"""The one configuration file, read into one frozen value, or told which line of it cannot be used."""

from studypub.config.clinics import Clinic, Pacs, PacsTls, PixelPolicy, Pixels, Report
from studypub.config.current import Current
from studypub.config.database import Database
from studypub.config.dicom import Dicom, DicomTls
from studypub.config.hl7 import Hl7
from studypub.config.messages import Callbacks, Delivery, Fhir, Sms
from studypub.config.publication import Preview, Retention, Viewer
from studypub.config.reading import DEFAULT_PATH, load
from studypub.config.server import Server, ServerTls
from studypub.config.sign_on import MisTokens, Oidc
from studypub.config.storage import S3, Storage
from studypub.config.watch import Alerts, Backup, Logging, Mail
from studypub.config.whole import Config
from studypub.config.workers import Workers

__all__ = [
    "DEFAULT_PATH",
    "S3",
    "Alerts",
    "Backup",
    "Callbacks",
    "Clinic",
    "Config",
    "Current",
    "Database",
    "Delivery",
    "Dicom",
    "DicomTls",
    "Fhir",
    "Hl7",
    "Logging",
    "Mail",
    "MisTokens",
    "Oidc",
    "Pacs",
    "PacsTls",
    "PixelPolicy",
    "Pixels",
    "Preview",
    "Report",
    "Retention",
    "Server",
    "ServerTls",
    "Sms",
    "Storage",
    "Viewer",
    "Workers",
    "load",
]
