"""What patients are written, to be looked at before any of them is."""

import argparse
from datetime import UTC, datetime, timedelta

from studypub.commands.console import with_database
from studypub.config import Config
from studypub.core.letters import sample, words
from studypub.db.database import Database
from studypub.flows.take_clinics import require_clinic


def preview(options: argparse.Namespace) -> int:
    """Print a clinic's mail and text message in both languages, with a link that leads nowhere."""

    async def newest(settings: Config, _: Database) -> Config:
        return settings

    settings = with_database(options, newest)
    require_clinic(settings, options.clinic)
    clinic = settings.clinic(options.clinic) or settings.clinics[0]
    days = settings.retention.own(clinic.retention_days) or settings.retention.default_days
    till = datetime.now(UTC) + timedelta(days=days)
    for language in ("ru", "en"):
        said = words(clinic, language, sample(settings.server.base_url), till)
        print(f"[{language}] {said.subject}\n\n{said.mail}\n[{language}, SMS, {len(said.sms)}] {said.sms}\n")
    return 0
