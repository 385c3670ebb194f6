"""What we ask of a PACS, asked of ours for demonstrations, of Orthanc and of dcmqrscp."""

import logging
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)
from tests.peers import dcmtk
from tests.peers.orthanc import Orthanc
from tests.peers.program import deaf_port, free_port
from tests.peers.studies import make_study, secondary_capture, structured_report

from studypub.config import Pacs
from studypub.core.wanted import Wanted
from studypub.dicom import caller, scu, waiting
from studypub.dicom.caller import Patience
from studypub.dicom.demo_pacs import DemoPacs
from studypub.dicom.reception import Reception
from studypub.dicom.scp import KnownPeers, StorageScp
from studypub.dicom.scu import PacsClient
from studypub.dicom.spool import Spool
from studypub.errors import PacsBusy, PacsCannotDeliver, PacsRefused, PacsUnreachable, StudypubError

STUDYPUB = "STUDYPUB"
ACCESSION = "KP125706548L"
QUIET = 10.0


@dataclass
class Receiver:
    """Our listener, its spool and a folder for one study."""

    port: int
    spool: Spool
    folder: Path

    @contextmanager
    def expecting(self, study: list[FileDataset]) -> Iterator[Reception]:
        with self.spool.reception(study[0].StudyInstanceUID, self.folder) as reception:
            yield reception


@dataclass
class Served:
    """A PACS that holds the study, and how to reach it."""

    pacs: Pacs
    client: PacsClient
    receiver: Receiver


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    images = make_study(patient_id="P-1", accession_number=ACCESSION, seed=4, instances=6)
    return [*images, structured_report(images), secondary_capture(images)]


@pytest.fixture(scope="module")
def other() -> list[FileDataset]:
    """Another patient's study, whose number begins alike."""
    return make_study(patient_id="P-2", accession_number=f"{ACCESSION}2", seed=5, instances=2)


@contextmanager
def receiving(folder: Path, pacs_title: str, port: int = 0) -> Iterator[Receiver]:
    spool = Spool(folder / "spool", reserve=0)
    spool.open()
    scp = StorageScp(
        STUDYPUB, "127.0.0.1", port, peers=KnownPeers(["127.0.0.1"]), peer_ae_titles=[pacs_title], spool=spool
    )
    scp.start()
    try:
        with spool.work_folder("task") as work:
            yield Receiver(scp.port, spool, work)
    finally:
        scp.stop()


def client_of(ae_title: str, port: int, ours: str = STUDYPUB) -> tuple[Pacs, PacsClient]:
    pacs = Pacs(ae_title=ae_title, host="127.0.0.1", port=port)
    return pacs, PacsClient(pacs, ours)


@contextmanager
def demo(folder: Path, datasets: list[FileDataset]) -> Iterator[Served]:
    destinations: dict[str, tuple[str, int]] = {}
    pacs = DemoPacs("DEMO", destinations=destinations, instances=datasets)
    pacs.start()
    try:
        with receiving(folder, "DEMO") as receiver:
            destinations[STUDYPUB] = ("127.0.0.1", receiver.port)
            yield Served(*client_of("DEMO", pacs.port), receiver)
    finally:
        pacs.stop()


@contextmanager
def real_orthanc(peer: Orthanc, folder: Path, datasets: list[FileDataset]) -> Iterator[Served]:
    with receiving(folder, peer.ae_title) as receiver:
        peer.store(datasets)
        peer.register(STUDYPUB, "127.0.0.1", receiver.port)
        try:
            yield Served(*client_of(peer.ae_title, peer.port), receiver)
        finally:
            peer.forget(STUDYPUB)
            peer.clear()


@contextmanager
def real_dcmqrscp(folder: Path, datasets: list[FileDataset]) -> Iterator[Served]:
    port = free_port()
    with (
        dcmtk.started(folder, {STUDYPUB: port}) as peer,
        receiving(folder, peer.ae_title, port) as receiver,
    ):
        peer.store(datasets)
        yield Served(*client_of(peer.ae_title, peer.port), receiver)


@pytest.fixture(
    params=[
        "demo",
        pytest.param("orthanc", marks=pytest.mark.peer),
        pytest.param("orthanc_async", marks=pytest.mark.peer),
        pytest.param("dcmqrscp", marks=pytest.mark.peer),
    ]
)
def served(
    request: pytest.FixtureRequest, tmp_path: Path, study: list[FileDataset], other: list[FileDataset]
) -> Iterator[Served]:
    """Each kind of PACS in turn."""
    kind: Literal["demo", "orthanc", "orthanc_async", "dcmqrscp"] = request.param
    datasets = [*study, *other]
    with ExitStack() as stack:
        if kind == "demo":
            yield stack.enter_context(demo(tmp_path, datasets))
        elif kind == "dcmqrscp":
            yield stack.enter_context(real_dcmqrscp(tmp_path, datasets))
        else:
            yield stack.enter_context(real_orthanc(request.getfixturevalue(kind), tmp_path, datasets))


