"""Calls a clinic's PACS: is it there, does it speak DICOM with us, does it answer, does it send."""

import shlex
import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta

from studypub.config import Clinic, Config, Pacs
from studypub.core.finding import FoundStudy
from studypub.dicom.caller import Patience
from studypub.dicom.examined import KNOWN_CHARSETS, ExaminedPacs
from studypub.errors import PacsAway, PacsFull, PacsRefused, StudypubError
from studypub.flows.examine.causes import pacs as causes
from studypub.flows.examine.causes import transfer as transfers
from studypub.flows.examine.connection import addresses, knock, why_unreached
from studypub.flows.examine.finding import Cause, Finding
from studypub.flows.examine.transfer import Way

_NO_SUCH_ACCESSION = "STUDYPUB-DOCTOR"
_RECENT_DAYS = 3

Transfer = Callable[[Way, FoundStudy], Finding]
"""Fetches a study and says how that went."""


def examine(
    config: Config, clinic: Clinic, accession_number: str | None, transfer: Transfer, *, suggest: bool = False
) -> Iterator[Finding]:
    """Use each PACS of the clinic as publishing does, as far as it goes; `transfer` fetches a study that is named.

    It is fetched from every PACS that has it. `suggest`: where none is named, look for a small one and tell its
    accession number, to whoever sits at the terminal.
    """
    nowhere = accession_number is not None
    for pacs in clinic.every_pacs:
        way = way_to(config, clinic, pacs)
        number = yield from _examine(way, accession_number, transfer, suggest=suggest)
        nowhere = nowhere and number == 0
    if nowhere:
        names = ", ".join(pacs.ae_title for pacs in clinic.every_pacs)
        yield transfers.NO_SUCH_STUDY.found(clinic.code, pacs=names)


def of_one(config: Config, clinic: Clinic, pacs: Pacs) -> Iterator[Finding]:
    """Use one PACS of the clinic as far as that goes without fetching anything."""
    return _examine(way_to(config, clinic, pacs), None, _nothing_to_fetch, suggest=False)


def _nothing_to_fetch(way: Way, _: FoundStudy) -> Finding:
    return _untried(way, None)


def _examine(
    way: Way, accession_number: str | None, transfer: Transfer, *, suggest: bool
) -> Generator[Finding, None, int | None]:
    """Return how many studies it has under the number; None where it does not say."""
    config, pacs = way.config, way.pacs
    try:
        ours, theirs = addresses(pacs.host, pacs.port)
    except (OSError, UnicodeError) as error:
        yield way.finding(causes.of_connection(why_unreached(error)))
        return None
    way.words["our_address"] = ours
    if pacs.retrieve == "move" and causes.is_out_of_reach(config.dicom.host, ours, theirs):
        yield way.finding(causes.LISTENER_ON_LOOPBACK, listener=config.dicom.host)
    refusal = _echo(way)
    yield refusal or way.finding(causes.ECHO)
    if refusal is None or refusal.passed:
        return (yield from _find(way, accession_number, transfer, suggest=suggest))
    return None


def way_to(config: Config, clinic: Clinic, pacs: Pacs) -> Way:
    """Return what calls a PACS of the clinic, and what names both sides."""
    dicom = config.dicom
    patience = Patience(dicom.connect_seconds, dicom.search_timeout_seconds, dicom.stall_seconds)
    words: dict[str, object] = {"pacs": pacs.ae_title, "host": pacs.host, "port": pacs.port, "ours": dicom.ae_title}
    by_get = pacs.retrieve == "get"
    words |= {"our_address": dicom.host, "our_port": dicom.ports, "seconds": dicom.connect_seconds, "code": clinic.code}
    words |= {"service": "C-GET" if by_get else "C-MOVE", "other": "move" if by_get else "get"}
    return Way(config, clinic, pacs, ExaminedPacs(pacs, dicom.ae_title, patience), words)


def _echo(way: Way) -> Finding | None:
    """Return what keeps us from an association, or that C-ECHO alone is refused."""
    begun = time.monotonic()
    try:
        way.client.echo()
    except StudypubError as error:
        in_time = time.monotonic() - begun < way.config.dicom.connect_seconds
        cause = _unreached(way) if isinstance(error, PacsAway) else None
        cause = cause or causes.of_association(error, in_time=in_time)
        if cause is not None:
            return way.finding(cause, **_rejection(error), **_why(error))
        return way.finding(causes.NO_ECHO if isinstance(error, PacsRefused) else causes.BROKE_OFF)
    return None


def _unreached(way: Way) -> Cause | None:
    """Return why no connection comes about; None where one does, so that it is what is said over it.

    A PACS is only asked this after it has taken no association: some keep a place for everybody who connects.
    """
    try:
        knock(way.pacs.host, way.pacs.port, way.config.dicom.connect_seconds)
    except OSError as error:
        return causes.of_connection(why_unreached(error))
    return None


def _rejection(error: StudypubError) -> dict[str, object]:
    rejection = error.parameters.get("rejection")
    source, reason = rejection if isinstance(rejection, tuple) else ("?", "?")
    return {"source": source, "reason": reason}


def _find(
    way: Way, accession_number: str | None, transfer: Transfer, *, suggest: bool
) -> Generator[Finding, None, int | None]:
    try:
        found = way.client.find_studies(accession_number or _NO_SUCH_ACCESSION)
    except StudypubError as error:
        yield _query_failed(way, error)
        return None
    yield way.finding(causes.FIND, count=len(found))
    names = [text for study in found for text in (study.patient_name, study.description)]
    unread = causes.of_letters(way.client.charsets, KNOWN_CHARSETS, names)
    if unread is not None:
        yield way.finding(unread[0], charset=unread[1])
    if accession_number is None:
        yield _untried(way, _small_one(way) if suggest else None)
    elif len({study.study_instance_uid for study in found}) == 1:
        yield _transferred(way, found[0], transfer)
    elif found:
        yield way.finding(transfers.SEVERAL_STUDIES, count=len(found))
    return len(found)


def _small_one(way: Way) -> str | None:
    today = datetime.now(way.clinic.zone).date()
    return way.client.smallest_of(today - timedelta(days=_RECENT_DAYS), today)


def _untried(way: Way, accession_number: str | None) -> Finding:
    """Say how a transfer is tried: nothing is moved unasked."""
    number = shlex.quote(accession_number) if accession_number else None
    return way.finding(transfers.UNTRIED, number_ru=number or "НОМЕР", number_en=number or "NUMBER")


def _transferred(way: Way, study: FoundStudy, transfer: Transfer) -> Finding:
    try:
        return transfer(way, study)
    except StudypubError as error:  # it did not list the images
        return _query_failed(way, error)


def _query_failed(way: Way, error: StudypubError) -> Finding:
    if isinstance(error, PacsAway | PacsFull) or "rejection" in error.parameters:
        cause = causes.of_association(error, in_time=True)
        if cause is not None:
            return way.finding(cause, **_rejection(error), **_why(error))
    return way.finding(causes.of_query(error), **_why(error), status=error.parameters.get("status", 0))


def _why(error: StudypubError) -> dict[str, object]:
    return {f"why_{language}": error.parameters.get(f"reason_{language}", "") for language in ("ru", "en")}
