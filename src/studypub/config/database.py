"""[database]: PostgreSQL, and the folder for everything that lives on this machine."""

from pathlib import Path

from studypub.config.section import Section, need


class Database(Section, frozen=True):
    """PostgreSQL, and the folder for everything that lives on this machine."""

    url: str = "embedded"
    url_file: Path | None = None
    data_dir: Path = Path("/var/lib/studypub")

    def __post_init__(self) -> None:
        need(
            holds=self.url == "embedded" or self.url.startswith(("postgresql://", "postgres://")),
            key="url",
            why='must be "embedded" or begin with postgresql://',
        )
        need(holds=self.data_dir.is_absolute(), key="data_dir", why="must be an absolute path")
