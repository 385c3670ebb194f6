"""Reads the one configuration file into one frozen value, or says which line of it cannot be used."""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from string import Formatter
from types import UnionType
from typing import Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from studypub.errors import ConfigError

DEFAULT_PATH = Path("/etc/studypub/config.toml")
_ENVIRONMENT_PREFIX = "STUDYPUB_"
_DAY_SECONDS = 86_400
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_GATEWAYS = {"smsc": "https://smsc.ru/sys/send.php", "smsaero": "https://gate.smsaero.ru/v2/sms/send"}
_IN_LETTERS = {"link", "till", "clinic", "phone"}
_WEEK_MINUTES = 7 * 24 * 60
_AE_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e](?:[\x20-\x5b\x5d-\x7e]{0,14}[\x21-\x5b\x5d-\x7e])?")  # PS3.5 6.2


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file: unknown keys are refused. Some hold secrets, so none shows its values."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


def _need(*, holds: bool, key: str, why: str) -> None:
    if not holds:
        raise ValueError(f"`{key}` {why}")


def _need_port(port: int) -> None:
    _need(holds=0 <= port <= 65535, key="port", why="must be between 0 and 65535")


def _need_ae_title(title: str) -> None:
    _need(holds=_AE_TITLE.fullmatch(title) is not None, key="ae_title", why="must be 1 to 16 ASCII characters")


def _need_seconds(seconds: float, *, key: str) -> None:
    _need(holds=0 < seconds <= _DAY_SECONDS, key=key, why="must be more than 0 and at most a day")


def _is_address(text: str) -> bool:
    try:
        url = urlsplit(text)
        return (
            url.scheme in {"http", "https"}
            and bool(url.hostname)
            and url.port != 0
            and url.username is None
            and not (url.query or url.fragment)
        )
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _is_mail_address(text: str) -> bool:
    return re.fullmatch(r"[!-?A-~]+@[A-Za-z0-9.-]+", text) is not None


def _need_letter(text: str, *, key: str, needs_link: bool) -> None:
    """Need a template that names nothing else than it may: no name of a patient, no number."""
    try:
        named = {part[1:] for part in Formatter().parse(text) if part[1] is not None}
    except ValueError:
        raise ValueError(f"`{key}` has a brace that is not closed") from None
    holds = named <= {(name, "", None) for name in _IN_LETTERS}
    _need(holds=holds, key=key, why="may name {link}, {till}, {clinic} and {phone} alone")
    _need(holds=not needs_link or ("link", "", None) in named, key=key, why="must name {link}")


def _need_absolute(path: Path | None, *, key: str) -> None:
    _need(holds=path is None or path.is_absolute(), key=key, why="must be an absolute path")


class ServerTls(_Section, frozen=True):
    """TLS that the web layer speaks itself; `redirect_port` 0: no plain HTTP beside it.

    The files are PEM. They are read again when they change, so these are paths and no secrets' texts.
    """

    certificate: Path
    key: Path
    redirect_port: int = 0
    challenges: Path | None = None

    def __post_init__(self) -> None:
        _need_absolute(self.certificate, key="certificate")
        _need_absolute(self.key, key="key")
        _need_absolute(self.challenges, key="challenges")
        _need(holds=0 <= self.redirect_port <= 65535, key="redirect_port", why="must be between 0 and 65535")
        _need(
            holds=self.challenges is None or self.redirect_port != 0,
            key="challenges",
            why="needs redirect_port: they are asked for over plain HTTP",
        )


