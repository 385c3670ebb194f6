"""[callbacks], [sms] and [clinics.delivery]: who is told of a publication, and in which words."""

import re
from datetime import timedelta
from pathlib import Path
from string import Formatter
from typing import Literal
from urllib.parse import urlsplit

from studypub.config.section import THIS_MACHINE, Section, is_address, is_network, need, need_absolute

_GATEWAYS = {"smsc": "https://smsc.ru/sys/send.php", "smsaero": "https://gate.smsaero.ru/v2/sms/send"}
_IN_LETTERS = {"link", "till", "clinic", "phone"}


class Callbacks(Section, frozen=True):
    """Where programs may be called back at, by scheme, host and port; nowhere by default.

    A name may lead to public addresses, and to those of `networks`.
    """

    allow: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    ca_certificate: Path | None = None

    def __post_init__(self) -> None:
        origins = [is_address(one) and urlsplit(one).path in {"", "/"} for one in self.allow]
        need(holds=all(origins), key="allow", why="must be addresses such as https://mis.clinic.example")
        need(holds=all(map(is_network, self.networks)), key="networks", why="must be networks such as 10.0.0.0/8")
        need_absolute(self.ca_certificate, key="ca_certificate")


class Sms(Section, frozen=True):
    """The gateway that takes our text messages; without `kind` none is sent.

    `url`, where it is not the usual one. Of "generic": what is posted, and what has to stand in the answer.
    """

    kind: Literal["", "smsc", "smsaero", "generic"] = ""
    url: str = ""
    user: str = ""
    password: str = ""
    password_file: Path | None = None
    sender: str = ""
    content_type: Literal["application/json", "application/x-www-form-urlencoded"] = "application/json"
    body: str = '{"to": "{phone}", "text": "{text}"}'
    authorization: str = ""
    authorization_file: Path | None = None
    taken: str = ""

    def __post_init__(self) -> None:
        need(holds=not self.url or is_address(self.url.partition("?")[0]), key="url", why="must be an address")
        need(holds=self.kind != "generic" or bool(self.url), key="url", why='is missing while kind = "generic"')
        needs_password = self.kind in {"smsc", "smsaero"}
        need(holds=not needs_password or bool(self.user), key="user", why="is missing")
        need(holds=not needs_password or bool(self.password), key="password", why="(or password_file) is missing")
        need(holds=self.kind != "smsaero" or bool(self.sender), key="sender", why="is missing")
        both = "{phone}" in self.body and "{text}" in self.body
        need(holds=both, key="body", why="must hold {phone} and {text}")
        try:
            re.compile(self.taken)
        except re.error:
            raise ValueError("`taken` must be a regular expression") from None

    @property
    def address(self) -> str:
        """Where it is called."""
        return self.url or _GATEWAYS.get(self.kind, "")


class Fhir(Section, frozen=True):
    """A clinic's FHIR R4 server that is told of its publications; without `url` none is. `token`: of RFC 6750."""

    url: str = ""
    token: str = ""
    token_file: Path | None = None
    ca_certificate: Path | None = None

    def __post_init__(self) -> None:
        need(holds=not self.url or is_address(self.url), key="url", why="must be an address")
        need(holds=re.fullmatch(r"[!-~]*", self.token) is not None, key="token", why="must be one word")
        plain = self.url.startswith("http:") and urlsplit(self.url).hostname not in THIS_MACHINE
        need(holds=not (plain and self.token), key="url", why="must begin with https:// where there is a token")
        need_absolute(self.ca_certificate, key="ca_certificate")


class Delivery(Section, frozen=True):
    """Whether a clinic sends patients their link, when, how often at most, and in which words.

    `consent` "when_given": whoever gives an address has the patient's consent to use it.
    """

    consent: Literal["never", "when_given"] = "never"
    release: Literal["at_once", "after_hours", "by_hand"] = "at_once"
    hours: float = 24.0
    per_day: int = 5
    language: Literal["ru", "en"] = "ru"
    subject_ru: str = "Ваши снимки готовы"
    mail_ru: str = (
        "Здравствуйте!\n\nВаши снимки можно посмотреть и скачать по ссылке:\n{link}\n\n"
        "Она действует до {till}. Данных пациента в снимках нет; открыть их может каждый, у кого есть ссылка.\n\n"
        "{clinic}\n{phone}\n"
    )
    sms_ru: str = "Ваши снимки: {link} до {till}"
    subject_en: str = "Your images are ready"
    mail_en: str = (
        "Good day,\n\nYour images can be viewed and downloaded by this link:\n{link}\n\n"
        "It works until {till}. The images do not name the patient; whoever has the link can open them.\n\n"
        "{clinic}\n{phone}\n"
    )
    sms_en: str = "Your images: {link} until {till}"

    def __post_init__(self) -> None:
        need(holds=0 < self.hours <= 24 * 30, key="hours", why="must be more than 0 and at most 720")
        need(holds=1 <= self.per_day <= 100, key="per_day", why="must be between 1 and 100")
        for language in ("ru", "en"):
            subject = getattr(self, f"subject_{language}")
            need(holds=subject.isprintable(), key=f"subject_{language}", why="must be one line")
            for kind in ("subject", "mail", "sms"):
                key = f"{kind}_{language}"
                _need_letter(getattr(self, key), key=key, needs_link=kind != "subject")

    @property
    def wait(self) -> timedelta | None:
        """How long after the publication the patient is written to; None: when a person lets the message go."""
        if self.release == "by_hand":
            return None
        return timedelta(hours=self.hours if self.release == "after_hours" else 0)


def _need_letter(text: str, *, key: str, needs_link: bool) -> None:
    """Need a template that names nothing else than it may: no name of a patient, no number."""
    try:
        named = {part[1:] for part in Formatter().parse(text) if part[1] is not None}
    except ValueError:
        raise ValueError(f"`{key}` has a brace that is not closed") from None
    holds = named <= {(name, "", None) for name in _IN_LETTERS}
    need(holds=holds, key=key, why="may name {link}, {till}, {clinic} and {phone} alone")
    need(holds=not needs_link or ("link", "", None) in named, key=key, why="must name {link}")