@pytest.fixture
def demo_served(tmp_path: Path, study: list[FileDataset]) -> Iterator[Served]:
    with demo(tmp_path, study) as served:
        yield served


def uids(study: list[FileDataset]) -> set[str]:
    return {str(instance.SOPInstanceUID) for instance in study}


def whole(reception: Reception, study: list[FileDataset]) -> bool:
    reception.quiet_from_now()
    reception.wait_for(frozenset(uids(study)), len(study), quiet=QUIET)
    return reception.uids() == uids(study)


def test_a_study_is_found_listed_and_fetched(served: Served, study: list[FileDataset]) -> None:
    client = served.client
    client.echo()
    (found,) = [one for one in client.find_studies(ACCESSION) if one.accession_number == ACCESSION]
    assert found.study_instance_uid == study[0].StudyInstanceUID
    assert (found.patient_id, found.study_date) == ("P-1", study[0].StudyDate)
    assert found.patient_name == str(study[0].PatientName)
    assert found.instances in (len(study), None)  # dcmqrscp does not count
    listed = client.list_instances(found.study_instance_uid)
    assert listed is not None
    assert {one.sop_instance_uid for one in listed} == uids(study)
    with served.receiver.expecting(study) as reception:
        client.move(Wanted(found.study_instance_uid))
        assert whole(reception, study)
        assert {dcmread(one.path).PatientID for one in reception.instances()} == {"P-1"}


@pytest.mark.parametrize("way", ["move", "get"])
def test_classes_are_listed_for_c_get_alone(
    served: Served, study: list[FileDataset], way: Literal["move", "get"]
) -> None:
    client = PacsClient(msgspec.structs.replace(served.pacs, retrieve=way), STUDYPUB)
    listed = client.list_instances(str(study[0].StudyInstanceUID))
    assert listed is not None
    classes = {str(instance.SOPInstanceUID): str(instance.SOPClassUID) for instance in study}
    told = way == "get" and served.pacs.ae_title != dcmtk.Dcmqrscp.ae_title  # which tells no class
    assert {one.sop_instance_uid: one.sop_class_uid for one in listed} == (
        classes if told else dict.fromkeys(classes, "")
    )


class Contested(queue.Queue[Any]):
    """Answers, each of which the library's own thread sees before whoever waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.came, self._looked = threading.Event(), threading.Event()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        del block, timeout  # it has no bounds
        with self.mutex:
            self._put(item)
            self.unfinished_tasks += 1
        self.came.set()
        self._looked.wait(0.1)
        with self.mutex:
            self.not_empty.notify()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        try:
            return super().get(block, timeout)
        finally:
            if not block:
                self._looked.set()


class LateReactor(threading.Event):
    """Lets the library's thread go on when there is an answer: just before it was told to pause it had been let go."""

    def __init__(self, answers: Contested) -> None:
        super().__init__()
        self.set()
        self._answers = answers

    def wait(self, timeout: float | None = None) -> bool:
        return self._answers.came.wait(1) if not self._answers.came.is_set() else super().wait(timeout)


