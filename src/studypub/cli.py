"""The commands; the only place that prints and exits."""

import argparse
import asyncio
import getpass
import locale
import logging
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

import msgspec
import orjson

from studypub import __version__, config, demo, log
from studypub.config import Config
from studypub.core.people import ApiKey, Role, User
from studypub.core.request import InvalidRequest, read_request
from studypub.core.task import IN_PROGRESS, Origin, Status
from studypub.daemon import check, database_url, serve
from studypub.db import audit, people, tasks
from studypub.db.database import Database
from studypub.db.migrate import migrate
from studypub.deid import profile
from studypub.deid.explain import explain
from studypub.errors import ConfigError, Refused, Sentence, StudypubError
from studypub.flows import doctor, sign_in
from studypub.flows.deidentify import deidentify_folder
from studypub.flows.request import Answer, Asker, answer_of, request_publication
from studypub.web.api.documents import task_document

_EX_CONFIG = 78  # sysexits.h
_EX_FAIL = 1
_EX_USAGE = 2
_WAIT_SECONDS = 1.0

_Result = TypeVar("_Result")
_Command = Callable[[argparse.Namespace], int]
_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 1 not done, 2 wrong usage, 78 configuration that cannot be used."""
    options = _parser().parse_args(arguments)
    # Until the daemon starts its log, what libraries have to say goes nowhere.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        status = options.run(options)
    except ConfigError as error:
        _complain(error)
        status = _EX_CONFIG
    except StudypubError as error:
        _complain(error)
        status = _EX_FAIL
    except InvalidRequest as error:
        for fault in error.errors:
            print(f"studypub: {fault.field}: {getattr(fault.sentence, _language())}", file=sys.stderr)
        status = _EX_USAGE
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def _complain(error: StudypubError) -> None:
    cause = f" ({error})" if str(error) != error.code else ""
    print(f"studypub: {getattr(error.sentence, _language())}{cause}", file=sys.stderr)


def _language() -> Literal["ru", "en"]:
    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ru" if locale.normalize(name).startswith("ru") else "en"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="studypub", description="Publishes imaging studies from a clinic's PACS.")
    parser.add_argument("--version", action="version", version=f"studypub {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _configured(commands, "serve", _serve, "run the daemon")
    _configured(commands, "migrate", _migrate, "bring the database's schema up to date")
    _configured(commands, "check-config", _check_config, "say whether the configuration can be used")
    check = _configured(commands, "doctor", _doctor, "check the database, the PACS, the storage and the rest")
    check.add_argument("--accession", metavar="ACSN", help="a study to try a real C-MOVE round trip with")
    _user_commands(_group(commands, "user", "accounts of the panel"))
    _key_commands(_group(commands, "apikey", "keys of programs"))
    publish = _configured(commands, "publish", _publish, "queue a study, as the form does, and print its task")
    publish.add_argument("--patient-id", required=True, metavar="PID")
    publish.add_argument("--accession-number", required=True, metavar="ACSN")
    publish.add_argument("--clinic", metavar="CODE")
    publish.add_argument("--wait", action="store_true", help="wait until the task has ended")
    deidentify = _plain(commands, "deidentify", _deidentify, "de-identify a folder or a ZIP of DICOM files")
    deidentify.add_argument("source", type=Path, metavar="IN")
    deidentify.add_argument("target", type=Path, metavar="OUT")
    deidentify.add_argument("--profile", default="second-opinion")
    deidentify.add_argument("--report", type=Path, metavar="FILE", help="where to write the private report (JSON)")
    about = _plain(_group(commands, "deid", "de-identification"), "explain", _explain, "print a profile as prose")
    about.add_argument("--profile", default="second-opinion")
    verify = _configured(_group(commands, "audit", "the audit log"), "verify", _audit_verify, "check the log's chain")
    verify.add_argument("--head", metavar="HASH", type=bytes.fromhex, help="an earlier output: was anything cut off?")
    trial = _plain(commands, "demo", _demo, "try it out: a daemon, a small PACS and a published study")
    trial.add_argument("--state", type=Path, default=Path("var"), metavar="DIR")
    return parser


def _user_commands(users: _Commands) -> None:
    add = _configured(users, "add", _user_add, "add an account")
    add.add_argument("name")
    add.add_argument("--role", choices=[role.value for role in Role], required=True)
    add.add_argument("--clinic", metavar="CODE", help="the only clinic that the account sees")
    _password_options(add)
    _configured(users, "list", _user_list, "list the accounts")
    passwd = _configured(users, "passwd", _user_passwd, "set an account's password")
    passwd.add_argument("name")
    _password_options(passwd)
    _configured(users, "disable", _user_disable, "close an account").add_argument("name")


def _key_commands(keys: _Commands) -> None:
    add = _configured(keys, "add", _key_add, "add a key and print it, once")
    add.add_argument("--clinic", metavar="CODE", required=True)
    add.add_argument("--name", required=True)
    _configured(keys, "list", _key_list, "list the keys")
    _configured(keys, "revoke", _key_revoke, "revoke a key").add_argument("key_id")


def _plain(commands: _Commands, name: str, run: _Command, text: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def _configured(commands: _Commands, name: str, run: _Command, text: str) -> argparse.ArgumentParser:
    parser = _plain(commands, name, run, text)
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration file (TOML)")
    return parser


def _group(commands: _Commands, name: str, text: str) -> _Commands:
    return commands.add_parser(name, help=text, description=text).add_subparsers(required=True, metavar="ACTION")


def _password_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def _config(options: argparse.Namespace) -> Config:
    return config.load(options.config, os.environ)


def _with_database(options: argparse.Namespace, use: Callable[[Config, Database], Awaitable[_Result]]) -> _Result:
    """Run `use` on an up-to-date database, the daemon's own where it is running."""
    settings = _config(options)

    async def run(url: str) -> _Result:
        await migrate(url)
        async with Database(url, size=2, name="command") as database:
            return await use(settings, database)

    with database_url(settings) as url:
        return asyncio.run(run(url))


