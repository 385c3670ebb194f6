"""The daemon, and what prepares it."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from studypub import daemon, log
from studypub.commands.console import configuration
from studypub.config import Config


def serve(options: argparse.Namespace) -> int:
    """Run the daemon until it is told to stop."""
    settings = configuration(options)
    daemon.check(settings)
    with _logging(settings):
        daemon.serve(settings)
    return 0


@contextmanager
def _logging(settings: Config) -> Iterator[None]:
    listener = log.start(settings.logging.level, settings.logging.file)
    try:
        yield
    finally:
        listener.stop()


def check_config(options: argparse.Namespace) -> int:
    """Say what is wrong with the configuration."""
    daemon.check(configuration(options))
    return 0
