"""Looks how old the newest backup is."""

from datetime import UTC, datetime

from studypub.config import Config
from studypub.flows import backup
from studypub.flows.examine.causes import backup as causes
from studypub.flows.examine.finding import Finding


def examine(config: Config) -> Finding:
    """Say how old the newest backup is."""
    now, newest, started = datetime.now(UTC), backup.newest(config.backup_dir), _first_start(config)
    age = None if newest is None else now - newest
    cause = causes.judge(age, None if started is None else now - started, config.backup.every_hours)
    hours = 0.0 if age is None else age.total_seconds() / 3600
    return cause.found(folder=config.backup_dir, age=hours, hours=config.backup.every_hours)


def _first_start(config: Config) -> datetime | None:
    try:
        return datetime.fromtimestamp((config.database.data_dir / "instance").stat().st_mtime, UTC)
    except OSError:
        return None
