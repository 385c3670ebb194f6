"""What a patient is written: the clinic's own words around a link and a date, and nobody's name."""

from dataclasses import dataclass
from datetime import datetime

from studypub.config import Clinic

_SAMPLE = "5sXrQ2mZ0aYtB8uWcE1dKf"


@dataclass(frozen=True, slots=True)
class Words:
    """A mail's subject and text, and a text message."""

    subject: str
    mail: str
    sms: str


def words(clinic: Clinic, language: str, link: str, till: datetime) -> Words:
    """Return the clinic's templates of a language, filled in; the date is that of its time zone."""
    facts = {
        "link": link,
        "till": f"{till.astimezone(clinic.zone):%d.%m.%Y}",
        "clinic": clinic.name,
        "phone": clinic.phone,
    }
    templates = clinic.delivery
    return Words(*(getattr(templates, f"{kind}_{language}").format(**facts) for kind in ("subject", "mail", "sms")))


def sample(base_url: str) -> str:
    """Return a link that leads nowhere, to try words with."""
    return f"{base_url}/s/{_SAMPLE}"