def test_an_answer_is_heard_whatever_the_librarys_thread_does(
    demo_served: Served, study: list[FileDataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(event: evt.Event) -> None:
        waiting.wait_for_the_peer(event)
        event.assoc.dimse.msg_queue = answers = Contested()
        event.assoc._reactor_checkpoint = LateReactor(answers)

    monkeypatch.setattr(caller, "wait_for_the_peer", late)
    client = PacsClient(demo_served.pacs, STUDYPUB, Patience(search=3.0, transfer=3.0))
    client.echo()
    assert [one.instances for one in client.find_studies(ACCESSION)] == [len(study)]
    with demo_served.receiver.expecting(study) as reception:
        client.move(Wanted(str(study[0].StudyInstanceUID)))
        assert whole(reception, study)


def test_nothing_is_found_under_another_number(served: Served) -> None:
    assert [one for one in served.client.find_studies("NONE-SUCH") if one.accession_number == "NONE-SUCH"] == []


@pytest.mark.parametrize("kind", ["demo", pytest.param("orthanc", marks=pytest.mark.peer)])
@pytest.mark.parametrize("listed", [True, False])
def test_get(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, study: list[FileDataset], *, listed: bool
) -> None:
    """A PACS that lists no classes is offered the usual ones."""
    study = study if listed else make_study(patient_id="P", accession_number=ACCESSION, modality="CR", seed=6)
    way = demo(tmp_path, study) if kind == "demo" else real_orthanc(request.getfixturevalue(kind), tmp_path, study)
    with way as served, served.receiver.expecting(study) as reception:
        classes = {str(instance.SOPClassUID) for instance in study} if listed else {""}
        served.client.get(Wanted(str(study[0].StudyInstanceUID)), classes, served.receiver.spool)
        assert reception.uids() == uids(study)


def test_get_takes_nothing_that_was_not_asked_for(demo_served: Served, study: list[FileDataset]) -> None:
    wanted = Wanted(str(study[0].StudyInstanceUID))
    with pytest.raises(PacsCannotDeliver):  # every store of it was refused
        demo_served.client.get(wanted, [str(study[0].SOPClassUID)], demo_served.receiver.spool)
    assert list(demo_served.receiver.folder.iterdir()) == []


@contextmanager
def delivering(instance: FileDataset, at_each_write: Callable[[evt.Event], None]) -> Iterator[Pacs]:
    """Run a PACS that answers a C-GET with one instance, and does something whenever it has written to the network."""
    entity = AE("SLOW")
    entity.add_supported_context(StudyRootQueryRetrieveInformationModelGet)
    entity.add_supported_context(instance.SOPClassUID, scu_role=False, scp_role=True)

    def get(_: evt.Event) -> Iterator[Any]:
        yield 1
        yield 0xFF00, instance

    handlers: list[Any] = [(evt.EVT_C_GET, get), (evt.EVT_DATA_SENT, at_each_write)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield Pacs(ae_title="SLOW", host="127.0.0.1", port=server.server_address[1])
    finally:
        entity.shutdown()


@pytest.fixture(scope="module")
def long() -> FileDataset:
    """An instance of several PDUs."""
    (instance,) = make_study(patient_id="P-3", accession_number=ACCESSION, seed=8, instances=1)
    instance.Rows = instance.Columns = 600
    instance.PixelData = bytes(2 * 600 * 600)
    return instance


def test_f50_a_long_instance_may_take_longer_than_a_pacs_may_be_silent(tmp_path: Path, long: FileDataset) -> None:
    pause = threading.Event()  # nobody sets it

    def pausing(event: evt.Event) -> None:
        if len(event.data) > 10_000:
            pause.wait(0.25)

    spool = Spool(tmp_path / "spool", reserve=0)
    spool.open()
    with (
        delivering(long, pausing) as pacs,
        spool.work_folder("task") as work,
        spool.reception(long.StudyInstanceUID, work) as reception,
    ):
        begun = time.monotonic()
        PacsClient(pacs, STUDYPUB, Patience(transfer=0.8)).get(Wanted(long.StudyInstanceUID), [long.SOPClassUID], spool)
        assert time.monotonic() - begun > 0.8
        assert reception.uids() == {long.SOPInstanceUID}


def test_f37_nothing_stays_of_an_instance_that_breaks_off_under_c_get(tmp_path: Path, long: FileDataset) -> None:
    def break_off(event: evt.Event) -> None:
        connection: Any = event.assoc.dul.socket
        if len(event.data) > 10_000:
            connection.socket.shutdown(socket.SHUT_RDWR)

    spool = Spool(tmp_path / "spool", reserve=0)
    spool.open()
    with (
        delivering(long, break_off) as pacs,
        spool.work_folder("task") as work,
        spool.reception(long.StudyInstanceUID, work) as reception,
    ):
        with pytest.raises(PacsCannotDeliver):
            PacsClient(pacs, STUDYPUB).get(Wanted(long.StudyInstanceUID), [long.SOPClassUID], spool)
        assert reception.count == 0
        assert list(work.iterdir()) == []


REGISTERED_NOWHERE = {"demo": PacsRefused, "dcmqrscp": PacsRefused, "orthanc": PacsCannotDeliver}


@pytest.mark.parametrize(
    "kind",
    ["demo", pytest.param("orthanc", marks=pytest.mark.peer), pytest.param("dcmqrscp", marks=pytest.mark.peer)],
)
def test_f33_a_pacs_that_does_not_know_where_to_send(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, study: list[FileDataset]
) -> None:
    with ExitStack() as stack:
        if kind == "demo":
            served = stack.enter_context(demo(tmp_path, study))
        elif kind == "dcmqrscp":
            served = stack.enter_context(real_dcmqrscp(tmp_path, study))
        else:
            served = stack.enter_context(real_orthanc(request.getfixturevalue(kind), tmp_path, study))
        client = PacsClient(served.pacs, "NOT-REGISTERED")
        with pytest.raises(REGISTERED_NOWHERE[kind]) as raised:
            client.move(Wanted(str(study[0].StudyInstanceUID)))
    assert raised.value.code == "PACS_REFUSED"
    assert "NOT-REGISTERED" in raised.value.sentence.en
    assert "AE title" in raised.value.sentence.ru


CALLS: list[Callable[[PacsClient], object]] = [
    lambda client: client.echo(),
    lambda client: client.find_studies("A1"),
    lambda client: client.list_instances("1.2.3"),
    lambda client: client.move(Wanted("1.2.3")),
]


@pytest.mark.parametrize("call", CALLS)
def test_f31_a_closed_port(call: Callable[[PacsClient], object]) -> None:
    with deaf_port() as port, pytest.raises(PacsUnreachable) as raised:
        call(client_of("X", port)[1])
    assert raised.value.code == "PACS_UNREACHABLE"
    assert raised.value.retry
    assert f"127.0.0.1:{port}" in raised.value.sentence.ru


def test_f31_a_name_that_nobody_has() -> None:
    client = PacsClient(Pacs(ae_title="X", host="pacs.invalid", port=104), STUDYPUB)
    with pytest.raises(PacsUnreachable):
        client.echo()


def test_what_listens_there_is_no_pacs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_hang_up, args=(server,))
        answering.start()
        with pytest.raises(PacsUnreachable):
            client_of("X", server.getsockname()[1])[1].echo()
        answering.join(10)


def _hang_up(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(100)
        connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("call", [CALLS[0], CALLS[1], CALLS[3]])
def test_f32_a_wrong_title_is_a_matter_for_the_administrator(
    demo_served: Served, call: Callable[[PacsClient], object]
) -> None:
    with pytest.raises(PacsRefused) as raised:
        call(client_of("WRONG", demo_served.pacs.port)[1])
    assert (raised.value.code, raised.value.retry) == ("PACS_REFUSED", False)
    assert "WRONG" in raised.value.sentence.ru


@pytest.mark.peer
def test_f32_orthanc_says_so_too(orthanc: Orthanc) -> None:
    with pytest.raises(PacsRefused):
        client_of("WRONG", orthanc.port)[1].echo()


@contextmanager
def scripted(*handlers: Any, models: tuple[str, ...] = (), **settings: Any) -> Iterator[PacsClient]:
    """Run a PACS that answers as told."""
    entity = AE("SCRIPT")
    for model in models or (
        Verification,
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelMove,
    ):
        entity.add_supported_context(model)
    for name, value in settings.items():
        setattr(entity, name, value)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    assert server is not None
    try:
        yield client_of("SCRIPT", server.server_address[1])[1]
    finally:
        entity.shutdown()


def answering(*statuses: int) -> Callable[[evt.Event], Iterator[tuple[int, None]]]:
    def handle(_: evt.Event) -> Iterator[tuple[int, None]]:
        for status in statuses:
            yield status, None

    return handle


@pytest.mark.parametrize(
    ("status", "error"),
    [(0xA700, PacsBusy), (0xFE00, PacsBusy), (0xA900, PacsRefused), (0xC001, PacsRefused), (0x0122, PacsRefused)],
)
def test_statuses_of_a_search(status: int, error: type[StudypubError]) -> None:
    with scripted((evt.EVT_C_FIND, answering(status))) as client, pytest.raises(error) as raised:
        client.find_studies("A1")
    assert f"0x{status:04X}" in raised.value.sentence.en


def test_f32_a_pacs_with_too_many_callers_is_busy() -> None:
    with scripted(maximum_associations=1) as client:
        holder = AE("OTHER")
        held = holder.associate("127.0.0.1", client._pacs.port, [_context(Verification)])
        try:
            with pytest.raises(PacsBusy) as raised:
                client.echo()
            assert raised.value.retry
        finally:
            held.release()


def _context(model: str) -> Any:
    entity = AE()
    entity.add_requested_context(model)
    return entity.requested_contexts[0]


@pytest.mark.parametrize("call", [CALLS[1], CALLS[3]])
def test_a_service_that_the_pacs_has_not(call: Callable[[PacsClient], object]) -> None:
    with scripted(models=(Verification,)) as client, pytest.raises(PacsRefused, match="the service is not supported"):
        call(client)


def test_f32_a_pacs_that_knows_no_echo_can_be_greeted() -> None:
    with scripted(models=(StudyRootQueryRetrieveInformationModelFind,)) as client:
        client.greet()


def row(**values: str) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def listing(rows: dict[str, list[Dataset]]) -> Callable[[evt.Event], Iterator[tuple[int, Dataset]]]:
    def handle(event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        for answer in rows[event.identifier.QueryRetrieveLevel]:
            yield 0xFF00, answer

    return handle


def test_a_pacs_that_does_not_list_instances_is_taken_at_its_count() -> None:
    def only_studies(event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        if event.identifier.QueryRetrieveLevel != "STUDY":
            yield 0xA900, None
            return
        yield 0xFF00, row(StudyInstanceUID="1.2.3", AccessionNumber="A1", NumberOfStudyRelatedInstances="7")

    with scripted((evt.EVT_C_FIND, only_studies)) as client:
        (found,) = client.find_studies("A1")
        assert found.instances == 7
        assert client.list_instances("1.2.3") is None


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_x16_identifiers_that_are_none_are_no_list() -> None:
    good, bad = "1.2.3.1", "../../etc/passwd"
    series = [row(QueryRetrieveLevel="SERIES", SeriesInstanceUID="1.2.3")]
    instances = [row(SOPInstanceUID=uid, SOPClassUID="1.2") for uid in (good, bad)]
    with scripted((evt.EVT_C_FIND, listing({"SERIES": series, "IMAGE": instances}))) as client:
        assert client.list_instances("1.2") is None
    studies = [row(StudyInstanceUID=bad, AccessionNumber="A1")]
    with scripted((evt.EVT_C_FIND, listing({"STUDY": studies}))) as client, pytest.raises(PacsRefused):
        client.find_studies("A1")


def test_x16_rows_without_end() -> None:
    def endless(event: evt.Event) -> Iterator[tuple[int, Dataset]]:
        while event.assoc.is_established:
            yield 0xFF00, row(StudyInstanceUID="1.2.3", AccessionNumber="A1")

    with pytest.MonkeyPatch.context() as patch, scripted((evt.EVT_C_FIND, endless)) as client:
        patch.setattr(scu, "_MOST_STUDIES", 50)
        with pytest.raises(PacsRefused):
            client.find_studies("A1")


@pytest.mark.parametrize(
    ("status", "error"), [(0xA702, PacsCannotDeliver), (0xC000, PacsCannotDeliver), (0xB000, None)]
)
def test_f34_statuses_of_a_retrieval(status: int, error: type[StudypubError] | None) -> None:
    def moves(_: evt.Event) -> Iterator[Any]:
        yield "127.0.0.1", 1, {"contexts": [_context(Verification)]}
        yield 1
        yield status, None

    # pynetdicom's SCP needs a destination that answers.
    with scripted() as destination:
        port = destination._pacs.port

        def reachable(event: evt.Event) -> Iterator[Any]:
            steps = moves(event)
            next(steps)
            yield "127.0.0.1", port, {"contexts": [_context(Verification)]}
            yield from steps

        with scripted((evt.EVT_C_MOVE, reachable)) as client:
            if error is None:
                client.move(Wanted("1.2.3"))
                return
            with pytest.raises(error):
                client.move(Wanted("1.2.3"))


def test_abort_ends_what_hangs_and_lets_nothing_new_begin() -> None:
    asked, let_go = threading.Event(), threading.Event()

    def hang(_: evt.Event) -> Iterator[tuple[int, Dataset]]:
        asked.set()
        let_go.wait(30)
        yield 0xFF00, row(StudyInstanceUID="1.2.3", AccessionNumber="A1")

    try:
        with scripted((evt.EVT_C_FIND, hang)) as client, ThreadPoolExecutor(1) as pool:
            search = pool.submit(client.find_studies, "A1")
            assert asked.wait(10)
            client.abort()
            with pytest.raises(PacsUnreachable):
                search.result(5)
            with pytest.raises(PacsUnreachable):
                client.echo()
            let_go.set()
    finally:
        let_go.set()


def test_the_library_words_nothing_for_its_log(demo_served: Served, caplog: pytest.LogCaptureFixture) -> None:
    """Its words name patients, and cost more than all else of an answer."""
    caplog.set_level(logging.DEBUG, "pynetdicom")
    found = demo_served.client.find_studies(ACCESSION)
    assert [each.patient_id for each in found] == ["P-1"]
    assert [record for record in caplog.records if record.name == "pynetdicom._handlers"] == []
    assert "P-1" not in caplog.text
    assert ACCESSION not in caplog.text