def _actor() -> str:
    return f"command:{getpass.getuser()}"


def _serve(options: argparse.Namespace) -> int:
    settings = _config(options)
    with _logging(settings):
        serve(settings)
    return 0


@contextmanager
def _logging(settings: Config) -> Iterator[None]:
    listener = log.start(settings.logging.level, settings.logging.file)
    try:
        yield
    finally:
        listener.stop()


def _migrate(options: argparse.Namespace) -> int:
    with database_url(_config(options)) as url:
        for name in asyncio.run(migrate(url)):
            print(name)
    return 0


def _check_config(options: argparse.Namespace) -> int:
    check(_config(options))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    settings = _config(options)
    findings = doctor.examine(settings, partial(database_url, settings), accession_number=options.accession)
    healthy = True
    for finding in findings:
        healthy &= finding.passed
        print("✓" if finding.passed else "✗", getattr(finding.sentence, _language()), flush=True)
    return 0 if healthy else _EX_FAIL


def _user_add(options: argparse.Namespace) -> int:
    password = _new_password(options)

    async def add(settings: Config, database: Database) -> None:
        _require_clinic(settings, options.clinic)
        role = Role(options.role)
        await sign_in.add_user(database, options.name, role, password, clinic_code=options.clinic, actor=_actor())

    _with_database(options, add)
    return 0


def _user_list(options: argparse.Namespace) -> int:
    async def read(_: Config, database: Database) -> list[User]:
        async with database.transaction() as tx:
            return await people.users(tx)

    for user in _with_database(options, read):
        state = "disabled" if user.disabled_at else "active"
        print(user.name, user.role, user.clinic_code or "*", state, sep="\t")
    return 0


def _user_passwd(options: argparse.Namespace) -> int:
    password = _new_password(options)
    _with_database(options, lambda _, db: sign_in.set_password(db, options.name, password, actor=_actor()))
    return 0


def _user_disable(options: argparse.Namespace) -> int:
    _with_database(options, lambda _, db: sign_in.disable_user(db, options.name, actor=_actor()))
    return 0


def _key_add(options: argparse.Namespace) -> int:
    async def add(settings: Config, database: Database) -> str:
        _require_clinic(settings, options.clinic)
        return await sign_in.add_api_key(database, clinic_code=options.clinic, name=options.name, actor=_actor())

    print(_with_database(options, add))
    return 0


