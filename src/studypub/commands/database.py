"""The database's schema."""

import argparse
import asyncio

from studypub.commands.console import configuration
from studypub.data_dir import database_url
from studypub.db.migrate import migrate as bring_up_to_date


def migrate(options: argparse.Namespace) -> int:
    """Bring the schema up to date; print what was done."""
    with database_url(configuration(options)) as url:
        for name in asyncio.run(bring_up_to_date(url)):
            print(name)
    return 0
