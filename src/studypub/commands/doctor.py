"""The checks of an installation."""

import argparse
from functools import partial

from studypub.commands.console import configuration
from studypub.commands.language import language
from studypub.data_dir import database_url
from studypub.flows import doctor


def examine(options: argparse.Namespace) -> int:
    """Print each finding as it is made."""
    settings = configuration(options)
    findings = doctor.examine(settings, partial(database_url, settings), accession_number=options.accession)
    healthy = True
    for finding in findings:
        healthy &= finding.passed
        print("✓" if finding.passed else "✗", getattr(finding.sentence, language()), flush=True)
    return 0 if healthy else 1
