"""The checks of an installation."""

import argparse
import json
from functools import partial

from studypub.commands.console import configuration
from studypub.commands.language import language
from studypub.data_dir import database_url
from studypub.flows import doctor
from studypub.flows.doctor import Finding


def examine(options: argparse.Namespace) -> int:
    """Print each finding as it is made, for people, or as a line of JSON in both languages."""
    settings = configuration(options)
    findings = doctor.examine(settings, partial(database_url, settings), accession_number=options.accession)
    healthy = True
    for finding in findings:
        healthy &= finding.passed
        print(_line(finding) if options.json else _words(finding), flush=True)
    return 0 if healthy else 1


def _words(finding: Finding) -> str:
    return f"{'✓' if finding.passed else '✗'} {getattr(finding.sentence, language())}"


def _line(finding: Finding) -> str:
    return json.dumps({"passed": finding.passed, **finding.sentence._asdict()}, ensure_ascii=False)
