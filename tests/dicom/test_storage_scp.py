"""Our Storage SCP, called over real sockets by pynetdicom and dcmtk."""

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from pynetdicom import AE, build_context
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)
from tests.peers import dcmtk
from tests.peers import raw_dicom as raw
from tests.peers.listener import Listener, encoded, header, listening, send
from tests.peers.raw_dicom import ASSOCIATE_RJ, RawPeer, associate_rq
from tests.peers.resources import becomes_true
from tests.peers.studies import make_study

from studypub.dicom import peers as peers_module
from studypub.dicom.scp import STORAGE_SYNTAXES, KnownPeers, StorageScp

_PIXELS = struct.Struct("<HH2s2xL")
SUCCESS, NOT_AUTHORIZED, NO_ROOM, DOES_NOT_MATCH, CANNOT_UNDERSTAND = 0x0000, 0x0124, 0xA700, 0xA900, 0xC000


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with listening(tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id="P1", accession_number="A1", seed=1)


def test_instances_of_an_expected_study_are_taken_whole(listener: Listener, study: list[FileDataset]) -> None:
    with listener.expecting(study) as reception, listener.associated() as association:
        assert [association.send_c_store(instance).Status for instance in study] == [SUCCESS] * len(study)
        assert reception.uids() == {instance.SOPInstanceUID for instance in study}
        assert reception.count == len(study)
        for spooled, instance in zip(reception.instances(), study, strict=True):
            stored = dcmread(spooled.path)
            assert stored == instance
            assert stored.file_meta.MediaStorageSOPInstanceUID == spooled.sop_instance_uid == instance.SOPInstanceUID
            assert stored.file_meta.MediaStorageSOPClassUID == spooled.sop_class_uid == instance.SOPClassUID
            assert stored.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert [path.name for path in listener.files()] == [f"{number:08d}.dcm" for number in range(1, len(study) + 1)]
    assert [path.stat().st_mode & 0o077 for path in (listener.folder, listener.folder.parent)] == [0, 0]


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, RLELossless])
def test_the_bytes_are_stored_as_they_came(listener: Listener, syntax: UID) -> None:
    (instance,) = make_study(patient_id="P1", accession_number="A1", seed=2, instances=1, transfer_syntax=syntax)
    sent = encoded(instance, implicit=syntax.is_implicit_VR)
    with listener.expecting([instance]), listener.associated(syntax) as association:
        assert send(association, sent, uid=instance.SOPInstanceUID) == SUCCESS
    (file,) = listener.files()
    assert file.read_bytes().endswith(sent)
    assert dcmread(file).file_meta.TransferSyntaxUID == syntax
    assert dcmread(file).pixel_array.shape == (64, 64)


@pytest.mark.parametrize("fragment", [999, 16372, 65536, 131060])
def test_pdus_may_begin_and_end_anywhere_in_what_is_read(
    listener: Listener, study: list[FileDataset], fragment: int
) -> None:
    """Instances one after the other, in PDUs of this size, in pieces that know nothing of PDUs."""
    chance = random.Random(fragment)
    uids = [f"1.2.3.{number}" for number in range(3)]
    pixels = chance.randbytes(600_000)
    sent = [
        header(study[0].StudyInstanceUID, uid) + _PIXELS.pack(0x7FE0, 0x10, b"OW", len(pixels)) + pixels for uid in uids
    ]
    stream = b"".join(raw.store_rq(uid) + _in_pdus(content, fragment) for uid, content in zip(uids, sent, strict=True))
    with listener.expecting(study) as reception, RawPeer(listener.scp.port) as peer:
        peer.associate()
        while stream:
            size = chance.choice([1, 5, 6, 7, 12, 4096, 100_000, 300_000])
            peer.send(stream[:size])
            stream = stream[size:]
        assert [peer.status() for _ in uids] == [SUCCESS] * len(uids)
        assert [one.sop_instance_uid for one in reception.instances()] == uids
    for file, content in zip(listener.files(), sent, strict=True):
        assert file.read_bytes().endswith(content)


def _in_pdus(content: bytes, fragment: int) -> bytes:
    begins = range(0, len(content), fragment)
    return b"".join(raw.p_data(content[at : at + fragment], last=at + fragment >= len(content)) for at in begins)


def test_what_cannot_be_decoded_here_is_stored_all_the_same(listener: Listener, study: list[FileDataset]) -> None:
    """A compressed instance is nobody's business before it is whole."""
    sent = header(study[0].StudyInstanceUID, "1.2.3.4") + b"\xe0\x7f\x10\x00OB\0\0\x04\0\0\0abcd"
    with listener.expecting(study), listener.associated(JPEG2000Lossless) as association:
        assert send(association, sent, uid="1.2.3.4") == SUCCESS
    assert listener.files()[0].read_bytes().endswith(sent)