class Server(_Section, frozen=True):
    """The web layer."""

    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1",)
    api_requests_per_minute: int = 6000
    require_totp: Literal["nobody", "administrators", "everybody"] = "nobody"
    tls: ServerTls | None = None

    def __post_init__(self) -> None:
        _need(holds=bool(self.host), key="host", why="must not be empty")
        _need_port(self.port)
        _need(
            holds=not self.public_url or _is_address(self.public_url),
            key="public_url",
            why="must be an address such as https://studies.clinic.example",
        )
        _need(
            holds=all(map(_is_network, self.trusted_proxies)),
            key="trusted_proxies",
            why="must be addresses such as 127.0.0.1 or networks such as 10.0.0.0/8",
        )
        _need(holds=self.api_requests_per_minute >= 1, key="api_requests_per_minute", why="must be at least 1")
        _need(
            holds=self.tls is None or self.public_url.startswith("https://"),
            key="public_url",
            why="must begin with https:// and hold a name that the certificate of [server.tls] is for",
        )

    @property
    def base_url(self) -> str:
        """What links begin with, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def is_https(self) -> bool:
        """Whether people reach us over TLS, so that cookies may be Secure."""
        return self.base_url.startswith("https://")


class Database(_Section, frozen=True):
    """PostgreSQL, and the folder for everything that lives on this machine."""

    url: str = "embedded"
    url_file: Path | None = None
    data_dir: Path = Path("/var/lib/studypub")

    def __post_init__(self) -> None:
        _need(
            holds=self.url == "embedded" or self.url.startswith(("postgresql://", "postgres://")),
            key="url",
            why='must be "embedded" or begin with postgresql://',
        )
        _need(holds=self.data_dir.is_absolute(), key="data_dir", why="must be an absolute path")


class DicomTls(_Section, frozen=True):
    """TLS at our Storage SCP (PS3.15 B.9): a port of its own, and whether the one without TLS stays.

    With `client_ca` whoever connects has to show a certificate of that authority; where it is not `client_required`,
    only one that is shown is looked at.
    """

    certificate: Path
    key: Path
    port: int = 2762  # PS3.15 B.9: well known for DICOM TLS
    plain: bool = True
    client_ca: Path | None = None
    client_required: bool = True

    def __post_init__(self) -> None:
        _need_absolute(self.certificate, key="certificate")
        _need_absolute(self.key, key="key")
        _need_absolute(self.client_ca, key="client_ca")
        _need_port(self.port)


class Dicom(_Section, frozen=True):
    """Our own Storage SCP."""

    ae_title: str = "STUDYPUB"
    host: str = "0.0.0.0"  # noqa: S104 - a PACS reaches us from another machine
    port: int = 11112
    connect_seconds: float = 10.0
    search_timeout_seconds: float = 300.0
    quiet_seconds: float = 30.0
    stall_seconds: float = 300.0
    retrieve_timeout_seconds: float = 3600.0
    connections_per_peer: int = 8
    silence_seconds: float = 300.0
    tls: DicomTls | None = None

    def __post_init__(self) -> None:
        _need_ae_title(self.ae_title)
        _need(holds=bool(self.host), key="host", why="must not be empty")
        _need_port(self.port)
        _need_seconds(self.connect_seconds, key="connect_seconds")
        _need_seconds(self.search_timeout_seconds, key="search_timeout_seconds")
        _need_seconds(self.quiet_seconds, key="quiet_seconds")
        _need_seconds(self.stall_seconds, key="stall_seconds")
        _need_seconds(self.retrieve_timeout_seconds, key="retrieve_timeout_seconds")
        _need(holds=1 <= self.connections_per_peer <= 128, key="connections_per_peer", why="must be between 1 and 128")
        _need_seconds(self.silence_seconds, key="silence_seconds")
        _need(
            holds=self.tls is None or not self.tls.plain or self.tls.port != self.port or self.port == 0,
            key="port",
            why="must be another one than that of [dicom.tls]",
        )

    @property
    def plain_port(self) -> int | None:
        """The port without TLS, where there is one."""
        return self.port if self.tls is None or self.tls.plain else None

    @property
    def ports(self) -> str:
        """The ports that a PACS may send to, as people are told of them."""
        plain = [] if self.plain_port is None else [str(self.plain_port)]
        return ", ".join([*plain, f"{self.tls.port} (TLS)"] if self.tls else plain)


class S3(_Section, frozen=True):
    """An S3-compatible object store."""

    endpoint: str
    bucket: str
    access_key: str = ""
    access_key_file: Path | None = None
    secret_key: str = ""
    secret_key_file: Path | None = None
    region: str = "us-east-1"
    prefix: str = ""

    def __post_init__(self) -> None:
        _need(
            holds=_is_address(self.endpoint) and urlsplit(self.endpoint).path in {"", "/"},
            key="endpoint",
            why="must be an address such as https://storage.yandexcloud.net",
        )
        _need(
            holds=re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", self.bucket) is not None,
            key="bucket",
            why="must be 3 to 63 lower-case letters, digits, dots and hyphens",
        )
        _need(holds=bool(self.access_key), key="access_key", why="(or access_key_file) is missing")
        _need(holds=bool(self.secret_key), key="secret_key", why="(or secret_key_file) is missing")


class Storage(_Section, frozen=True):
    """Where archives are kept."""

    kind: Literal["local", "s3"] = "local"
    s3: S3 | None = None

    def __post_init__(self) -> None:
        _need(holds=self.kind != "s3" or self.s3 is not None, key="s3", why='is missing while kind = "s3"')


class Retention(_Section, frozen=True):
    """How long a publication is kept, in days."""

    default_days: int = 30
    max_days: int = 365

    def __post_init__(self) -> None:
        _need(holds=1 <= self.max_days <= 36500, key="max_days", why="must be between 1 and 36500")
        _need(
            holds=1 <= self.default_days <= self.max_days,
            key="default_days",
            why="must be at least 1 and at most max_days",
        )


class Preview(_Section, frozen=True):
    """The pictures that a link shows without a download."""

    enabled: bool = True
    images_per_series: int = 100
    images_per_study: int = 600

    def __post_init__(self) -> None:
        for key in ("images_per_series", "images_per_study"):
            _need(holds=1 <= getattr(self, key) <= 2000, key=key, why="must be between 1 and 2000")


class Workers(_Section, frozen=True):
    """How tasks are worked on."""

    concurrency: int = 2
    max_attempts: int = 8
    search_minutes: float = 10.0
    search_interval_seconds: float = 30.0
    retry_base_seconds: float = 15.0
    lease_seconds: float = 20.0
    least_free_mb: int = 1024
    max_in_progress: int = 10_000

    def __post_init__(self) -> None:
        _need(holds=1 <= self.concurrency <= 64, key="concurrency", why="must be between 1 and 64")
        _need(holds=self.max_attempts >= 1, key="max_attempts", why="must be at least 1")
        _need(holds=self.max_in_progress >= 1, key="max_in_progress", why="must be at least 1")
        _need(holds=0 <= self.search_minutes <= _WEEK_MINUTES, key="search_minutes", why="must be at most a week")
        _need_seconds(self.search_interval_seconds, key="search_interval_seconds")
        _need_seconds(self.retry_base_seconds, key="retry_base_seconds")
        _need(holds=1 <= self.lease_seconds <= 3600, key="lease_seconds", why="must be between 1 and 3600")
        _need(holds=0 <= self.least_free_mb <= 2**30, key="least_free_mb", why="must be between 0 and 2^30")


class Backup(_Section, frozen=True):
    """Backups that the daemon makes by itself; `every_hours` 0: none. Without `folder` they lie in the data folder."""

    folder: Path | None = None
    every_hours: float = 24.0
    keep: int = 7
    archives: bool = False

    def __post_init__(self) -> None:
        _need(holds=0 <= self.every_hours <= 24 * 31, key="every_hours", why="must be between 0 and 744")
        _need(holds=1 <= self.keep <= 10_000, key="keep", why="must be between 1 and 10000")
        _need_absolute(self.folder, key="folder")


class Mail(_Section, frozen=True):
    """The server that takes our mail; without `host` none is sent."""

    host: str = ""
    port: int = 587
    security: Literal["starttls", "smtps", "none"] = "starttls"
    user: str = ""
    password: str = ""
    password_file: Path | None = None
    sender: str = ""
    ca_certificate: Path | None = None

    def __post_init__(self) -> None:
        _need(holds=1 <= self.port <= 65535, key="port", why="must be between 1 and 65535")
        _need(holds=not self.host or _is_mail_address(self.sender), key="sender", why="must be a mail address")
        _need(holds=bool(self.user) == bool(self.password), key="user", why="needs a password, and a password a user")
        _need(
            holds=self.security != "none" or not self.password or self.host in _THIS_MACHINE,
            key="security",
            why='must not be "none" where a password would go over the network',
        )


class Alerts(_Section, frozen=True):
    """Who is written to when something is wrong, and from where on it is; a limit of 0: that is not looked at."""

    to: tuple[str, ...] = ()
    language: Literal["ru", "en"] = "ru"
    errors_percent: float = 30.0
    errors_least: int = 3
    errors_hours: float = 4.0
    nothing_published_hours: float = 4.0
    disk_free_mb: int = 5120
    backup_hours: float = 50.0
    pacs_minutes: float = 15.0
    part_minutes: float = 10.0
    certificate_days: float = 14.0

    def __post_init__(self) -> None:
        _need(holds=all(map(_is_mail_address, self.to)), key="to", why="must be mail addresses")
        _need(holds=0 <= self.errors_percent <= 100, key="errors_percent", why="must be between 0 and 100")
        _need(holds=self.errors_least >= 1, key="errors_least", why="must be at least 1")
        _need(holds=0 < self.errors_hours <= 24 * 7, key="errors_hours", why="must be more than 0 and at most 168")
        _need(holds=0 <= self.disk_free_mb <= 2**30, key="disk_free_mb", why="must be between 0 and 2^30")
        for key in ("nothing_published_hours", "backup_hours", "pacs_minutes", "part_minutes", "certificate_days"):
            _need(holds=0 <= getattr(self, key) <= 10_000, key=key, why="must be between 0 and 10000")


class Callbacks(_Section, frozen=True):
    """Where programs may be called back at, by scheme, host and port; nowhere by default.

    A name may lead to public addresses, and to those of `networks`.
    """

    allow: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    ca_certificate: Path | None = None

    def __post_init__(self) -> None:
        origins = [_is_address(one) and urlsplit(one).path in {"", "/"} for one in self.allow]
        _need(holds=all(origins), key="allow", why="must be addresses such as https://mis.clinic.example")
        _need(holds=all(map(_is_network, self.networks)), key="networks", why="must be networks such as 10.0.0.0/8")
        _need_absolute(self.ca_certificate, key="ca_certificate")


class Sms(_Section, frozen=True):
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
        _need(holds=not self.url or _is_address(self.url.partition("?")[0]), key="url", why="must be an address")
        _need(holds=self.kind != "generic" or bool(self.url), key="url", why='is missing while kind = "generic"')
        needs_password = self.kind in {"smsc", "smsaero"}
        _need(holds=not needs_password or bool(self.user), key="user", why="is missing")
        _need(holds=not needs_password or bool(self.password), key="password", why="(or password_file) is missing")
        _need(holds=self.kind != "smsaero" or bool(self.sender), key="sender", why="is missing")
        both = "{phone}" in self.body and "{text}" in self.body
        _need(holds=both, key="body", why="must hold {phone} and {text}")
        try:
            re.compile(self.taken)
        except re.error:
            raise ValueError("`taken` must be a regular expression") from None

    @property
    def address(self) -> str:
        """Where it is called."""
        return self.url or _GATEWAYS.get(self.kind, "")


class Logging(_Section, frozen=True):
    """JSON lines, to a file and to standard output."""

    file: Path | None = None
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


class PacsTls(_Section, frozen=True):
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
            _need_absolute(getattr(self, name), key=name)
        _need(
            holds=re.fullmatch(r"([0-9a-fA-F]{2}:?){31}[0-9a-fA-F]{2}|", self.fingerprint) is not None,
            key="fingerprint",
            why="must be 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256` prints them",
        )
        _need(holds=bool(self.ca or self.fingerprint), key="ca", why="(or fingerprint) is missing")
        _need(holds=(self.certificate is None) == (self.key is None), key="key", why="and certificate go together")

    @property
    def digest(self) -> bytes:
        """The fingerprint's bytes; empty where any certificate will do that `ca` vouches for."""
        return bytes.fromhex(self.fingerprint.replace(":", ""))


