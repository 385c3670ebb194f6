"""De-identification offline, and a profile in words."""

import argparse
import os
from collections import Counter

import orjson

from studypub.commands.language import language
from studypub.deid import profile
from studypub.deid.explain import explain as prose_of
from studypub.flows.deidentify import deidentify_folder


def deidentify(options: argparse.Namespace) -> int:
    """De-identify a folder or a ZIP; print how many files ended how."""
    report = deidentify_folder(options.source, options.target, profile.load(options.profile))
    if options.report:
        with os.fdopen(os.open(options.report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    outcomes = Counter(entry["outcome"] for entry in report)
    print(*(f"{outcome}: {count}" for outcome, count in sorted(outcomes.items())), sep="\n")
    return 0


def explain(options: argparse.Namespace) -> int:
    """Print a profile as prose."""
    print(prose_of(profile.load(options.profile), language()))
    return 0
