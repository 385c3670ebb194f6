"""[backup], [mail], [alerts] and [logging]: what looks after the service, and who is told."""

from pathlib import Path
from typing import Literal

from studypub.config.section import THIS_MACHINE, Section, is_mail_address, need, need_absolute


class Backup(Section, frozen=True):
    """Backups that the daemon makes by itself; `every_hours` 0: none. Without `folder` they lie in the data folder."""

    folder: Path | None = None
    every_hours: float = 24.0
    keep: int = 7
    archives: bool = False

    def __post_init__(self) -> None:
        need(holds=0 <= self.every_hours <= 24 * 31, key="every_hours", why="must be between 0 and 744")
        need(holds=1 <= self.keep <= 10_000, key="keep", why="must be between 1 and 10000")
        need_absolute(self.folder, key="folder")


class Mail(Section, frozen=True):
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
        need(holds=1 <= self.port <= 65535, key="port", why="must be between 1 and 65535")
        need(holds=not self.host or is_mail_address(self.sender), key="sender", why="must be a mail address")
        need(holds=bool(self.user) == bool(self.password), key="user", why="needs a password, and a password a user")
        need(
            holds=self.security != "none" or not self.password or self.host in THIS_MACHINE,
            key="security",
            why='must not be "none" where a password would go over the network',
        )


class Alerts(Section, frozen=True):
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
    machine_minutes: float = 15.0
    wal_minutes: float = 15.0

    def __post_init__(self) -> None:
        need(holds=all(map(is_mail_address, self.to)), key="to", why="must be mail addresses")
        need(holds=0 <= self.errors_percent <= 100, key="errors_percent", why="must be between 0 and 100")
        need(holds=self.errors_least >= 1, key="errors_least", why="must be at least 1")
        need(holds=0 < self.errors_hours <= 24 * 7, key="errors_hours", why="must be more than 0 and at most 168")
        need(holds=0 <= self.disk_free_mb <= 2**30, key="disk_free_mb", why="must be between 0 and 2^30")
        hours, days = ("nothing_published_hours", "backup_hours"), ("certificate_days",)
        for key in (*hours, *days, "pacs_minutes", "part_minutes", "machine_minutes", "wal_minutes"):
            need(holds=0 <= getattr(self, key) <= 10_000, key=key, why="must be between 0 and 10000")


class Logging(Section, frozen=True):
    """JSON lines, to a file and to standard output."""

    file: Path | None = None
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
