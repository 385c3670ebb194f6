"""A PACS that does not send to us: each reason by its own code, on real connections."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian
from pynetdicom import AE, build_context, evt
from tests.examine.conftest import by_code, by_the_daemon, failures, one_clinic
from tests.peers.dcmtk import Dcmqrscp
from tests.peers.dcmtk import started as started_dcmqrscp
from tests.peers.desk import ACCESSION, Desk, open_desk
from tests.peers.facing import Facing
from tests.peers.orthanc import Orthanc
from tests.peers.pacs_behaviours import BEHAVIOURS
from tests.peers.program import deaf_port, free_port
from tests.peers.scripted_pacs import Answers, Behaviour, Search, Transfer, pending
from tests.peers.studies import make_study

from studypub.config import Clinic, Config, Database, Pacs
from studypub.dicom import visitors
from studypub.dicom.demo_pacs import DemoPacs
from studypub.dicom.visitors import Visit
from studypub.dicom.waiting import leave_answers
from studypub.errors import PacsRefused, PacsUnreachable
from studypub.flows import doctor
from studypub.flows.examine import pacs
from studypub.flows.examine.causes import transfer as causes
from studypub.flows.examine.causes.transfer import Outcome
from studypub.flows.examine.finding import Cause, Finding
from studypub.flows.examine.transfer import Listener


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("honest", "TRANSFER_COMPLETE"),
        ("succeeds and sends later", "TRANSFER_COMPLETE"),
        ("says pending though done", "TRANSFER_COMPLETE"),
        ("A801", "TRANSFER_DESTINATION_UNKNOWN"),
        ("0124", "TRANSFER_REFUSED"),
        ("C000", "TRANSFER_NOBODY_CAME"),
        ("A702", "TRANSFER_NOBODY_CAME"),
        ("B000 with nothing", "TRANSFER_NOBODY_CAME"),
        ("succeeds with nothing", "TRANSFER_NOBODY_CAME"),
        ("aborts at once", "TRANSFER_NOTHING_SENT"),
        ("stops at once", "TRANSFER_NOTHING_SENT"),
        ("unknown calling title", "TRANSFER_FOREIGN_TITLE"),
        ("drops one for ever", "TRANSFER_PART"),
        ("sends another study", "TRANSFER_IMAGES_REFUSED"),
    ],
)
def test_what_a_pacs_does_is_named(facing: Facing, name: str, code: str) -> None:
    facing.become(name)
    found = by_the_daemon(facing.desk)
    assert list(found)[-1] == code
    assert failures(found) == ({code} - {"TRANSFER_COMPLETE"})
    assert not facing.desk.spool.task_ids()
    assert [path for path in (facing.desk.folder / "spool").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(("name", "said"), [("C000", "0xC000"), ("A702", "0xA702"), ("aborts at once", "A-ABORT")])
def test_what_the_pacs_said_is_told(facing: Facing, name: str, said: str) -> None:
    facing.become(name)
    (sentence,) = (finding.sentence for finding in by_the_daemon(facing.desk).values() if not finding.passed)
    assert said in sentence.en
    assert said in sentence.ru


def test_a_foreign_address_is_told(facing: Facing) -> None:
    facing.pacs.become(Behaviour(source="127.0.0.3"), facing.study)
    found = by_the_daemon(facing.desk)["TRANSFER_FOREIGN_ADDRESS"]
    assert "127.0.0.3" in found.sentence.en
    assert 'peers = ["127.0.0.3"]' in found.remedy.ru


def test_the_title_of_a_stranger_is_told(facing: Facing) -> None:
    facing.pacs.become(BEHAVIOURS["unknown calling title"], facing.study)
    assert 'peer_ae_titles = ["STRANGER"]' in by_the_daemon(facing.desk)["TRANSFER_FOREIGN_TITLE"].remedy.en


def test_a_pacs_of_another_clinic_that_comes_meanwhile_is_not_taken_for_this_one(facing: Facing) -> None:
    def move(transfer: Transfer) -> None:
        facing.pacs.behaviour = Behaviour(calling="OTHER", source="127.0.0.2")
        transfer.send(*sent)
        transfer.done()

    sent = facing.study[:0]
    facing.pacs.become(Behaviour(move), facing.study)
    assert failures(by_the_daemon(facing.desk)) == {"TRANSFER_NOBODY_CAME"}
    sent = facing.study[:1]
    facing.pacs.become(Behaviour(move), facing.study)
    found = by_the_daemon(facing.desk)  # this one sent what was asked for, but of this PACS
    assert "under the AE title OTHER from 127.0.0.2" in found["TRANSFER_IMAGES_REFUSED"].sentence.en


def test_objects_of_a_class_that_we_do_not_take_are_named(facing: Facing) -> None:
    private = deepcopy(facing.study[:2])
    for instance in private:
        instance.SOPClassUID = instance.file_meta.MediaStorageSOPClassUID = UID("1.2.3.4.5.6")
    facing.pacs.become(Behaviour(), private)
    found = by_the_daemon(facing.desk)
    assert failures(found) == {"TRANSFER_CLASS_REFUSED"}
    assert "1.2.3.4.5.6" in found["TRANSFER_CLASS_REFUSED"].sentence.en


def test_a_way_of_writing_that_we_do_not_take_is_named(facing: Facing) -> None:
    def move(transfer: Transfer) -> None:
        contexts = [
            build_context(instance.SOPClassUID, DeflatedExplicitVRLittleEndian) for instance in facing.study[:1]
        ]
        handlers: list[Any] = [(evt.EVT_CONN_OPEN, leave_answers)]
        sender = AE("SCRIPT").associate(*facing.pacs.destination, contexts, "STUDYPUB", evt_handlers=handlers)
        sender.release()
        transfer.done(0xA702, completed=0, failed=len(transfer.selected))

    facing.pacs.become(Behaviour(move), facing.study)
    found = by_the_daemon(facing.desk)
    assert failures(found) == {"TRANSFER_SYNTAX_REFUSED"}
    assert "Deflated Explicit VR Little Endian" in found["TRANSFER_SYNTAX_REFUSED"].sentence.ru


FOREIGN = Visit("10.0.0.9", visitors.FOREIGN_ADDRESS)
CALLED = Visit("10.0.0.5", visitors.OTHER_TITLE_CALLED, calling="PACS", called="OLDNAME")
ADMITTED = Visit("10.0.0.5", calling="PACS")
REFUSED = PacsRefused(pacs="P", reason_ru="", reason_en="", status=0xA801)


@pytest.mark.parametrize(
    ("outcome", "cause"),
    [
        (Outcome(3, 3, None), causes.COMPLETE),
        (Outcome(3, 3, REFUSED), causes.COMPLETE),  # what has arrived counts
        (Outcome(4, None, None), causes.COMPLETE),
        (Outcome(0, None, None), causes.NOBODY_CAME),
        (Outcome(1, 3, None, [ADMITTED], is_full=True), causes.NO_ROOM),
        (Outcome(0, 3, REFUSED), causes.DESTINATION_UNKNOWN),
        (Outcome(0, 3, REFUSED, [CALLED]), causes.OTHER_TITLE_CALLED),  # somebody came all the same
        (Outcome(0, 3, None, [FOREIGN, CALLED]), causes.OTHER_TITLE_CALLED),
        (Outcome(0, 3, None, [Visit("10.0.0.5", visitors.NO_DICOM)]), causes.NO_DICOM),
        (Outcome(0, 3, None, [Visit("10.0.0.5", visitors.TOO_MANY)]), causes.OTHER_REFUSAL),
        (Outcome(0, 3, None, [ADMITTED]), causes.NOTHING_SENT),
        (Outcome(0, 3, PacsUnreachable(pacs="P", address="a"), by_get=True), causes.NOTHING_CAME),
        (Outcome(0, 3, PacsRefused(pacs="P", reason_ru="", reason_en="", served=False)), causes.NOT_SERVED),
        (Outcome(1, 3, None, [ADMITTED, Visit("10.0.0.5", calling="PACS", classes=("1.2",))]), causes.CLASS_REFUSED),
        (Outcome(1, 3, None, [ADMITTED]), causes.PART),
    ],
)
def test_what_is_known_is_weighed(outcome: Outcome, cause: Cause) -> None:
    assert causes.judge(outcome)[0] is cause


def test_a_pacs_that_wants_tls_is_told(facing: Facing) -> None:
    """It greets our listener as TLS does (RFC 8446 4.1.2)."""

    def move(transfer: Transfer) -> None:
        with socket.create_connection(facing.pacs.destination) as connection:
            connection.sendall(bytes.fromhex("16030100c8010000c40303") + bytes(200))
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(10)
            connection.recv(100)
        transfer.done(0xA702, completed=0, failed=len(transfer.selected))

    facing.pacs.become(Behaviour(move), facing.study)
    assert failures(by_the_daemon(facing.desk)) == {"TRANSFER_TLS_UNASKED"}


def test_the_disk_is_named_where_images_find_no_room(facing: Facing) -> None:
    facing.become("honest")
    reserve, facing.desk.spool._reserve = facing.desk.spool._reserve, 2**60
    try:
        assert failures(by_the_daemon(facing.desk)) == {"TRANSFER_NO_ROOM"}
    finally:
        facing.desk.spool._reserve = reserve


def test_a_study_that_a_task_is_fetching_is_left_to_it(facing: Facing, tmp_path: Path) -> None:
    facing.become("honest")
    with facing.desk.spool.reception(facing.study[0].StudyInstanceUID, tmp_path):
        assert failures(by_the_daemon(facing.desk)) == {"TRANSFER_BEING_FETCHED"}


def test_a_number_that_names_no_study_or_several_moves_nothing(facing: Facing) -> None:
    facing.become("honest")
    assert failures(by_the_daemon(facing.desk, "NOPE")) == {"TRANSFER_NO_SUCH_STUDY"}
    again = make_study(patient_id="7", accession_number=ACCESSION, seed=707, instances=1)
    facing.pacs.become(Behaviour(), [*facing.study, *again])
    assert failures(by_the_daemon(facing.desk)) == {"TRANSFER_SEVERAL_STUDIES"}
    assert facing.pacs.asked == []


def test_of_several_pacs_each_is_examined_and_the_study_need_be_in_one(facing: Facing) -> None:
    facing.become("honest")
    empty = DemoPacs("EMPTY", destinations={}, instances=())
    empty.start()
    try:
        first = Pacs(ae_title="EMPTY", host="127.0.0.1", port=empty.port)
        clinic = Clinic(code="c", name="Клиника", pacs=first, more_pacs=(facing.desk.pacs,))
        config = Config(dicom=facing.desk.dicom, clinics=(clinic,))
        listener = Listener(facing.desk.spool, facing.desk.scp.visitors)
        found = doctor.by_the_daemon(config, clinic, ACCESSION, listener)
        nowhere = doctor.by_the_daemon(config, clinic, "NOPE", listener)
    finally:
        empty.stop()
    echoes = [finding.sentence.en for finding in found if finding.code == "PACS_ECHO"]
    assert [title in said for title, said in zip(("EMPTY", facing.pacs.ae_title), echoes, strict=True)] == [True, True]
    assert failures(by_code(found)) == set()
    assert f"PACS {facing.pacs.ae_title}:" in by_code(found)["TRANSFER_COMPLETE"].sentence.en
    (failed,) = [finding for finding in nowhere if not finding.passed]
    assert failed.code == "TRANSFER_NO_SUCH_STUDY"
    assert f"EMPTY, {facing.pacs.ae_title}:" in failed.sentence.en


def test_a_pacs_that_breaks_off_while_it_lists_is_told(facing: Facing) -> None:
    def find(search: Search) -> Answers:
        if search.level != "STUDY":
            search.pacs.over.wait(30)
            return
        yield from pending(search.rows())

    facing.pacs.become(Behaviour(find=find), facing.study)
    assert failures(by_the_daemon(facing.desk)) == {"PACS_BROKE_OFF"}


def test_a_get_that_brings_nothing_or_all(facing: Facing) -> None:
    facing.become("honest")
    assert failures(by_the_daemon(facing.desk, retrieve="get")) == {"TRANSFER_PART"}  # it withholds two at first
    assert failures(by_the_daemon(facing.desk, retrieve="get")) == set()


@pytest.mark.peer
def test_a_small_study_is_suggested_and_not_moved(orthanc: Orthanc, tmp_path: Path) -> None:
    today = datetime.now(ZoneInfo("Europe/Moscow"))
    for number, instances in (("DOCTOR 7103", 1), ("DOCTOR7104", 3)):
        study = make_study(patient_id=number, accession_number=number, seed=7100 + instances, instances=instances)
        for instance in study:
            instance.StudyDate = f"{today:%Y%m%d}"
        orthanc.store(study)
    known = Pacs(ae_title=orthanc.ae_title, host="127.0.0.1", port=orthanc.port)
    config = one_clinic(known, database=Database(data_dir=tmp_path))

    def told(*, suggest: bool) -> Finding:
        findings = doctor.examine(config, lambda: nullcontext("host=/nowhere"), accession_number=None, suggest=suggest)
        return by_code(list(findings))["TRANSFER_UNTRIED"]

    assert "--accession 'DOCTOR 7103' (" in told(suggest=True).remedy.en
    assert "--accession NUMBER (" in told(suggest=False).remedy.en


@pytest.mark.parametrize("name", ["search C001", "searches in silence", "counts in words"])
def test_a_pacs_that_names_none_is_not_waited_for(facing: Facing, name: str) -> None:
    facing.become(name)
    client = pacs.way_to(
        one_clinic(facing.desk.pacs, dicom=facing.desk.dicom), _clinic(facing.desk), facing.desk.pacs
    ).client
    assert client.smallest_of(date(2000, 1, 1), date(2100, 1, 1)) is None


def _clinic(desk: Desk) -> Clinic:
    return Clinic(code="c", name="Клиника", pacs=desk.pacs)


@contextmanager
def orthanc_desk(folder: Path, orthanc: Orthanc, seed: int) -> Iterator[tuple[Desk, str]]:
    number = f"DOCTOR{seed}"
    orthanc.store(make_study(patient_id=f"P{seed}", accession_number=number, seed=seed, instances=2))
    with open_desk(folder, orthanc.ae_title, orthanc.port) as desk:
        yield desk, number


@pytest.mark.peer
def test_orthanc_that_is_wrongly_told_of_us(orthanc: Orthanc, tmp_path: Path) -> None:
    with orthanc_desk(tmp_path, orthanc, 7101) as (desk, number), deaf_port() as closed:
        ours = ("STUDYPUB", "127.0.0.1")
        assert failures(by_the_daemon(desk, number)) == {"TRANSFER_NOBODY_CAME"}  # not told at all
        orthanc.register(*ours, closed)
        assert failures(by_the_daemon(desk, number)) == {"TRANSFER_NOBODY_CAME"}
        orthanc.register(*ours, desk.scp.port)
        try:
            assert "2 of 2" in by_the_daemon(desk, number)["TRANSFER_COMPLETE"].sentence.en
            desk.set(ae_title="OTHERTITLE")
            orthanc.register("OTHERTITLE", "127.0.0.1", desk.scp.port)
            found = by_the_daemon(desk, number)  # it calls a listener of another title
            assert failures(found) == {"TRANSFER_OTHER_TITLE_CALLED"}
            assert "calls the AE title OTHERTITLE" in found["TRANSFER_OTHER_TITLE_CALLED"].sentence.en
            orthanc.forget("OTHERTITLE")
        finally:
            orthanc.forget("STUDYPUB")


@pytest.mark.peer
def test_dcmqrscp_that_does_not_know_us(tmp_path: Path) -> None:
    folder = tmp_path / "pacs"
    folder.mkdir()
    port = free_port()
    with started_dcmqrscp(folder, {"STUDYPUB": port}) as pacs:
        study = make_study(patient_id="P1", accession_number="DCMTK1", seed=7102, instances=2)
        pacs.store(study)
        with open_desk(tmp_path, Dcmqrscp.ae_title, pacs.port) as desk:  # it listens elsewhere
            found = by_the_daemon(desk, "DCMTK1")
            assert failures(found) == {"TRANSFER_NOBODY_CAME"}
        with open_desk(tmp_path, Dcmqrscp.ae_title, pacs.port, scp_port=port) as desk:
            assert failures(by_the_daemon(desk, "DCMTK1")) == set()
            desk.set(ae_title="UNHEARD")
            assert failures(by_the_daemon(desk, "DCMTK1")) == {"TRANSFER_DESTINATION_UNKNOWN"}
