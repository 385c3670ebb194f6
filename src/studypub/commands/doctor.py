"""The checks of an installation."""

import argparse
import json
from functools import partial

from studypub.commands.console import configuration
from studypub.commands.language import language
from studypub.data_dir import database_url
from studypub.flows import doctor
from studypub.flows.examine.finding import Finding, Level

_SIGNS = {Level.PASSED: "✓", Level.WARNED: "!", Level.FAILED: "✗"}


def examine(options: argparse.Namespace) -> int:
    """Print each finding as it is made, for people, or as a line of JSON in both languages; 1 if any fails."""
    settings = configuration(options)
    findings = doctor.examine(
        settings,
        partial(database_url, settings),
        accession_number=options.accession,
        clinic_code=options.clinic,
        suggest=not options.json,  # a number of somebody's study is for no log
    )
    healthy = True
    for finding in findings:
        healthy &= finding.passed
        print(_line(finding) if options.json else _words(finding), flush=True)
    return 0 if healthy else 1


def _words(finding: Finding) -> str:
    said = (getattr(words, language()) for words in (finding.sentence, finding.remedy))
    return f"{_SIGNS[finding.level]} {' '.join(filter(None, said))}"


def _line(finding: Finding) -> str:
    """Return what docs/doctor.md promises: keys are added, none is taken away."""
    found = {"part": finding.part, "code": finding.code, "clinic": finding.clinic or None}
    verdict = {"passed": finding.passed, "warned": finding.warned}
    remedy = {f"remedy_{name}": said for name, said in finding.remedy._asdict().items()}
    return json.dumps({**found, **verdict, **finding.sentence._asdict(), **remedy}, ensure_ascii=False)
