"""What patients are written, to be looked at before any of them is."""

import argparse
from datetime import UTC, datetime, timedelta

from studypub.commands.console import configuration, require_clinic
from studypub.core.letters import sample, words


def preview(options: argparse.Namespace) -> int:
    """Print a clinic's mail and text message in both languages, with a link that leads nowhere."""
    settings = configuration(options)
    require_clinic(settings, options.clinic)
    clinic = settings.clinic(options.clinic) or settings.clinics[0]
    till = datetime.now(UTC) + timedelta(days=settings.retention.default_days)
    for language in ("ru", "en"):
        said = words(clinic, language, sample(settings.server.base_url), till)
        print(f"[{language}] {said.subject}\n\n{said.mail}\n[{language}, SMS, {len(said.sms)}] {said.sms}\n")
    return 0
