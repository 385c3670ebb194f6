"""What commands share: the configuration and the database."""

import argparse
import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from studypub import config
from studypub.config import Config, Current
from studypub.core.clinics import EVERY_CLINIC
from studypub.data_dir import database_url
from studypub.db.database import Database
from studypub.db.migrate import migrate
from studypub.flows.take_clinics import take_clinics

_Result = TypeVar("_Result")


def configuration(options: argparse.Namespace) -> Config:
    """Load the configuration that a command was given. Raises ConfigError."""
    return config.load(options.config, os.environ)


def with_database(options: argparse.Namespace, use: Callable[[Config, Database], Awaitable[_Result]]) -> _Result:
    """Run `use` on an up-to-date database, the daemon's own where it is running, with the clinics that it holds."""
    settings = configuration(options)

    async def run(url: str) -> _Result:
        await migrate(url)
        async with Database(url, size=2, name="command", sees=EVERY_CLINIC) as database:
            current = Current(settings)
            await take_clinics(current, database)
            return await use(current.now, database)

    with database_url(settings) as url:
        return asyncio.run(run(url))


def actor() -> str:
    """Return who acts, as the audit log names them."""
    return f"command:{getpass.getuser()}"