def test_dcmtk_sends_too(listener: Listener, study: list[FileDataset], tmp_path: Path) -> None:
    for number, instance in enumerate(study):
        instance.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    files = sorted(tmp_path.glob("*.dcm"))
    address = ["-aec", "STUDYPUB", "127.0.0.1", str(listener.scp.port)]
    with listener.expecting(study) as reception:
        assert dcmtk.call("storescu", *address, *files).returncode == 0
        assert reception.uids() == {instance.SOPInstanceUID for instance in study}
    assert dcmtk.call("echoscu", *address, "-aet", "PACS").returncode == 0


def test_f41_a_study_that_nobody_asked_for_is_refused(listener: Listener, study: list[FileDataset]) -> None:
    other = make_study(patient_id="P2", accession_number="A2", seed=3)
    with listener.expecting(study) as reception, listener.associated() as association:
        assert association.send_c_store(other[0]).Status == NOT_AUTHORIZED
        assert association.send_c_store(study[0]).Status == SUCCESS
        assert reception.count == 1


def test_f39_after_the_retrieval_nothing_more_is_taken(listener: Listener, study: list[FileDataset]) -> None:
    with listener.expecting(study):
        pass
    with listener.associated() as association:
        assert association.send_c_store(study[0]).Status == NOT_AUTHORIZED
    assert listener.files() == []


def test_x09_the_request_and_its_data_set_must_agree(listener: Listener, study: list[FileDataset]) -> None:
    sent = encoded(study[0])
    uid = study[0].SOPInstanceUID
    with listener.expecting(study) as reception, listener.associated() as association:
        assert send(association, sent, uid="1.2.3") == DOES_NOT_MATCH
        assert send(association, sent, uid=uid, sop_class="1.2.840.10008.5.1.4.1.1.4") == DOES_NOT_MATCH
        assert send(association, sent, uid=uid) == SUCCESS
        assert reception.count == 1


# The sender's own library and the listener's warn when they write and read such a request.
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
@pytest.mark.parametrize(
    "uid",
    ["../../../x", "/etc/x", "1.2/3", "1..2", ".1.2", "1.2.", "1.2.x", "CON", "1.2 3", "1.2\\1.3", "1.2\x003", "*", "1",
     "1.2.\u00b2"],
)  # fmt: skip
def test_x08_hostile_identifiers_are_refused_and_no_path_is_made_of_them(
    listener: Listener, study: list[FileDataset], uid: str
) -> None:
    with listener.expecting(study) as reception, listener.associated() as association:
        sent = header(study[0].StudyInstanceUID, uid)
        assert send(association, sent, uid=uid) == DOES_NOT_MATCH
        assert reception.count == 0
    assert listener.files() == []


def test_a_hostile_study_uid_is_a_study_nobody_asked_for(listener: Listener) -> None:
    with listener.associated() as association:
        assert send(association, header("../../x", "1.2.3"), uid="1.2.3") == NOT_AUTHORIZED


@pytest.mark.parametrize(
    "dataset",
    [
        b"\x00" * 7,
        b"\x08\x00\x16\x00UI\xff\xff1.2",  # longer than there is
        b"\x08\x00\x05\x00" * 500,
        b"nonsense" * 20,
        b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 3000,  # nested without end
    ],
    ids=["7 zeros", "long", "repeated", "text", "nested"],
)
def test_x07_bytes_that_are_no_data_set_are_refused(
    listener: Listener, study: list[FileDataset], dataset: bytes
) -> None:
    with listener.expecting(study) as reception, listener.associated() as association:
        assert send(association, dataset, uid="1.2.3") in {DOES_NOT_MATCH, CANNOT_UNDERSTAND}
        assert association.send_c_store(study[0]).Status == SUCCESS
        assert reception.count == 1


def test_f40_the_same_instance_twice_is_one_and_another_under_its_name_is_a_conflict(
    listener: Listener, study: list[FileDataset]
) -> None:
    first, *_ = make_study(patient_id="P1", accession_number="A1", seed=1)
    with listener.expecting(study) as reception, listener.associated() as association:
        for _ in range(3):
            assert association.send_c_store(first).Status == SUCCESS
        assert (reception.count, reception.conflict, len(listener.files())) == (1, None, 1)
        first.InstanceNumber = 77
        assert association.send_c_store(first).Status == SUCCESS
        assert (reception.count, reception.conflict) == (1, first.SOPInstanceUID)
        assert len(listener.files()) == 1


