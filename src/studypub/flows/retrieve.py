"""The study is fetched from the PACS, whole."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from studypub.config import Dicom, Pacs
from studypub.core.publication import Part
from studypub.core.task import Task
from studypub.core.wanted import Wanted, missing
from studypub.dicom.kept import SpooledInstance
from studypub.dicom.reception import Reception
from studypub.dicom.scp import Senders
from studypub.dicom.scu import PacsClient
from studypub.dicom.spool import Spool
from studypub.errors import (
    ConflictingInstances,
    DiskFull,
    IncompleteRetrieve,
    NothingArrived,
    StudyChanged,
    StudypubError,
    UnprovenStudy,
)
from studypub.flows.find import Found, find

_MOST_ROUNDS = 3  # the study, and twice what is missing of it
_MOST_LISTS = 3  # of a study that grows meanwhile
_LOOK_SECONDS = 0.2

Follow = Callable[[Iterator[SpooledInstance]], object]


@dataclass(slots=True)
class Progress:
    """What has arrived; read by the heartbeat while the work goes on."""

    reception: Reception | None = None

    @property
    def received(self) -> int:
        """The number of instances so far."""
        return self.reception.count if self.reception else 0

    @property
    def received_bytes(self) -> int:
        """Their size so far."""
        return self.reception.size if self.reception else 0


@dataclass(frozen=True, slots=True)
class Way:
    """How this clinic's studies come to us."""

    pacs: Pacs
    client: PacsClient
    dicom: Dicom
    spool: Spool


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What was fetched of the `expected` instances; None where the PACS does not say how many there are.

    `part`: where it is not all, as an administrator has allowed.
    """

    instances: list[SpooledInstance]
    expected: int | None
    part: Part | None = None


async def retrieve(
    way: Way, task: Task, found: Found, folder: Path, progress: Progress, follow: Follow = lambda _: None
) -> Retrieved:
    """Fetch every instance that the PACS lists, and only return when none is missing, or less has been allowed.

    What an earlier attempt left in the folder is not fetched again. `follow` is given what comes, as it comes, which
    may be more than is returned. Raises IncompleteRetrieve, ConflictingInstances, DiskFull, dicom.spool.StudyIsBusy and
    what the PACS's refusals raise.
    """
    senders = Senders.of(way.pacs)
    with way.spool.reception(found.study.study_instance_uid, folder, lasting=True, senders=senders) as reception:
        progress.reception = reception
        follow(reception.arriving())
        try:
            async with asyncio.timeout(way.dicom.retrieve_timeout_seconds):
                await asyncio.to_thread(reception.recall)
                return await _until_it_stands(way, task, found, reception)
        except TimeoutError as error:
            if _may_be_part(task, reception):
                return _part(found, reception)
            received = found.contents.received(reception.uids())
            raise IncompleteRetrieve("it takes too long", received=received, expected=found.count or "?") from error


async def _until_it_stands(way: Way, task: Task, found: Found, reception: Reception) -> Retrieved:
    """Fetch, and look whether the study is still what it was: PS3.4 C.4.2 promises nothing, it may have grown."""
    for _ in range(_MOST_LISTS):
        try:
            await _until_whole(way, found, reception)
        except IncompleteRetrieve:
            if _may_be_part(task, reception):
                return _part(found, reception)
            raise
        before, found = found, await find(way.client, task)
        if before.study.study_instance_uid != found.study.study_instance_uid:
            break
        if found.contents.is_whole(reception.uids()):
            chosen = _chosen(found, reception)
            return Retrieved(chosen, len(chosen))
    else:
        if _may_be_part(task, reception):
            return _part(found, reception)
    received = found.contents.received(reception.uids())
    raise StudyChanged("the list is another each time", received=received, expected=found.count or "?")


def _chosen(found: Found, reception: Reception) -> list[SpooledInstance]:
    """Return what is here of what the PACS lists."""
    chosen = found.contents.chosen(reception.uids())
    return [instance for instance in reception.instances() if instance.sop_instance_uid in chosen]


def _may_be_part(task: Task, reception: Reception) -> bool:
    # Only an administrator can have said so, with a reason that is in the audit log.
    return task.partial_reason is not None and reception.count > 0 and reception.conflict is None


def _part(found: Found, reception: Reception) -> Retrieved:
    chosen, expected = _chosen(found, reception), found.count
    missing = expected - len(chosen) if expected is not None else 0
    return Retrieved(chosen, expected, Part(missing if missing > 0 else None))


async def _until_whole(way: Way, found: Found, reception: Reception) -> None:
    refusal: StudypubError | None = None
    for number in range(_MOST_ROUNDS):
        if found.contents.is_whole(reception.uids()):
            return
        # A PACS that refuses single instances may still serve series.
        by_series = refusal is not None and number == _MOST_ROUNDS - 1
        refusal = await _ask_for_missing(way, found, reception, whole_series=by_series)
        if reception.conflict is not None:
            raise ConflictingInstances(reception.conflict)
        if not reception.count:  # as likely as not it cannot reach us: asking at once does not help
            break
    if not found.contents.is_whole(reception.uids()):
        raise _incomplete(way, found, reception, refusal) from refusal


async def _ask_for_missing(way: Way, found: Found, reception: Reception, *, whole_series: bool) -> StudypubError | None:
    """Ask and wait; what the PACS says of it is only a hint, what has arrived counts."""
    uid, refusal, stalled = found.study.study_instance_uid, None, False
    for wanted in missing(uid, found.contents, reception.uids(), whole_series=whole_series):
        try:
            stalled = await _ask(way, wanted, found, reception)
        except StudypubError as error:
            refusal = error
            break
    if not stalled and (refusal is None or reception.count):
        reception.quiet_from_now()
        await _until_quiet(way, found, reception)
    return refusal


async def _ask(way: Way, wanted: Wanted, found: Found, reception: Reception) -> bool:
    """Let the PACS send, as long as it does; True where it was cut short because nothing new came.

    One that does not say that it is done, though all is here, is not waited for either.
    """
    reception.quiet_from_now()
    asking = asyncio.create_task(asyncio.to_thread(_send_for, way, wanted, found))
    stalled = False
    try:
        while not (await asyncio.wait([asking], timeout=_LOOK_SECONDS))[0]:
            is_whole = found.contents.is_whole(reception.uids())
            if reception.quiet_for() > (way.dicom.quiet_seconds if is_whole else way.dicom.stall_seconds):
                stalled = True
                way.client.hang_up()
    finally:
        asking.cancel()
    try:
        await asking
    except StudypubError:
        if not stalled:
            raise
    return stalled


def _send_for(way: Way, wanted: Wanted, found: Found) -> None:
    if way.pacs.retrieve == "get":
        classes = {instance.sop_class_uid for instance in found.contents.listed or ()}
        way.client.get(wanted, classes, way.spool)
    else:
        way.client.move(wanted)


async def _until_quiet(way: Way, found: Found, reception: Reception) -> None:
    number = sys.maxsize if found.count is None else found.count
    await asyncio.to_thread(reception.wait_for, found.contents.uids, number, quiet=way.dicom.quiet_seconds)


def _incomplete(way: Way, found: Found, reception: Reception, refusal: StudypubError | None) -> StudypubError:
    received, expected = found.contents.received(reception.uids()), found.count
    if not way.spool.has_room():
        return DiskFull("images were turned away")
    if refusal is not None and not reception.count:
        return refusal
    cause = str(refusal or "")
    if expected is None or received > expected:
        return UnprovenStudy(cause, received=received, expected=expected or "?")
    if not reception.count:
        pacs, dicom = way.pacs.ae_title, way.dicom
        return NothingArrived(
            cause, pacs=pacs, received=0, expected=expected, ae_title=dicom.ae_title, port=dicom.ports
        )
    return IncompleteRetrieve(cause, received=received, expected=expected)