def _key_list(options: argparse.Namespace) -> int:
    async def read(_: Config, database: Database) -> list[ApiKey]:
        async with database.transaction() as tx:
            return await people.api_keys(tx)

    for key in _with_database(options, read):
        used = key.last_used_at.isoformat(timespec="seconds") if key.last_used_at else "-"
        print(key.key_id, key.clinic_code, key.name, used, "revoked" if key.revoked_at else "active", sep="\t")
    return 0


def _key_revoke(options: argparse.Namespace) -> int:
    _with_database(options, lambda _, db: sign_in.revoke_api_key(db, options.key_id, actor=_actor()))
    return 0


def _publish(options: argparse.Namespace) -> int:
    document = {"patient_id": options.patient_id, "accession_number": options.accession_number}
    if options.clinic:
        document["clinic_code"] = options.clinic

    async def publish(settings: Config, database: Database) -> tuple[Answer, str]:
        request = read_request(
            document,
            zones={clinic.code: clinic.zone for clinic in settings.clinics},
            default_clinic=settings.clinics[0].code,
            now=datetime.now(UTC),
            longest=timedelta(days=settings.retention.max_days),
        )
        asker = Asker(_actor(), Origin.COMMAND)
        search_time = timedelta(minutes=settings.workers.search_minutes)
        answer = await request_publication(database, request, asker, search_time=search_time)
        while options.wait and answer.task.status in IN_PROGRESS:
            await asyncio.sleep(_WAIT_SECONDS)
            async with database.transaction() as tx:
                task = await tasks.find(tx, answer.task.task_id, clinic_code=None)
                answer = await answer_of(tx, task) if task else answer
        clinic = settings.clinic(answer.task.clinic_code) or settings.clinics[0]
        task_as_json = task_document(
            answer.task,
            answer.publication,
            base_url=settings.server.base_url,
            zone=clinic.zone,
            now=datetime.now(UTC),
            language=_language(),
        )
        return answer, msgspec.json.format(msgspec.json.encode(task_as_json)).decode()

    answer, text = _with_database(options, publish)
    print(text)
    return _EX_FAIL if answer.task.status in (Status.FAILED, Status.CANCELLED) else 0


def _deidentify(options: argparse.Namespace) -> int:
    report = deidentify_folder(options.source, options.target, profile.load(options.profile))
    if options.report:
        with os.fdopen(os.open(options.report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    outcomes = Counter(entry["outcome"] for entry in report)
    print(*(f"{outcome}: {count}" for outcome, count in sorted(outcomes.items())), sep="\n")
    return 0


def _explain(options: argparse.Namespace) -> int:
    print(explain(profile.load(options.profile), _language()))
    return 0


def _audit_verify(options: argparse.Namespace) -> int:
    async def verify(_: Config, database: Database) -> tuple[int, int | None, str]:
        async with database.transaction() as tx:
            if options.head and not await audit.holds(tx, options.head):
                raise Refused(
                    reason_ru="Записи с этим хешем больше нет: журнал обрезан.",
                    reason_en="The entry of this hash is gone: the log was cut.",
                )
            return await audit.count(tx), await audit.first_broken(tx), (await audit.head(tx)).hex()

    entries, broken, head = _with_database(options, verify)
    if broken is None:
        words = Sentence(
            "Журнал цел, записей: {entries}, хеш последней: {head}",
            "The log is whole, entries: {entries}, hash of the last one: {head}",
        )
        print(getattr(words.filled(entries=entries, head=head), _language()))
        return 0
    raise Refused(
        reason_ru=f"Цепочка журнала нарушена на записи {broken}.",
        reason_en=f"The log's chain is broken at entry {broken}.",
    )


def _demo(options: argparse.Namespace) -> int:
    return demo.run(options.state.resolve(), os.environ, _language(), partial(print, flush=True))


def _require_clinic(settings: Config, code: str | None) -> None:
    if settings.clinic(code) is None:
        raise Refused(
            reason_ru=f"Клиники {code} нет в настройках.", reason_en=f"There is no clinic {code} in the configuration."
        )


def _new_password(options: argparse.Namespace) -> str:
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass()
    if getpass.getpass() != password:
        raise Refused(reason_ru="Пароли не совпадают.", reason_en="The passwords differ.")
    return password
