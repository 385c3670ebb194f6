"""What real PACSes answer to a C-MOVE in trouble, and what becomes of it: Orthanc, waiting and not, and dcmqrscp."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from tests.peers import dcmtk
from tests.peers.desk import ACCESSION, PATIENT, Desk, open_desk, task
from tests.peers.program import free_port
from tests.peers.studies import make_study

from studypub.core.wanted import Wanted
from studypub.dicom.peers import SentBy
from studypub.dicom.reception import Reception
from studypub.dicom.spool import Spool
from studypub.errors import PacsCannotDeliver, StudypubError

pytestmark = pytest.mark.peer

INSTANCES = 8
PEERS = ["orthanc", "orthanc_async", "dcmqrscp"]


class Moody(Spool):
    """Says of certain instances, counted from 1, that there is no room for them; or breaks."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, reserve=0)
        self.full: Callable[[int], bool] = lambda _: False
        self.broken: Callable[[int], bool] = lambda _: False
        self.asked = 0

    def begin(self, full: Callable[[int], bool], broken: Callable[[int], bool] = lambda _: False) -> None:
        self.full, self.broken, self.asked = full, broken, 0

    def expecting(self, study_instance_uid: str, sent_by: SentBy = lambda _: True) -> Reception | None:
        self.asked += 1
        return super().expecting(study_instance_uid, sent_by)

    def has_room(self, size: int = 0) -> bool:
        if size == 0:
            return super().has_room()
        if self.broken(self.asked):
            raise ArithmeticError
        return not self.full(self.asked)


@dataclass
class Peer:
    """A PACS, our desk before it, and what it holds."""

    kind: str
    desk: Desk
    spool: Moody
    study: list[FileDataset]


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=750, instances=INSTANCES)


@pytest.fixture(scope="module", params=PEERS)
def peer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, study: list[FileDataset]
) -> Iterator[Peer]:
    folder = tmp_path_factory.mktemp(request.param)
    spool = Moody(folder / "spool")
    with ExitStack() as stack:
        if request.param == "dcmqrscp":
            port = free_port()
            pacs = stack.enter_context(dcmtk.started(folder, {"STUDYPUB": port}))
            desk = stack.enter_context(open_desk(folder, pacs.ae_title, pacs.port, scp_port=port, spool=spool))
            pacs.store(study)
        else:
            orthanc = request.getfixturevalue(request.param)
            desk = stack.enter_context(open_desk(folder, orthanc.ae_title, orthanc.port, spool=spool))
            orthanc.store(study)
            orthanc.register("STUDYPUB", "127.0.0.1", desk.scp.port)
            stack.callback(orthanc.clear)
            stack.callback(orthanc.forget, "STUDYPUB")
        desk.set(quiet_seconds=0.8, stall_seconds=5.0, search_timeout_seconds=15.0, retrieve_timeout_seconds=30.0)
        yield Peer(request.param, desk, spool, study)


def uids(study: list[FileDataset]) -> set[str]:
    return {str(instance.SOPInstanceUID) for instance in study}


async def test_f35_all_arrives_whenever_the_answer_comes(peer: Peer) -> None:
    peer.spool.begin(full=lambda _: False)
    outcome = await peer.desk.fetch()
    assert (outcome.uids, outcome.error) == (uids(peer.study), None)


async def test_f36_one_image_was_turned_away(peer: Peer) -> None:
    """What each of them says: 0xC000 after three, 0x0000 "8 completed" after three, 0xB000 after all."""
    peer.spool.begin(full=lambda number: number == 3)
    outcome = await peer.desk.fetch()
    assert (outcome.uids, outcome.error) == (uids(peer.study), None)


async def test_f36_one_image_could_not_be_handled(peer: Peer) -> None:
    peer.spool.begin(full=lambda _: False, broken=lambda number: number == 3)
    outcome = await peer.desk.fetch()
    assert (outcome.uids, outcome.error) == (uids(peer.study), None)


async def test_f36_every_image_after_the_second_is_turned_away(peer: Peer) -> None:
    peer.spool.begin(full=lambda number: number > 2)
    outcome = await peer.desk.fetch()
    assert outcome.said[0] == "IncompleteRetrieve"
    assert outcome.said[1].startswith(f"2 of {INSTANCES}")


async def test_f34_every_image_is_turned_away(peer: Peer) -> None:
    peer.spool.begin(full=lambda _: True)
    outcome = await peer.desk.fetch()
    assert outcome.said[0] == ("NothingArrived" if peer.kind == "orthanc_async" else "PacsCannotDeliver")
    assert "STUDYPUB" in outcome.said[1]


async def test_f33_the_destination_is_unknown(peer: Peer) -> None:
    peer.spool.begin(full=lambda _: False)
    title = peer.desk.dicom.ae_title
    peer.desk.set(ae_title="NOBODY")
    try:
        outcome = await peer.desk.fetch()
    finally:
        peer.desk.set(ae_title=title)
    kind, sentence = outcome.said
    assert kind == ("PacsRefused" if peer.kind == "dcmqrscp" else "PacsCannotDeliver")
    assert "AE title NOBODY" in sentence


def test_f36_a_study_that_it_does_not_have(peer: Peer) -> None:
    """Success with nothing at all is dcmqrscp's way of saying so."""
    error: StudypubError | None = None
    try:
        peer.desk.client().move(Wanted("1.2.3.4"))
    except PacsCannotDeliver as raised:
        error = raised
    assert (error is None) == (peer.kind == "dcmqrscp")


async def test_f04_what_has_arrived_is_not_fetched_again(peer: Peer) -> None:
    wanted = task()
    peer.spool.begin(full=lambda number: number > 5)
    assert (await peer.desk.fetch(wanted)).said[1].startswith(f"5 of {INSTANCES}")
    peer.spool.begin(full=lambda _: False)
    outcome = await peer.desk.fetch(wanted)
    assert outcome.uids == uids(peer.study)
    assert peer.spool.asked == INSTANCES - 5


async def test_f34_the_way_to_us_is_closed(peer: Peer) -> None:
    """The last of these tests: from here on nobody listens."""
    peer.desk.scp.stop()
    outcome = await peer.desk.fetch()
    kind, sentence = outcome.said
    assert kind == ("NothingArrived" if peer.kind == "orthanc_async" else "PacsCannotDeliver")
    assert "STUDYPUB" in sentence