class Pacs(_Section, frozen=True):
    """A clinic's PACS, as we reach it."""

    ae_title: str
    host: str
    port: int
    retrieve: Literal["move", "get"] = "move"
    peers: tuple[str, ...] = ()
    peer_ae_titles: tuple[str, ...] = ()
    tls: PacsTls | None = None

    def __post_init__(self) -> None:
        for title in (self.ae_title, *self.peer_ae_titles):
            _need_ae_title(title)
        _need(holds=1 <= self.port <= 65535, key="port", why="must be between 1 and 65535")
        _need(holds=bool(self.host), key="host", why="must not be empty")


PixelPolicy = Literal["leave_out", "mask", "review"]


class Pixels(_Section, frozen=True):
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


class Delivery(_Section, frozen=True):
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
        _need(holds=0 < self.hours <= 24 * 30, key="hours", why="must be more than 0 and at most 720")
        _need(holds=1 <= self.per_day <= 100, key="per_day", why="must be between 1 and 100")
        for language in ("ru", "en"):
            subject = getattr(self, f"subject_{language}")
            _need(holds=subject.isprintable(), key=f"subject_{language}", why="must be one line")
            for kind in ("subject", "mail", "sms"):
                key = f"{kind}_{language}"
                _need_letter(getattr(self, key), key=key, needs_link=kind != "subject")

    @property
    def wait(self) -> timedelta | None:
        """How long after the publication the patient is written to; None: when a person lets the message go."""
        if self.release == "by_hand":
            return None
        return timedelta(hours=self.hours if self.release == "after_hours" else 0)