def test_f45_without_room_it_says_so_and_takes_nothing(listener: Listener, study: list[FileDataset]) -> None:
    with listener.expecting(study), listener.associated() as association:
        listener.spool._reserve = 2**62
        assert association.send_c_store(study[0]).Status == NO_ROOM
        assert listener.files() == []
        listener.spool._reserve = 0
        assert association.send_c_store(study[0]).Status == SUCCESS


def test_f47_a_folder_that_cannot_be_written_is_no_room(listener: Listener, study: list[FileDataset]) -> None:
    with listener.expecting(study) as reception, listener.associated() as association:
        listener.folder.rmdir()
        assert association.send_c_store(study[0]).Status == NO_ROOM
        listener.folder.parent.rmdir()
        assert association.send_c_store(study[0]).Status == NO_ROOM
        assert reception.count == 0
        listener.folder.mkdir(parents=True)
        assert association.send_c_store(study[0]).Status == SUCCESS


@pytest.mark.parametrize(
    ("calling", "called", "reason"), [(b"STRANGER", b"STUDYPUB", 3), (b"PACS", b"OTHER", 7), (b"pacs", b"STUDYPUB", 3)]
)
def test_x04_unknown_titles_are_rejected(listener: Listener, calling: bytes, called: bytes, reason: int) -> None:
    with RawPeer(listener.scp.port) as peer:
        peer.send(associate_rq(calling=calling, called=called))
        assert peer.receive() == (ASSOCIATE_RJ, bytes([0, 1, 1, reason]))


def test_f41_x04_what_is_refused_is_counted(listener: Listener, study: list[FileDataset]) -> None:
    def refused() -> dict[str, float]:
        return {what: listener.metrics.value("dicom_refused_total", what=what) for what in ("association", "instance")}

    before, metrics = refused(), listener.metrics
    strangers = metrics.value("dicom_associations_refused_total", reason="unknown_calling_ae")
    not_authorized = metrics.value("c_stores_total", status="0124")
    with RawPeer(listener.scp.port) as peer:
        peer.send(associate_rq(calling=b"STRANGER"))
        assert peer.receive()[0] == ASSOCIATE_RJ
    with listener.associated() as association:
        assert [association.send_c_store(one).Status for one in study[:2]] == [NOT_AUTHORIZED] * 2
    reason = "unknown_calling_ae"
    assert becomes_true(
        lambda: metrics.value("dicom_associations_refused_total", reason=reason) == strangers + 1
    )  # it is counted once it was told
    after = refused()
    assert {what: after[what] - before[what] for what in after} == {"association": 1, "instance": 2}
    assert metrics.value("c_stores_total", status="0124") == not_authorized + 2


def test_x02_a_foreign_address_is_turned_away_before_it_says_a_word(listener: Listener) -> None:
    with socket.create_connection(("127.0.0.1", listener.scp.port), source_address=("127.0.0.9", 0), timeout=10) as one:
        assert one.recv(1) == b""
    with listener.associated() as association:
        assert association.is_established


def test_x05_only_verification_and_storage_are_offered(listener: Listener) -> None:
    asked = [
        Verification,
        CTImageStorage,
        PatientRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelMove,
        "1.2.840.10008.1.20.1",  # Storage Commitment Push Model
        "1.2.3.4.5",
    ]
    association = AE("PACS").associate(
        "127.0.0.1", listener.scp.port, [build_context(sop_class) for sop_class in asked], "STUDYPUB"
    )
    try:
        assert {context.abstract_syntax for context in association.accepted_contexts} == {Verification, CTImageStorage}
        assert association.send_c_echo().Status == SUCCESS
    finally:
        association.release()


@pytest.mark.parametrize("syntax", [DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, "1.2.3.4.5"])
def test_x06_what_can_swell_or_is_nobody_s_is_not_taken(listener: Listener, syntax: str) -> None:
    with listener.associated(syntax, ExplicitVRLittleEndian) as association:
        assert [context.transfer_syntax for context in association.accepted_contexts] == [[ExplicitVRLittleEndian]]


def test_f48_every_other_syntax_is_taken(listener: Listener) -> None:
    with listener.associated(*STORAGE_SYNTAXES) as association:
        accepted = [syntax for context in association.accepted_contexts for syntax in context.transfer_syntax or []]
    assert accepted == STORAGE_SYNTAXES
    assert {"1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201"} <= set(accepted)


