"""The commands and their options, and how they end."""

import argparse
import logging
import os
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from studypub import __version__
from studypub.commands.language import language
from studypub.core.people import Role
from studypub.core.request import InvalidRequest
from studypub.errors import ConfigError, StudypubError

_EX_CONFIG = 78  # sysexits.h
_EX_FAIL = 1
_EX_USAGE = 2

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 not done, 2 wrong usage, 78 configuration that cannot be used."""
    options = _parser().parse_args(arguments)
    # Until the daemon starts its log, what libraries have to say goes nowhere.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        # What a command needs is imported for it alone: the daemon takes a second, a list of keys needs little of it.
        status = pkgutil.resolve_name(f"studypub.commands.{options.run}")(options)
    except ConfigError as error:
        _complain(error)
        status = _EX_CONFIG
    except StudypubError as error:
        _complain(error)
        status = _EX_FAIL
    except InvalidRequest as error:
        for fault in error.errors:
            print(f"studypub: {fault.field}: {getattr(fault.sentence, language())}", file=sys.stderr)
        status = _EX_USAGE
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = _EX_FAIL
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _complain(error: StudypubError) -> None:
    cause = f" ({error})" if str(error) != error.code else ""
    print(f"studypub: {getattr(error.sentence, language())}{cause}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="studypub", description="Publishes imaging studies from a clinic's PACS.")
    parser.add_argument("--version", action="version", version=f"studypub {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _configured(commands, "serve", "service:serve", "run the daemon")
    _configured(commands, "migrate", "database:migrate", "bring the database's schema up to date")
    _configured(commands, "check-config", "service:check_config", "say whether the configuration can be used")
    check = _configured(commands, "doctor", "doctor:examine", "check the database, the PACS, the storage and the rest")
    check.add_argument("--accession", metavar="ACSN", help="a study to try a real C-MOVE round trip with")
    check.add_argument("--clinic", metavar="CODE", help="look at this clinic's PACS alone")
    check.add_argument("--json", action="store_true", help="print a line of JSON for each finding, for monitoring")
    _user_commands(_group(commands, "user", "accounts of the panel"))
    _key_commands(_group(commands, "apikey", "keys of programs"))
    publish = _configured(commands, "publish", "publish:publish", "queue a study, as the form does, and print its task")
    publish.add_argument("--patient-id", required=True, metavar="PID")
    publish.add_argument("--accession-number", required=True, metavar="ACSN")
    publish.add_argument("--clinic", metavar="CODE")
    publish.add_argument("--wait", action="store_true", help="wait until the task has ended")
    get = _plain(commands, "get", "get:get", "download a study by its link, and unpack it")
    get.add_argument("link", metavar="LINK")
    get.add_argument("-o", "--output", type=Path, default=Path(), metavar="DIR", help="where to put it (here)")
    get.add_argument("--zip", action="store_true", help="keep the archive as it is")
    get.add_argument("--open", metavar="PROGRAM", help="a viewer to open it with")
    get.add_argument("--pin-stdin", action="store_true", help="read the link's PIN from standard input")
    deidentify = _plain(commands, "deidentify", "deidentify:deidentify", "de-identify a folder or a ZIP of DICOM files")
    deidentify.add_argument("source", type=Path, metavar="IN")
    deidentify.add_argument("target", type=Path, metavar="OUT")
    deidentify.add_argument("--profile", default="second-opinion")
    deidentify.add_argument("--report", type=Path, metavar="FILE", help="where to write the private report (JSON)")
    about = _plain(
        _group(commands, "deid", "de-identification"), "explain", "deidentify:explain", "print a profile as prose"
    )
    about.add_argument("--profile", default="second-opinion")
    verify = _configured(_group(commands, "audit", "the audit log"), "verify", "audit:verify", "check the log's chain")
    verify.add_argument("--head", metavar="HASH", type=bytes.fromhex, help="an earlier output: was anything cut off?")
    _configured(_group(commands, "alerts", "mails about what is wrong"), "test", "alerts:test", "send one for trial")
    shown = _configured(
        _group(commands, "delivery", "messages to patients"), "preview", "delivery:preview", "print them, filled in"
    )
    shown.add_argument("--clinic", metavar="CODE", help="that of this clinic")
    back_up = _configured(commands, "backup", "backup:backup", "write a backup into a folder, once it was tried out")
    back_up.add_argument("folder", type=Path, metavar="DIR")
    back_up.add_argument("--keep", type=int, default=0, metavar="N", help="then remove all but the newest N")
    back_up.add_argument("--without-archives", action="store_true", help="only list the archives of the local store")
    restore = _configured(commands, "restore", "backup:restore", "fill an empty installation from a backup")
    restore.add_argument("file", type=Path, metavar="FILE")
    reconcile = _configured(
        commands, "reconcile", "backup:reconcile", "hold a database that was restored by other means against the store"
    )
    for command in (restore, reconcile):
        command.add_argument(
            "--collect", action="store_true", help="delete archives that the database does not know, in a week"
        )
    viewer = _configured(_group(commands, "viewer", "OHIF Viewer"), "install", "viewer:install", "fetch and install it")
    viewer.add_argument("--from", type=Path, dest="tarball", metavar="TARBALL", help="the npm package as a file")
    viewer.add_argument("--folder", type=Path, metavar="DIR", help="where to, in place of the data folder")
    viewer.add_argument(
        "--quality", type=int, choices=range(12), default=11, metavar="0-11", help="how hard to compress it (11)"
    )
    trial = _plain(commands, "demo", "trial:run", "try it out: a daemon, a small PACS and a published study")
    trial.add_argument("--state", type=Path, default=Path("var"), metavar="DIR")
    return parser


def _user_commands(users: _Commands) -> None:
    add = _configured(users, "add", "accounts:add_user", "add an account")
    add.add_argument("name")
    add.add_argument("--role", choices=[role.value for role in Role], required=True)
    add.add_argument("--clinic", metavar="CODE", help="the only clinic that the account sees")
    _password_options(add)
    _configured(users, "list", "accounts:list_users", "list the accounts")
    passwd = _configured(users, "passwd", "accounts:set_password", "set an account's password")
    passwd.add_argument("name")
    _password_options(passwd)
    _configured(users, "disable", "accounts:disable_user", "close an account").add_argument("name")
    reset = _configured(users, "reset-totp", "accounts:reset_totp", "let an account whose phone is lost in without it")
    reset.add_argument("name")


def _key_commands(keys: _Commands) -> None:
    add = _configured(keys, "add", "accounts:add_key", "add a key and print it, once")
    whose = add.add_mutually_exclusive_group(required=True)
    whose.add_argument("--clinic", metavar="CODE")
    whose.add_argument("--every-clinic", action="store_true", help="a program that serves all of them")
    add.add_argument("--name", required=True)
    callback = _configured(keys, "callback", "accounts:set_callback", "say where a program is told how its tasks end")
    callback.add_argument("key_id")
    where = callback.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="call this address, and print the new secret of its signatures, once")
    where.add_argument("--clear", action="store_true", help="call it no more")
    _configured(keys, "list", "accounts:list_keys", "list the keys")
    _configured(keys, "revoke", "accounts:revoke_key", "revoke a key").add_argument("key_id")


def _plain(commands: _Commands, name: str, run: str, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def _configured(commands: _Commands, name: str, run: str, text: str) -> argparse.ArgumentParser:
    parser = _plain(commands, name, run, text)
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration file (TOML)")
    return parser


def _group(commands: _Commands, name: str, text: str) -> _Commands:
    return commands.add_parser(name, help=text, description=text).add_subparsers(required=True, metavar="ACTION")


def _password_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
