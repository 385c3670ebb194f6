"""[[clinics]]: each with its PACS, and what becomes of its images."""

import re
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from studypub.config.messages import Delivery, Fhir
from studypub.config.section import Section, need, need_absolute, need_ae_title


class PacsTls(Section, frozen=True):
    """TLS towards a PACS: by what its certificate is known, and which one of ours it is shown.

    `ca`: an authority's certificate, or the PACS's own. `fingerprint`: the SHA-256 of exactly the one that it has.
    """

    ca: Path | None = None
    fingerprint: str = ""
    check_name: bool = True
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        for name in ("ca", "certificate", "key"):
            need_absolute(getattr(self, name), key=name)
        need(
            holds=re.fullmatch(r"([0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}|", self.fingerprint) is not None,
            key="fingerprint",
            why="must be 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` prints them",
        )
        need(holds=bool(self.ca or self.fingerprint), key="ca", why="(or fingerprint) is missing")
        need(holds=(self.certificate is None) == (self.key is None), key="key", why="and certificate go together")

    @property
    def digest(self) -> bytes:
        """The fingerprint's bytes; empty where any certificate will do that `ca` vouches for."""
        return bytes.fromhex(self.fingerprint.replace(":", ""))


class Pacs(Section, frozen=True):
    """A clinic's PACS, as we reach it."""

    ae_title: str
    host: str
    port: int
    retrieve: Literal["move", "get"] = "move"
    peers: tuple[str, ...] = ()
    peer_ae_titles: tuple[str, ...] = ()
    tls: PacsTls | None = None

    def __post_init__(self) -> None:
        need_ae_title(self.ae_title)
        for title in self.peer_ae_titles:
            need_ae_title(title, key="peer_ae_titles")
        need(holds=1 <= self.port <= 65535, key="port", why="must be between 1 and 65535")
        need(holds=bool(self.host), key="host", why="must not be empty")


PixelPolicy = Literal["leave_out", "mask", "review"]


class Pixels(Section, frozen=True):
    """What becomes of a clinic's images that may show text, or a person.

    `leave_out`: not published, and listed. `mask`: published once whatever looks like text is covered; where that is
    not certain, `unsure` decides. `review`: a person looks at each of them first. `trust_reading`: text that was found
    by reading alone, where neither the device nor the header tells its place, counts as covered for certain.
    """

    ultrasound: PixelPolicy = "mask"
    fluoroscopy: PixelPolicy = "mask"
    captures: PixelPolicy = "leave_out"
    photographs: PixelPolicy = "leave_out"
    unclear: PixelPolicy = "mask"
    unsure: Literal["leave_out", "review"] = "leave_out"
    trust_reading: bool = False
    faces: Literal["publish", "review", "leave_out"] = "publish"


class Report(Section, frozen=True):
    """Whether doctors' reports may be put beside a clinic's images: they name the patient, and the link shows them."""

    allowed: bool = False


class Clinic(Section, frozen=True):
    """A clinic: it selects the PACS, the time zone and the profile; `retention_days` 0: kept as [retention] says.

    `more_pacs` are asked after `pacs`, in their order, for what none before them has.
    `storage_prefix`: what the names of its objects in the store begin with, such as `khimki/`.
    """

    code: str
    name: str
    pacs: Pacs
    more_pacs: tuple[Pacs, ...] = ()
    time_zone: str = "Europe/Moscow"
    phone: str = ""
    profile: Literal["basic", "second-opinion", "second-opinion-private"] = "second-opinion"
    also_remove: tuple[str, ...] = ()
    archive_format: Literal["zip", "tar.zst", "iso"] = "zip"
    start_page: bool = False
    retention_days: int = 0
    storage_prefix: str = ""
    pixels: Pixels = Pixels()
    report: Report = Report()
    delivery: Delivery = Delivery()
    fhir: Fhir = Fhir()

    def __post_init__(self) -> None:
        need(
            holds=re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", self.code) is not None,
            key="code",
            why="must be 1 to 64 letters, digits, dots, hyphens and underscores",
        )
        need(holds=bool(self.name.strip()), key="name", why="must not be empty")
        titles = {pacs.ae_title for pacs in self.every_pacs}
        need(holds=len(titles) == len(self.every_pacs), key="more_pacs", why="must each have an AE title of its own")
        need(holds=0 <= self.retention_days <= 36500, key="retention_days", why="must be between 0 and 36500")
        need(
            holds=re.fullmatch(r"([A-Za-z0-9_-]{1,64}/){0,4}", self.storage_prefix, re.ASCII) is not None,
            key="storage_prefix",
            why="must be empty, or 1 to 4 names of letters, digits, hyphens and underscores, a slash after each",
        )
        try:
            ZoneInfo(self.time_zone)
        except (LookupError, OSError, ValueError):
            raise ValueError("`time_zone` must be a name such as Europe/Moscow") from None

    @property
    def every_pacs(self) -> tuple[Pacs, ...]:
        """Its PACS, in the order in which they are asked."""
        return (self.pacs, *self.more_pacs)

    def pacs_called(self, ae_title: str) -> Pacs | None:
        """Return the one of its PACS with this AE title."""
        return next((pacs for pacs in self.every_pacs if pacs.ae_title == ae_title), None)

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.time_zone)
