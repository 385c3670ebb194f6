"""Looks how old the newest backup is."""

from datetime import UTC, datetime, timedelta

from studypub.config import Config
from studypub.flows import backup
from studypub.flows.examine.causes import backup as causes
from studypub.flows.examine.finding import Finding
from studypub.flows.examine.shared import ask
from studypub.flows.keep_backed_up import elsewhere


def examine(config: Config) -> Finding:
    """Say how old the newest backup is."""
    now, newest, started = datetime.now(UTC), backup.newest(config.backup_dir), _first_start(config)
    age = None if newest is None else now - newest
    other = ask(config, lambda tx: elsewhere(tx, config), otherwise=None)
    if other is not None and (newest is None or newest < other.at):
        cause = causes.judge_elsewhere(now - other.at, config.backup.every_hours)
        words = {"machine": other.machine, "folder": other.folder}
        return cause.found(**words, age=_hours(now - other.at), hours=config.backup.every_hours)
    cause = causes.judge(age, None if started is None else now - started, config.backup.every_hours)
    hours = 0.0 if age is None else _hours(age)
    return cause.found(folder=config.backup_dir, age=hours, hours=config.backup.every_hours)


def _hours(age: timedelta) -> float:
    return age.total_seconds() / 3600


def _first_start(config: Config) -> datetime | None:
    try:
        return datetime.fromtimestamp((config.database.data_dir / "instance").stat().st_mtime, UTC)
    except OSError:
        return None
