"""The study is fetched from the PACS, whole."""

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path

from studypub.config import Dicom, Pacs
from studypub.core.task import Task
from studypub.dicom.scu import PacsClient
from studypub.dicom.spool import Reception, Spool, SpooledInstance
from studypub.errors import ConflictingInstances, IncompleteRetrieve, StudypubError
from studypub.flows.find import Found, find

log = logging.getLogger(__name__)
_MOST_ROUNDS = 3


@dataclass(slots=True)
class Progress:
    """How many instances have arrived; read by the heartbeat while the work goes on."""

    reception: Reception | None = None

    @property
    def received(self) -> int:
        """The number so far."""
        return self.reception.count if self.reception else 0


@dataclass(frozen=True, slots=True)
class Way:
    """How this clinic's studies come to us."""

    pacs: Pacs
    client: PacsClient
    dicom: Dicom
    spool: Spool


async def retrieve(way: Way, task: Task, found: Found, folder: Path, progress: Progress) -> list[SpooledInstance]:
    """Fetch every instance that the PACS lists, and only return when none is missing.

    Raises IncompleteRetrieve, ConflictingInstances, dicom.spool.StudyIsBusy and what the PACS's refusals raise.
    """
    with way.spool.reception(found.study.study_instance_uid, folder) as reception:
        progress.reception = reception
        try:
            async with asyncio.timeout(way.dicom.retrieve_timeout_seconds):
                return await _until_whole(way, task, found, reception)
        except TimeoutError as error:
            raise IncompleteRetrieve(
                "it takes too long", received=reception.count, expected=found.count or "?"
            ) from error


async def _until_whole(way: Way, task: Task, found: Found, reception: Reception) -> list[SpooledInstance]:
    study_instance_uid = found.study.study_instance_uid
    for _ in range(_MOST_ROUNDS):
        refusal = await _fetch(way, found, reception)
        _require_whole(found, reception, refusal)
        # The study may have grown meanwhile (PS3.4 C.4.2 promises nothing): what counts is the list as it is now.
        found = await find(way.client, task)
        if found.study.study_instance_uid == study_instance_uid and _is_whole(found, reception):
            return [instance for instance in reception.instances() if _is_listed(found, instance)]
    raise IncompleteRetrieve("the study keeps changing", received=reception.count, expected=found.count or "?")


async def _fetch(way: Way, found: Found, reception: Reception) -> StudypubError | None:
    """Ask for the study and wait for it; what the PACS says is only a hint, what has arrived counts."""
    uid = found.study.study_instance_uid
    refusal: StudypubError | None = None
    try:
        if way.pacs.retrieve == "get":
            classes = {instance.sop_class_uid for instance in found.instances or ()}
            await asyncio.to_thread(way.client.get, uid, classes, way.spool)
        else:
            await asyncio.to_thread(way.client.move, uid)
    except StudypubError as error:
        refusal = error
    reception.quiet_from_now()
    quiet = way.dicom.quiet_seconds if refusal is None or reception.count else 0
    await asyncio.to_thread(reception.wait_for, found.uids, found.count or 1, quiet=quiet)
    return refusal


def _require_whole(found: Found, reception: Reception, refusal: StudypubError | None) -> None:
    if reception.conflict is not None:
        raise ConflictingInstances(reception.conflict)
    if _is_whole(found, reception):
        return
    if refusal is not None and not reception.count:
        raise refusal
    raise IncompleteRetrieve(str(refusal or ""), received=reception.count, expected=found.count or "?") from refusal


def _is_whole(found: Found, reception: Reception) -> bool:
    if found.instances is not None:
        return found.uids <= reception.uids()
    # Without a list only the number can be compared; without a number nothing proves that the study is whole.
    return found.count is not None and 0 < found.count == reception.count


def _is_listed(found: Found, instance: SpooledInstance) -> bool:
    return found.instances is None or instance.sop_instance_uid in found.uids