class Clinic(_Section, frozen=True):
    """A clinic: it selects the PACS, the time zone and the profile."""

    code: str
    name: str
    pacs: Pacs
    time_zone: str = "Europe/Moscow"
    phone: str = ""
    profile: Literal["basic", "second-opinion", "second-opinion-private"] = "second-opinion"
    also_remove: tuple[str, ...] = ()
    pixels: Pixels = Pixels()
    delivery: Delivery = Delivery()

    def __post_init__(self) -> None:
        _need(
            holds=re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", self.code) is not None,
            key="code",
            why="must be 1 to 64 letters, digits, dots, hyphens and underscores",
        )
        _need(holds=bool(self.name.strip()), key="name", why="must not be empty")
        try:
            ZoneInfo(self.time_zone)
        except (LookupError, OSError, ValueError):
            raise ValueError("`time_zone` must be a name such as Europe/Moscow") from None

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's time zone."""
        return ZoneInfo(self.time_zone)


class Config(_Section, frozen=True):
    """The whole file."""

    server: Server = Server()
    database: Database = Database()
    dicom: Dicom = Dicom()
    storage: Storage = Storage()
    retention: Retention = Retention()
    preview: Preview = Preview()
    workers: Workers = Workers()
    backup: Backup = Backup()
    mail: Mail = Mail()
    alerts: Alerts = Alerts()
    callbacks: Callbacks = Callbacks()
    sms: Sms = Sms()
    logging: Logging = Logging()
    clinics: tuple[Clinic, ...] = (
        Clinic(code="default", name="Клиника", pacs=Pacs(ae_title="ORTHANC", host="127.0.0.1", port=4242)),
    )

    def __post_init__(self) -> None:
        _need(holds=bool(self.clinics), key="clinics", why="must hold at least one clinic")
        codes = [clinic.code for clinic in self.clinics]
        _need(holds=len(codes) == len(set(codes)), key="clinics", why="holds the same code twice")
        _need(holds=not self.alerts.to or bool(self.mail.host), key="mail", why="host is missing, and alerts.to is not")

    def clinic(self, code: str | None) -> Clinic | None:
        """Return the clinic of that code, the first one where no code is given, or None."""
        if code is None:
            return self.clinics[0]
        return next((clinic for clinic in self.clinics if clinic.code == code), None)

    @property
    def backup_dir(self) -> Path:
        """Where the daemon's own backups lie."""
        return self.backup.folder or self.database.data_dir / "backups"

    @property
    def spool_dir(self) -> Path:
        """Where received instances and archives in the making lie."""
        return self.database.data_dir / "spool"


