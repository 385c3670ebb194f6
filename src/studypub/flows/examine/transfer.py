"""Fetches a study for real, by the way that publishing takes, and throws it away."""

import secrets
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from studypub.config import Clinic, Config, Pacs
from studypub.core.finding import FoundStudy
from studypub.core.wanted import Wanted
from studypub.dicom.examined import ExaminedPacs, name_of
from studypub.dicom.reception import Reception
from studypub.dicom.scp import KnownPeers, Senders, StorageScp
from studypub.dicom.secure import secure_port
from studypub.dicom.spool import Spool, StudyIsBusy
from studypub.dicom.visitors import Visit, Visitors
from studypub.errors import DiskFull, StudypubError
from studypub.flows.examine.causes import transfer as causes
from studypub.flows.examine.causes.transfer import Outcome
from studypub.flows.examine.finding import Cause, Finding

_LOOK_SECONDS = 0.2
_RESERVE_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Listener:
    """One that runs: where it keeps what comes, and who has come."""

    spool: Spool
    visitors: Visitors


@dataclass(frozen=True, slots=True)
class Way:
    """Between us and one PACS of a clinic; `words` name both sides in whatever is found."""

    config: Config
    clinic: Clinic
    pacs: Pacs
    client: ExaminedPacs
    words: dict[str, object]

    def finding(self, cause: Cause, **more: object) -> Finding:
        """Return what was found."""
        return cause.found(self.clinic.code, **(self.words | more))


@contextmanager
def listener_of_our_own(config: Config, pacs: Pacs) -> Iterator[Listener]:
    """Listen in place of a daemon that does not run, into a folder that goes with us. Raises OSError, ConfigError."""
    with tempfile.TemporaryDirectory(prefix="studypub-") as folder:
        spool = Spool(Path(folder) / "spool", reserve=_RESERVE_BYTES)
        spool.open()
        senders = Senders.of(pacs)
        scp = StorageScp(
            config.dicom.ae_title,
            config.dicom.host,
            config.dicom.plain_port,
            secure=secure_port(config.dicom),
            peers=KnownPeers(senders.hosts),
            peer_ae_titles=senders.ae_titles,
            spool=spool,
        )
        scp.start()
        try:
            yield Listener(spool, scp.visitors)
        finally:
            scp.stop()


def examine(way: Way, study: FoundStudy, listening: Listener) -> Finding:
    """Fetch the study and say how that went; it blocks, for as long as images come."""
    listed = way.client.list_instances(study.study_instance_uid) or []
    expected = len(listed) or study.instances
    uids = frozenset(instance.sop_instance_uid for instance in listed)
    mark, senders = listening.visitors.mark(), Senders.of(way.pacs)
    try:
        with (
            listening.spool.work_folder(f"examination-{secrets.token_hex(8)}") as folder,
            listening.spool.reception(study.study_instance_uid, folder, senders=senders) as reception,
        ):
            ask = _asking(way, study, {instance.sop_class_uid for instance in listed}, listening.spool)
            error = _fetch(way, ask, reception)
            if error is None or reception.count:
                reception.quiet_from_now()
                reception.wait_for(uids, expected or 1, quiet=way.config.dicom.quiet_seconds)
            received = reception.count
        is_full = not listening.spool.has_room()
    except StudyIsBusy:
        return way.finding(causes.BEING_FETCHED)
    except (DiskFull, OSError):
        return way.finding(causes.NO_ROOM)
    by_get = way.pacs.retrieve == "get"
    came = [] if by_get else listening.visitors.since(mark)
    visits = [visit for visit in came if _concerns(visit, senders)]
    cause, words = causes.judge(Outcome(received, expected, error, visits, by_get=by_get, is_full=is_full))
    if "names" in words:
        words["names"] = ", ".join(map(name_of, words["names"]))  # type: ignore[call-overload]  # a list of UIDs
    return way.finding(cause, **words)


def _concerns(visit: Visit, senders: Senders) -> bool:
    """Whether somebody may have come for us: the PACS of another clinic that was let in has not."""
    return bool(visit.reason) or visit.calling in senders.ae_titles


def _asking(way: Way, study: FoundStudy, classes: set[str], spool: Spool) -> Callable[[], None]:
    wanted = Wanted(study.study_instance_uid)
    if way.pacs.retrieve == "get":
        return lambda: way.client.get(wanted, classes, spool)
    return lambda: way.client.move(wanted)


def _fetch(way: Way, ask: Callable[[], None], reception: Reception) -> StudypubError | None:
    """Let the PACS send, as long as something comes; return what it says in the end."""
    failures: list[StudypubError] = []
    ended = threading.Event()

    def run() -> None:
        try:
            ask()
        except StudypubError as error:
            failures.append(error)
        finally:
            ended.set()

    asking = threading.Thread(target=run, name="examination", daemon=True)
    reception.quiet_from_now()
    asking.start()
    while not ended.wait(_LOOK_SECONDS):
        if reception.quiet_for() > way.config.dicom.stall_seconds:
            way.client.hang_up()
            break
    asking.join(way.config.dicom.connect_seconds)
    return failures[0] if failures else None
