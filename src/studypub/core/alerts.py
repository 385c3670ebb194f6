"""Which of what is measured deserves a mail, and when: pure rules over values, limits and the time."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

AGAIN = timedelta(days=1)
# Something that comes and goes is one alert, not many.
CALM = timedelta(minutes=15)


class Kind(StrEnum):
    """What can be wrong."""

    PART = "part"  # database, listener or storage cannot be used
    PACS = "pacs"
    ERRORS = "errors"
    NOTHING_PUBLISHED = "nothing_published"
    DISK = "disk"
    BACKUP = "backup"
    CERTIFICATE = "certificate"
    AUDIT = "audit"
    MACHINE = "machine"
    WAL = "wal"  # PostgreSQL does not get rid of its log, which backups up to the minute are made of


class Key(NamedTuple):
    """An alert: what is wrong, and with which of several."""

    kind: Kind
    subject: str = ""


Facts = Mapping[str, int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on it is wrong; what is 0 is not looked at."""

    errors_percent: float
    errors_least: int
    errors_hours: float
    nothing_published: timedelta
    disk_free_mb: int
    backup: timedelta
    pacs: timedelta
    part: timedelta
    certificate: timedelta
    machine: timedelta
    wal: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What was measured; None: not known, and then nothing is said of it.

    `parts`, `pacs`: since when each of them cannot be used; `machines`: since when those that did not leave are silent;
    `wal`: since when PostgreSQL has failed to archive its log.
    """

    parts: Mapping[str, datetime]
    pacs: Mapping[str, datetime]
    failed: int = 0
    published: int = 0
    nothing_published: timedelta = timedelta()
    disk_free_mb: int | None = None
    backup_age: timedelta | None = None
    certificate_left: timedelta | None = None
    audit_broken_at: int | None = None
    machines: Mapping[str, datetime] = field(default_factory=dict)
    wal: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert that somebody is told of: since when, what its text names, when that was; `ended_at`: it is over."""

    key: Key
    since: datetime
    facts: Facts
    told_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be told, and what is kept once it has been: None, where nothing is."""

    standing: Standing
    over: bool
    kept: Standing | None


def wrong(values: Values, limits: Limits, now: datetime) -> dict[Key, Facts]:
    """Return what is wrong."""
    return dict(_wrong(values, limits, now))


def _wrong(values: Values, limits: Limits, now: datetime) -> Iterator[tuple[Key, Facts]]:
    for kind, patience, since in (
        (Kind.PART, limits.part, values.parts),
        (Kind.PACS, limits.pacs, values.pacs),
        (Kind.MACHINE, limits.machine, values.machines),
        (Kind.WAL, limits.wal, {} if values.wal is None else {"": values.wal}),
    ):
        for name, moment in since.items():
            if patience and now - moment >= patience:
                yield Key(kind, name), {"minutes": _minutes(now - moment)}
    tried = values.failed + values.published
    if (
        limits.errors_percent
        and values.failed >= limits.errors_least
        and 100 * values.failed >= limits.errors_percent * tried
    ):
        yield Key(Kind.ERRORS), {"failed": values.failed, "tried": tried, "hours": f"{limits.errors_hours:g}"}
    if limits.nothing_published and values.nothing_published >= limits.nothing_published:
        yield Key(Kind.NOTHING_PUBLISHED), {"hours": _hours(values.nothing_published)}
    if values.disk_free_mb is not None and values.disk_free_mb < limits.disk_free_mb:
        yield Key(Kind.DISK), {"free": values.disk_free_mb, "wanted": limits.disk_free_mb}
    if limits.backup and values.backup_age is not None and values.backup_age >= limits.backup:
        yield Key(Kind.BACKUP), {"hours": _hours(values.backup_age)}
    if limits.certificate and values.certificate_left is not None and values.certificate_left < limits.certificate:
        yield Key(Kind.CERTIFICATE), {"days": max(0, values.certificate_left.days)}
    if values.audit_broken_at is not None:
        yield Key(Kind.AUDIT), {"entry": values.audit_broken_at}


def unknown(values: Values) -> frozenset[Kind]:
    """Return what nobody could look at: an alert of it stays as it is."""
    found = {
        Kind.DISK: values.disk_free_mb,
        Kind.BACKUP: values.backup_age,
        Kind.CERTIFICATE: values.certificate_left,
    }
    return frozenset(kind for kind, value in found.items() if value is None)


def follow(
    standing: Sequence[Standing], found: Mapping[Key, Facts], now: datetime, unknown: Collection[Kind] = ()
) -> list[Standing]:
    """Return the alerts as they stand now: new ones added, those that are over marked, what nobody heard of dropped."""
    known = {one.key: one for one in standing}
    after = [Standing(key, now, facts) for key, facts in found.items() if key not in known]
    for key, one in known.items():
        if key in found:
            after.append(replace(one, facts=found[key], ended_at=None))
        elif key.kind in unknown:
            after.append(one)
        elif one.told_at is not None:
            after.append(replace(one, ended_at=one.ended_at or now))
    return after


def to_tell(standing: Sequence[Standing], now: datetime) -> list[Change]:
    """Return what has to be told: what is new, what is a day old, and what has been over for a while."""
    changes = []
    for one in standing:
        if one.ended_at is None and (one.told_at is None or now - one.told_at >= AGAIN):
            changes.append(Change(one, over=False, kept=replace(one, told_at=now)))
        elif one.ended_at is not None and now - one.ended_at >= CALM:
            changes.append(Change(one, over=True, kept=None))
    return changes


def _minutes(interval: timedelta) -> int:
    return int(interval.total_seconds() // 60)


def _hours(interval: timedelta) -> int:
    return int(interval.total_seconds() // 3600)
