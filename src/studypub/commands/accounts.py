"""Accounts of the panel, and keys of programs."""

import argparse
import getpass
import sys

from studypub.commands.console import actor, with_database
from studypub.config import Config
from studypub.config.sign_on import EVERY_CLINIC
from studypub.core.callback import origin_of
from studypub.core.people import ApiKey, Role, User
from studypub.db import people
from studypub.db.database import Database
from studypub.errors import Refused
from studypub.flows import second_factor, sign_in
from studypub.flows import set_callback as callbacks
from studypub.flows.take_clinics import require_clinic


def add_user(options: argparse.Namespace) -> int:
    """Add an account."""
    password = _new_password(options)

    async def add(settings: Config, database: Database) -> None:
        require_clinic(settings, options.clinic)
        role = Role(options.role)
        await sign_in.add_user(database, options.name, role, password, clinic_code=options.clinic, actor=actor())

    with_database(options, add)
    return 0


def list_users(options: argparse.Namespace) -> int:
    """Print the accounts."""

    async def read(_: Config, database: Database) -> list[User]:
        async with database.transaction() as tx:
            return await people.users(tx)

    for user in with_database(options, read):
        state = "disabled" if user.disabled_at else "active"
        print(user.name, user.role, user.clinic_code or "*", state, sep="\t")
    return 0


def set_password(options: argparse.Namespace) -> int:
    """Set an account's password."""
    password = _new_password(options)
    with_database(options, lambda _, db: sign_in.set_password(db, options.name, password, actor=actor()))
    return 0


def disable_user(options: argparse.Namespace) -> int:
    """Close an account."""
    with_database(options, lambda _, db: sign_in.disable_user(db, options.name, actor=actor()))
    return 0


def reset_totp(options: argparse.Namespace) -> int:
    """Take the second factor from an account whose phone is lost."""
    with_database(options, lambda _, db: second_factor.reset(db, options.name, actor=actor()))
    return 0


def add_key(options: argparse.Namespace) -> int:
    """Add a key and print it, which is only done once."""

    async def add(settings: Config, database: Database) -> str:
        if not options.every_clinic:
            require_clinic(settings, options.clinic)
        return await sign_in.add_api_key(database, clinic_code=options.clinic, name=options.name, actor=actor())

    print(with_database(options, add))
    return 0


def list_keys(options: argparse.Namespace) -> int:
    """Print the keys."""

    async def read(_: Config, database: Database) -> list[ApiKey]:
        async with database.transaction() as tx:
            return await people.api_keys(tx)

    for key in with_database(options, read):
        used = key.last_used_at.isoformat(timespec="seconds") if key.last_used_at else "-"
        state = "revoked" if key.revoked_at else "active"
        whose, called = key.clinic_code or EVERY_CLINIC, origin_of(key.callback_url) or "-"
        print(key.key_id, whose, key.name, used, state, called, sep="\t")
    return 0


def set_callback(options: argparse.Namespace) -> int:
    """Set where a program is called back and print the secret, which is only done once; or call it no more."""
    if options.clear:
        with_database(options, lambda _, db: callbacks.clear_callback(db, options.key_id, actor=actor()))
        return 0
    print(
        with_database(
            options, lambda config, db: callbacks.set_callback(config, db, options.key_id, options.url, actor=actor())
        )
    )
    return 0


def revoke_key(options: argparse.Namespace) -> int:
    """Revoke a key."""
    with_database(options, lambda _, db: sign_in.revoke_api_key(db, options.key_id, actor=actor()))
    return 0


def _new_password(options: argparse.Namespace) -> str:
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass()
    if getpass.getpass() != password:
        raise Refused(reason_ru="Пароли не совпадают.", reason_en="The passwords differ.")
    return password
