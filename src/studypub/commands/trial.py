"""The trial."""

import argparse
import os
from functools import partial

from studypub import demo
from studypub.commands.language import language


def run(options: argparse.Namespace) -> int:
    """Run a daemon, a small PACS and a published study until they are stopped."""
    return demo.run(options.state.resolve(), os.environ, language(), partial(print, flush=True))
