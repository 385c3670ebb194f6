"""Looks how the machines do that share the database; of one that has it for itself there is nothing to say."""

from datetime import datetime
from uuid import UUID

from studypub.config import Config
from studypub.core.machines import Machine
from studypub.db import machines
from studypub.db.database import Transaction
from studypub.flows.examine.causes import machine as causes
from studypub.flows.examine.finding import Finding
from studypub.flows.examine.shared import ask
from studypub.flows.join import shared_settings


def examine(config: Config) -> list[Finding]:
    """Say of each machine whether it works, and in what it is set up otherwise than this one; it blocks."""
    return ask(config, lambda tx: _examine(tx, config), otherwise=[])


async def _examine(tx: Transaction, config: Config) -> list[Finding]:
    known, on_duty, now = await machines.known(tx), await machines.on_duty(tx), await tx.now()
    if len(known) < 2:
        return []
    return [finding for one in known for finding in _examined(one, on_duty, now, shared_settings(config))]


def _examined(machine: Machine, on_duty: UUID | None, now: datetime, ours: dict[str, str]) -> list[Finding]:
    words = {"name": machine.name, "ae_title": machine.ae_title}
    if machine.left_at is not None:
        return [causes.STOPPED.found(**words, hours=(now - machine.left_at).total_seconds() / 3600)]
    if not machine.lives(now):
        return [causes.SILENT.found(**words, minutes=(now - machine.seen_at).total_seconds() / 60)]
    found = []
    if sections := machine.differs_in(ours):
        found.append(causes.OTHER_SETTINGS.found(**words, sections=", ".join(sections)))
    if machine.obstacle is not None:
        said = machine.obstacle
        return [*found, causes.WAITS.found(**words, said_ru=said.ru, said_en=said.en)]
    works = causes.ON_DUTY if machine.machine_id == on_duty else causes.WORKS
    return [works.found(**words, version=machine.version), *found]