def test_f44_many_studies_over_many_associations_are_not_mixed(listener: Listener, tmp_path: Path) -> None:
    studies = [make_study(patient_id="P1", accession_number=f"A{n}", seed=10 + n, instances=3) for n in range(4)]
    folders = [tmp_path / str(number) for number in range(4)]
    with ExitStack() as stack, listener.associated() as one_way, listener.associated() as other_way:
        for folder, one in zip(folders, studies, strict=True):
            folder.mkdir()
            stack.enter_context(listener.spool.reception(one[0].StudyInstanceUID, folder))
        for number, instance in enumerate(instance for row in zip(*studies, strict=True) for instance in row):
            assert (one_way, other_way)[number % 2].send_c_store(instance).Status == SUCCESS
    for folder, one in zip(folders, studies, strict=True):
        uids = {dcmread(path).SOPInstanceUID for path in folder.iterdir()}
        assert uids == {instance.SOPInstanceUID for instance in one}


def test_a_port_that_is_taken(listener: Listener) -> None:
    second = StorageScp(
        "X", "127.0.0.1", listener.scp.port, peers=KnownPeers([]), peer_ae_titles=[], spool=listener.spool
    )
    with pytest.raises(OSError, match="in use"):
        second.start()
    assert not second.is_listening()


class Names:
    """A name service of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses: dict[str, list[str]] = {}
        self.now = 1000.0
        self.asked = 0
        monkeypatch.setattr(peers_module.socket, "getaddrinfo", self._answer)  # type: ignore[attr-defined]
        monkeypatch.setattr(peers_module.time, "monotonic", lambda: self.now)  # type: ignore[attr-defined]

    def _answer(self, host: str, *_: object, **__: object) -> list[tuple[object, object, object, str, tuple[str, int]]]:
        self.asked += 1
        if host not in self.addresses:
            raise OSError("no such name")
        return [(None, None, None, "", (address, 0)) for address in self.addresses[host]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


def test_addresses_of_peers(names: Names) -> None:
    names.addresses["pacs.example"] = ["10.0.0.5", "fd00::5"]
    peers = KnownPeers(["10.0.0.7", "pacs.example", "::1"])
    assert all(map(peers.include, ["10.0.0.7", "10.0.0.5", "fd00::5", "::1"]))
    assert peers.include("::ffff:10.0.0.5")  # how a socket for both families says it
    assert not peers.include("10.0.0.6")
    assert not peers.include("::2")


def test_addresses_of_one_peer_among_several(names: Names) -> None:
    names.addresses["pacs.example"] = ["10.0.0.5"]
    peers = KnownPeers(["10.0.0.7", "pacs.example"])
    assert peers.include("10.0.0.5", {"pacs.example", "10.0.0.9"})
    assert not peers.include("10.0.0.7", {"pacs.example"})
    assert not peers.include("10.0.0.9", {"10.0.0.9"})  # it may not even connect
    assert not peers.include("10.0.0.5", ())


def test_a_peer_that_moves_is_found_again_but_not_asked_for_at_every_stranger(names: Names) -> None:
    names.addresses["pacs.example"] = ["10.0.0.5"]
    peers = KnownPeers(["pacs.example"])
    assert not peers.include("10.0.0.6")
    names.addresses["pacs.example"] = ["10.0.0.6"]
    assert not any(peers.include("10.0.0.6") for _ in range(100))
    assert names.asked == 1
    names.now += 61
    assert peers.include("10.0.0.6")
    assert not peers.include("10.0.0.5")


def test_a_peer_that_comes_to_be_known_is_looked_up_at_once_and_no_other_is_forgotten(names: Names) -> None:
    names.addresses |= {"pacs.example": ["10.0.0.5"], "other.example": ["10.0.0.6"]}
    peers = KnownPeers(["pacs.example"])
    assert not peers.include("10.0.0.6")
    peers.know(["other.example", "pacs.example"])
    assert peers.include("10.0.0.6", {"other.example"})
    assert peers.include("10.0.0.5", {"pacs.example"})
    assert not peers.include("10.0.0.7")
    peers.know(["other.example"])
    assert names.asked == 3, "for nobody new nobody is looked up anew"


def test_a_name_service_that_fails_forgets_nobody(names: Names) -> None:
    names.addresses["pacs.example"] = ["10.0.0.5"]
    peers = KnownPeers(["pacs.example"])
    assert peers.include("10.0.0.5")
    names.addresses.clear()
    names.now += 61
    assert not peers.include("10.0.0.6")
    assert peers.include("10.0.0.5")


def test_x02_a_name_service_that_does_not_answer_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr("studypub.dicom.peers.socket.getaddrinfo", lambda *_, **__: answered.wait(60) and [])
    peers = KnownPeers(["pacs.example", "10.0.0.7"])
    begun = time.monotonic()
    assert not any(peers.include("10.0.0.9") for _ in range(20))
    assert time.monotonic() - begun < 5
    answered.set()
