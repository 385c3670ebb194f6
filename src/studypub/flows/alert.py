"""Somebody is told by mail what is wrong, once, again after a day, and when it is over."""

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from studypub.config import Config, Current
from studypub.core import alert_words
from studypub.core.alerts import Change, Limits, Standing, Values, follow, to_tell, unknown, wrong
from studypub.db import alerts, machines, outages, watch
from studypub.db.database import Database, Transaction
from studypub.db.outages import Outage
from studypub.errors import DatabaseUnavailable, StudypubError
from studypub.flows import backup
from studypub.flows.keep_backed_up import elsewhere
from studypub.mail import smtp
from studypub.mail.smtp import Letter
from studypub.metrics import Metrics

log = logging.getLogger(__name__)

_PAUSE_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 1800.0
_DATABASE = "database"
_DISK = "disk"  # looked at by its own limit


@dataclass(slots=True)
class Alerting:
    """Looks, writes down and tells; what of it the database cannot keep is in memory: that the database is away.

    `faults` is what /readyz says; `certificate_left` how long the site's certificate is still valid, None: not known.
    """

    current: Current
    database: Database
    faults: Callable[[], Awaitable[dict[str, str | None]]]
    metrics: Metrics
    certificate_left: Callable[[], timedelta | None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    _faulty_since: dict[str, datetime] = field(default_factory=dict)
    _wal_fails_since: datetime | None = None
    _kept_here: list[Standing] = field(default_factory=list)
    _failures: int = 0
    _next_try: float = float("-inf")

    @property
    def config(self) -> Config:
        """What holds now."""
        return self.current.now

    async def __call__(self) -> None:
        """Do it once; what fails is done again next time. Raises StudypubError where that is not to be expected."""
        try:
            standing, now = await self._look()
            changes = to_tell(standing, now)
            if changes and await self._told(changes):
                await self._keep_told(standing, changes)
        except DatabaseUnavailable:
            pass  # who was told is told again rather than never

    async def _look(self) -> tuple[list[Standing], datetime]:
        """Return the alerts as they stand now, and the time."""
        self._note_faults(await self.faults(), datetime.now(UTC))
        try:
            async with self.database.transaction() as tx:
                now, before = await tx.now(), await alerts.standing(tx)
                before += [one for one in self._kept_here if one.key not in {each.key for each in before}]
                values = await self._values(tx, now)
                after = follow(before, wrong(values, self._limits(), now), now, unknown(values))
                await alerts.keep(tx, before, after)
            self._kept_here = []
        except DatabaseUnavailable:
            now, before = datetime.now(UTC), self._kept_here
            values = Values(parts={_DATABASE: self._faulty_since.get(_DATABASE, now)}, pacs={})
            after = self._kept_here = follow(before, wrong(values, self._limits(), now), now)
        _tell_log(before, after)
        return after, now

    def _note_faults(self, faults: dict[str, str | None], now: datetime) -> None:
        faulty = {name for name, fault in faults.items() if fault is not None and name != _DISK}
        self._faulty_since = {name: self._faulty_since.get(name, now) for name in faulty}

    async def _values(self, tx: Transaction, now: datetime) -> Values:
        lately = await watch.lately(tx, timedelta(hours=self.config.alerts.errors_hours))
        check = await watch.audit_check(tx)
        return Values(
            parts=self._faulty_since,
            pacs=self._silent_pacs(await outages.known(tx)),
            failed=lately.failed,
            published=lately.published,
            nothing_published=lately.nothing_published,
            disk_free_mb=await asyncio.to_thread(_free_mb, self.config),
            backup_age=_younger(
                await asyncio.to_thread(_backup_age, self.config, now),
                None if (made := await elsewhere(tx, self.config)) is None else now - made.at,
            ),
            certificate_left=self.certificate_left(),
            audit_broken_at=check.broken_entry if check else None,
            machines={one.name: one.seen_at for one in await machines.known(tx) if one.left_at is None},
            wal=self._note_wal(now, fails=await watch.wal_archiving_fails(tx)),
        )

    def _note_wal(self, now: datetime, *, fails: bool) -> datetime | None:
        self._wal_fails_since = (self._wal_fails_since or now) if fails else None
        return self._wal_fails_since

    def _silent_pacs(self, known: Sequence[Outage]) -> dict[str, datetime]:
        """Return since when each PACS is away; one that is not in the configuration any more nobody asks."""
        ours = {(clinic.code, pacs.ae_title) for clinic in self.config.clinics for pacs in clinic.every_pacs}
        return {one.ae_title: one.since for one in known if (one.clinic_code, one.ae_title) in ours}

    def _limits(self) -> Limits:
        limits = self.config.alerts
        return Limits(
            errors_percent=limits.errors_percent,
            errors_least=limits.errors_least,
            errors_hours=limits.errors_hours,
            nothing_published=timedelta(hours=limits.nothing_published_hours),
            disk_free_mb=limits.disk_free_mb,
            backup=timedelta(hours=limits.backup_hours if self.config.backup.every_hours else 0),
            pacs=timedelta(minutes=limits.pacs_minutes),
            part=timedelta(minutes=limits.part_minutes),
            certificate=timedelta(days=limits.certificate_days),
            machine=timedelta(minutes=limits.machine_minutes),
            wal=timedelta(minutes=limits.wal_minutes),
        )

    async def _told(self, changes: Sequence[Change]) -> bool:
        """Send the mail; a server that does not take it is left alone for longer and longer."""
        if not self.config.alerts.to or self.clock() < self._next_try:
            return False
        try:
            await send(self.config, changes)
        except StudypubError as error:
            self.metrics.mails.labels("failed").inc()
            self._next_try = self.clock() + min(_PAUSE_SECONDS * 2**self._failures, _LONGEST_PAUSE_SECONDS)
            self._failures += 1
            log.warning("Письмо о неполадках не отправлено: %s", error.sentence.ru, exc_info=error)
            return False
        self.metrics.mails.labels("sent").inc()
        self._failures, self._next_try = 0, float("-inf")
        return True

    async def _keep_told(self, standing: Sequence[Standing], changes: Sequence[Change]) -> None:
        told = {change.standing.key: change.kept for change in changes}
        after = [one for each in standing if (one := told.get(each.key, each)) is not None]
        if self._kept_here:
            self._kept_here = after
            return
        async with self.database.transaction() as tx:
            await alerts.keep(tx, standing, after)


async def send(config: Config, changes: Sequence[Change]) -> None:
    """Write to everybody who is to know. Raises MailUnavailable, MailRefused."""
    subject, text = alert_words.letter(changes, config.server.base_url, config.clinics[0].zone)
    language = config.alerts.language
    refused = await smtp.send(
        config.mail, Letter(config.alerts.to, getattr(subject, language), getattr(text, language))
    )
    if refused:
        log.warning("Почтовый сервер не принял получателей: %s", refused)


def _tell_log(before: Sequence[Standing], after: Sequence[Standing]) -> None:
    known = {one.key for one in before if one.ended_at is None}
    still = {one.key for one in after if one.ended_at is None}
    for one in after:
        if one.key in still - known:
            log.error("%s", alert_words.said(one, over=False).ru, extra={"details": {"alert": one.key.kind.value}})
    for one in before:
        if one.key in known - still:
            log.info("%s", alert_words.said(one, over=True).ru, extra={"details": {"alert": one.key.kind.value}})


def _free_mb(config: Config) -> int:
    """Return how many megabytes are free; a folder that cannot be used has none."""
    with suppress(OSError):
        return shutil.disk_usage(config.database.data_dir).free >> 20
    return 0


def _younger(*ages: timedelta | None) -> timedelta | None:
    return min((age for age in ages if age is not None), default=None)


def _backup_age(config: Config, now: datetime) -> timedelta | None:
    """Return the age of the newest backup; where there is none yet, that of the installation."""
    newest = backup.newest(config.backup_dir)
    with suppress(OSError):
        return now - (newest or datetime.fromtimestamp((config.database.data_dir / "instance").stat().st_mtime, UTC))
    return None