def load(path: Path | None, environment: Mapping[str, str]) -> Config:
    """Read the file (else `$STUDYPUB_CONFIG`, else /etc/studypub/config.toml, else built-in defaults).

    `STUDYPUB_<SECTION>__<KEY>` in the environment overrides a key; `<key>_file` is read for secrets.
    Raises ConfigError, whose sentence names the place in the file.
    """
    named = path or (Path(environment["STUDYPUB_CONFIG"]) if environment.get("STUDYPUB_CONFIG") else None)
    document = _read(named or DEFAULT_PATH, must_exist=named is not None)
    _override(document, environment)
    _read_secrets(document, "")
    try:
        return msgspec.convert(document, Config, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(problem=_problem(str(error))) from None


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(problem=f"{path}: no such file") from None
        return {}
    except OSError as error:
        raise ConfigError(problem=f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(problem=f"{path}: {error}") from None


def _override(document: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, text in environment.items():
        section, separator, key = name.removeprefix(_ENVIRONMENT_PREFIX).lower().partition("__")
        if not name.startswith(_ENVIRONMENT_PREFIX) or not separator:
            continue
        table = document
        *parents, leaf = [section, *key.split("__")]
        for parent in parents:
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                raise ConfigError(problem=f"{name}: {parent} is not a table")
        table[leaf] = text if _is_text([*parents, leaf]) else _toml_value(text)


def _is_text(place: list[str]) -> bool:
    """Whether the key holds text: a secret of digits is no number."""
    kinds: tuple[Any, ...] = (Config,)
    for name in place:
        sections = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
        kind = {field.name: field.type for one in sections for field in msgspec.structs.fields(one)}.get(name)
        kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return str in kinds


def _toml_value(text: str) -> Any:
    """Read the text as a TOML value (numbers, booleans, lists); anything else is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _read_secrets(table: dict[str, Any], where: str) -> None:
    for key, value in list(table.items()):
        place = f"{where}{key}"
        if isinstance(value, dict):
            _read_secrets(value, f"{place}.")
        elif key.endswith("_file") and isinstance(value, str):
            secret = key.removesuffix("_file")
            if secret in table:
                raise ConfigError(problem=f"{place}: {secret} is given as well")
            try:
                table[secret] = Path(value).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise ConfigError(problem=f"{place}: the file cannot be read") from None


def _path(kind: type, value: object) -> Path:
    if kind is not Path:
        raise NotImplementedError
    if not isinstance(value, str):
        raise TypeError("Expected `str`")
    return Path(value)


def _problem(text: str) -> str:
    """Turn msgspec's words («… - at `$.server.port`») into «server.port: …»."""
    message, _, place = text.partition(" - at ")
    place = place.strip("`").removeprefix("$").lstrip(".")
    if named := re.match(r"(?:Object (?:contains unknown|missing required) field )?`([^`]+)`", message):
        place = f"{place}.{named[1]}".lstrip(".")
        message = message.replace(f"`{named[1]}` ", "", 1) if not message.startswith("Object") else message
    return f"{place}: {message}" if place else message
