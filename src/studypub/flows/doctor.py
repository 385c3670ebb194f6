"""Examines an installation: every part is really used, and what is wrong is said with its remedy."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec

from studypub.config import Clinic, Config, Current, Pacs
from studypub.core.finding import FoundStudy
from studypub.errors import ConfigError
from studypub.flows.examine import (
    address,
    backups,
    certificates,
    database,
    disk,
    machines,
    mail,
    pacs,
    provider,
    storage,
    transfer,
)
from studypub.flows.examine.beside import Beside, NoAnswer, fingerprint
from studypub.flows.examine.causes import settings, text, viewer
from studypub.flows.examine.causes import transfer as transfers
from studypub.flows.examine.database import OpenDatabase
from studypub.flows.examine.finding import Finding
from studypub.flows.examine.probes import Asked
from studypub.flows.examine.transfer import Listener, Way
from studypub.flows.take_clinics import require_clinic
from studypub.pixels.text import can_read
from studypub.viewer.edition import VERSION
from studypub.viewer.installed import Installed, folders

Part = Callable[[], Iterable[Finding]]


def examine(
    config: Config,
    open_database: OpenDatabase,
    *,
    accession_number: str | None,
    clinic_code: str | None = None,
    suggest: bool = False,
) -> Iterator[Finding]:
    """Examine part after part, beside a daemon that runs or without one; of the PACS one clinic's, or every clinic's.

    A study that is named is moved from the PACS to our own listener and thrown away; `suggest`: where none is, tell the
    number of one that would do. Raises Refused where there is no such clinic.
    """
    beside = Beside(config.database.data_dir)
    runs, current = beside.runs(), Current(config)
    of_database: Iterable[Finding] = database.examine(open_database, current)
    if config.clinic(clinic_code) is None:  # the panel may know it; whoever has mistyped it is told that alone
        of_database = list(of_database)
        if all(finding.passed for finding in of_database):
            require_clinic(current.now, clinic_code)
    yield settings.READ.found()
    if runs and _settings_differ(beside, config):
        yield settings.CHANGED.found()
    yield from of_database
    config = current.now
    require_clinic(config, clinic_code)
    for part in _parts(current, beside if runs else None, runs=runs is not False):
        yield from part()
    for clinic in (one for one in config.clinics if clinic_code in (None, one.code)):
        if accession_number is not None:
            yield from _transfer(config, clinic, accession_number, beside if runs else None)
        else:
            yield from pacs.examine(config, clinic, None, _fetch, suggest=suggest)


def while_running(current: Current, daemon: Asked) -> list[Callable[[], list[Finding]]]:
    """Return what of the examination can be done by the running daemon itself, part by part; each part blocks."""
    config = current.now
    parts = [partial(_all, part) for part in _parts(current, daemon, runs=True)]
    of_each = [partial(of_pacs, config, clinic, one) for clinic in config.clinics for one in clinic.every_pacs]
    return [*parts, *of_each]


def by_the_daemon(config: Config, clinic: Clinic, accession_number: str, listener: Listener) -> list[Finding]:
    """Use a clinic's PACS and fetch a study, through the listener of the daemon; it blocks."""

    def fetch(way: Way, study: FoundStudy) -> Finding:
        return transfer.examine(way, study, listener)

    return list(pacs.examine(config, clinic, accession_number, fetch))


def of_pacs(config: Config, clinic: Clinic, one: Pacs) -> list[Finding]:
    """Use a PACS of a clinic as far as that goes without fetching anything; it blocks."""
    return list(pacs.of_one(config, clinic, one))


def _parts(current: Current, daemon: Asked | None, *, runs: bool) -> list[Part]:
    """Return what is examined besides the database and the PACS."""
    config = current.now
    parts: list[Part] = [
        lambda: [disk.examine(config)],
        lambda: storage.examine(config),
        lambda: [backups.examine(config)],
        lambda: machines.examine(current.file),
        lambda: address.examine(config, daemon, runs=runs),
        lambda: certificates.examine(config),
        lambda: [mail.examine(config)],
        lambda: provider.examine(config),
    ]
    if any(policy == "mask" for clinic in config.clinics for policy in msgspec.structs.astuple(clinic.pixels)):
        parts.append(lambda: [text.READ.found() if can_read() else text.UNREAD.found()])
    if config.viewer.enabled:
        parts.append(lambda: [_viewer(config)])
    return parts


def _viewer(config: Config) -> Finding:
    there = Installed(folders(config.database.data_dir)).manifest is not None
    return (viewer.INSTALLED if there else viewer.NOT_INSTALLED).found(version=VERSION)


def _all(part: Part) -> list[Finding]:
    return list(part())


def _settings_differ(beside: Beside, config: Config) -> bool:
    try:
        return beside.settings() != fingerprint(config)
    except NoAnswer:
        return True


def _transfer(config: Config, clinic: Clinic, accession_number: str, beside: Beside | None) -> Iterable[Finding]:
    """Use the PACS; beside a daemon it is the daemon that fetches, since the port that the PACS sends to is its own."""
    if beside is None:
        return pacs.examine(config, clinic, accession_number, _fetch)
    words = {"pacs": ", ".join(one.ae_title for one in clinic.every_pacs), "code": clinic.code}
    try:
        found = beside.transfer(clinic.code, accession_number)
    except NoAnswer:
        return [transfers.NO_ANSWER.found(clinic.code, **words)]
    return [transfers.OTHER_SETTINGS.found(clinic.code, **words)] if found is None else found


def _fetch(way: Way, study: FoundStudy) -> Finding:
    try:
        with transfer.listener_of_our_own(way.config, way.pacs) as listener:
            return transfer.examine(way, study, listener)
    except OSError as error:
        return way.finding(transfers.PORT_TAKEN, why=error.strerror or "?")
    except ConfigError as error:
        return way.finding(transfers.OUR_CERTIFICATE, said_ru=error.sentence.ru, said_en=error.sentence.en)
