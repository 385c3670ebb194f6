"""Instances that are made to harm: their names, their bytes, their size."""

import hashlib
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import CTImageStorage
from tests.peers import dcmtk
from tests.peers import raw_dicom as raw
from tests.peers.listener import Listener, encoded, header, listening
from tests.peers.raw_dicom import RawPeer
from tests.peers.resources import becomes_true, memory
from tests.peers.studies import make_study
from xxhash import xxh3_128

from studypub.dicom.reception import Reception

SUCCESS, NOT_AUTHORIZED, NO_ROOM, DOES_NOT_MATCH, CANNOT_UNDERSTAND = 0x0000, 0x0124, 0xA700, 0xA900, 0xC000
REFUSED = {DOES_NOT_MATCH, CANNOT_UNDERSTAND}
MEBIBYTE = 2**20
FRAGMENT = 2**17 - 6
CPU_SECONDS = 2.0


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with listening(tmp_path) as started:
        yield started


@pytest.fixture(scope="module")
def study() -> list[FileDataset]:
    return make_study(patient_id="P1", accession_number="A1", seed=1)


@pytest.fixture
def peer(listener: Listener) -> Iterator[RawPeer]:
    with RawPeer(listener.scp.port) as one:
        yield one.associate()


@pytest.fixture
def reception(listener: Listener, study: list[FileDataset]) -> Iterator[Reception]:
    with listener.expecting(study) as one:
        yield one


def store(peer: RawPeer, uid: str | bytes, *parts: bytes, sop_class: str | bytes = CTImageStorage) -> int:
    """Send a data set in PDUs as large as may be; return the status."""
    peer.send(raw.store_rq(uid, sop_class))
    for part in parts:
        for at in range(0, len(part), FRAGMENT):
            peer.send(raw.p_data(part[at : at + FRAGMENT], last=False))
    peer.send(raw.p_data(b""))
    return peer.status()


class Watch:
    """The paths that this process opens, makes, moves and removes while it watches."""

    def __init__(self) -> None:
        self.is_on = False
        self.paths: list[str] = []
        sys.addaudithook(self._hear)  # there is no way to take it away again

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.is_on and event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.link"):
            self.paths += [str(argument) for argument in arguments[:2] if isinstance(argument, str | bytes | Path)]


HOSTILE = [
    "../../../x", "..", "/etc/x", "1.2/../../3", "CON", "NUL", "COM1", "aux.dcm", "C:\\x", "*", "%2e%2e", "1.2;rm",
    "$HOME", "1.2\x003", "1.2.3\n", " 1.2 ", "1.2 .3", "", "1..2", ".1", "1.2.\u00b2",
    "1." + "2" * 63, "1" * 65, "1." * 2000,
]  # fmt: skip


def test_x08_hostile_uids_are_refused_and_touch_no_file(
    listener: Listener, study: list[FileDataset], reception: Reception, peer: RawPeer
) -> None:
    watch = Watch()
    watch.is_on = True
    for uid in HOSTILE:
        sent = header(study[0].StudyInstanceUID, uid) if uid.isascii() and len(uid) < 200 else b""
        assert store(peer, uid.encode("latin-1"), sent) in REFUSED, uid
        assert store(peer, uid.encode("latin-1"), sent, sop_class=uid.encode("latin-1")) in REFUSED, uid
        assert store(peer, "1.2.3", header(uid[:64].replace("\u00b2", ""), "1.2.3")) == NOT_AUTHORIZED, uid
    watch.is_on = False
    assert watch.paths == []
    assert (reception.count, listener.files()) == (0, [])


def test_x08_the_names_of_files_are_numbers(
    listener: Listener, study: list[FileDataset], reception: Reception, peer: RawPeer
) -> None:
    watch = Watch()
    watch.is_on = True
    assert store(peer, study[0].SOPInstanceUID, encoded(study[0])) == SUCCESS
    watch.is_on = False
    written = {str(listener.folder / name) for name in ("00000001.part", "00000001.dcm")}
    assert written <= set(watch.paths) <= written | {"x", "xb"}
    assert reception.count == 1


@pytest.mark.parametrize("deep", [400, 100_000])
def test_x07_deep_sequences_before_the_study_are_refused(
    study: list[FileDataset], reception: Reception, peer: RawPeer, deep: int
) -> None:
    sequence = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    begun = time.process_time()
    assert store(peer, "1.2.3", sequence * deep, header(study[0].StudyInstanceUID, "1.2.3")) in REFUSED
    assert time.process_time() - begun < CPU_SECONDS
    assert store(peer, study[0].SOPInstanceUID, encoded(study[0])) == SUCCESS
    assert reception.count == 1


@pytest.mark.parametrize(
    "element",
    [b"\x08\x00\x05\x00CS\0\0", b"\x08\x00\x05\x00\0\0\0\0", b"\xfe\xff\x00\xe0\0\0\0\0"],
    ids=["explicit", "implicit", "items"],
)
def test_x07_millions_of_tiny_elements_are_refused_in_bounded_time_and_memory(
    study: list[FileDataset], reception: Reception, peer: RawPeer, element: bytes
) -> None:
    """10 million elements are 80 MB on the wire."""
    many = element * 1_000_000
    before, begun = memory(), time.process_time()
    assert store(peer, "1.2.3", *[many] * 10, header(study[0].StudyInstanceUID, "1.2.3")) in REFUSED
    assert time.process_time() - begun < CPU_SECONDS
    assert memory() - before < 20 * MEBIBYTE
    assert store(peer, study[0].SOPInstanceUID, encoded(study[0])) == SUCCESS
    assert reception.count == 1


@pytest.mark.parametrize(
    "lie",
    [
        b"\x08\x00\x05\x00UT\0\0\xfe\xff\xff\xff",
        b"\x08\x00\x05\x00CS\xff\xff",
        b"\x08\x00\x16\x00UI\xff\xff1.2",
        b"\x08\x00\x18\x00UI\x40\x001.2",
        b"\x08\x00\x05\x00SQ\0\0\xff\xff\xff\xff",
        b"\xfe\xff\x0d\xe0\0\0\0\0",
        b"\x08\x00\x05\x00CS\0",
        b"\0" * 7,
    ],
    ids=["4 GiB", "64 KiB", "class", "instance", "no end", "end of nothing", "half a header", "zeros"],
)
@pytest.mark.parametrize("more", [0, 20 * MEBIBYTE])
def test_x07_lying_lengths_are_refused(
    listener: Listener, study: list[FileDataset], reception: Reception, peer: RawPeer, lie: bytes, more: int
) -> None:
    before = memory()
    assert store(peer, "1.2.3", lie, bytes(more)) in REFUSED
    assert memory() - before < 20 * MEBIBYTE
    assert listener.files() == []
    assert store(peer, study[0].SOPInstanceUID, encoded(study[0])) == SUCCESS
    assert reception.count == 1


def test_x09_two_answers_to_who_it_is_are_refused(
    study: list[FileDataset], reception: Reception, peer: RawPeer
) -> None:
    twice = header(study[0].StudyInstanceUID, "1.2.3") + header("1.2.840.99", "1.2.3")
    assert store(peer, "1.2.3", twice) == CANNOT_UNDERSTAND
    assert reception.count == 0


def test_x09_the_class_must_be_that_of_the_data_set(
    study: list[FileDataset], reception: Reception, peer: RawPeer
) -> None:
    sent, uid = encoded(study[0]), study[0].SOPInstanceUID
    for sop_class in ("1.2.840.10008.5.1.4.1.1.4", raw.VERIFICATION, "1.2.3"):
        assert store(peer, uid, sent, sop_class=sop_class) == DOES_NOT_MATCH
    assert store(peer, uid, sent) == SUCCESS
    assert reception.count == 1


def test_x10_a_preamble_that_is_a_program_stays_outside(
    listener: Listener, study: list[FileDataset], reception: Reception, tmp_path: Path
) -> None:
    study[0].preamble = b"MZ" + b"\x90" * 126
    study[0].save_as(tmp_path / "polyglot.dcm", enforce_file_format=True)
    assert (tmp_path / "polyglot.dcm").read_bytes().startswith(b"MZ")
    sent = dcmtk.call("storescu", "-aec", "STUDYPUB", "127.0.0.1", str(listener.scp.port), tmp_path / "polyglot.dcm")
    assert sent.returncode == 0, sent.stdout
    (spooled,) = reception.instances()
    assert spooled.path.read_bytes()[:132] == bytes(128) + b"DICM"
    told = subprocess.run(["file", "--brief", spooled.path], check=True, capture_output=True, text=True).stdout
    assert "DICOM" in told


def big(study: list[FileDataset], uid: str, megabytes: int) -> Iterator[bytes]:
    yield header(study[0].StudyInstanceUID, uid)
    yield struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, megabytes * MEBIBYTE)
    for number in range(megabytes):
        yield bytes([number % 256]) * MEBIBYTE


def test_f50_a_large_multi_frame_instance_is_not_held_in_memory(
    listener: Listener, study: list[FileDataset], reception: Reception, peer: RawPeer
) -> None:
    before = memory()
    assert store(peer, "1.2.3", *big(study, "1.2.3", 0)) == SUCCESS
    peak = 0
    digest = hashlib.sha256()
    peer.send(raw.store_rq("1.2.4"))
    for part in big(study, "1.2.4", 300):
        digest.update(part)
        for at in range(0, len(part), FRAGMENT):
            peer.send(raw.p_data(part[at : at + FRAGMENT], last=False))
        peak = max(peak, memory())
    peer.send(raw.p_data(b""))
    assert peer.status() == SUCCESS
    assert peak - before < 30 * MEBIBYTE
    spooled = reception.instances()[1]
    assert spooled.digest == xxh3_128(spooled.path.read_bytes()).digest()
    with spooled.path.open("rb") as file:
        content = file.read(1000)
        meta_length = 132 + 12 + struct.unpack_from("<L", content, 140)[0]
        file.seek(meta_length)
        assert hashlib.file_digest(file, "sha256").digest() == digest.digest()
    assert len(listener.files()) == 2


def test_f45_the_disk_fills_in_the_middle(
    listener: Listener, study: list[FileDataset], reception: Reception, peer: RawPeer
) -> None:
    parts = big(study, "1.2.3", 8)
    peer.send(raw.store_rq("1.2.3"))
    for part in (next(parts), next(parts), next(parts)[:1000]):
        peer.send(raw.p_data(part, last=False))
    assert becomes_true(lambda: [path.name for path in listener.files()] == ["00000001.part"])
    listener.spool._reserve = 2**62
    for part in parts:
        peer.send(raw.p_data(part[:FRAGMENT], last=False))
    peer.send(raw.p_data(b""))
    assert peer.status() == NO_ROOM
    assert (listener.files(), reception.count) == ([], 0)
    listener.spool._reserve = 0
    assert store(peer, study[0].SOPInstanceUID, encoded(study[0])) == SUCCESS


def test_f45_a_write_that_fails_leaves_nothing(
    listener: Listener, study: list[FileDataset], reception: Reception, peer: RawPeer
) -> None:
    """The system refuses to let a file grow, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MEBIBYTE, hard))
    try:
        assert store(peer, "1.2.3", *big(study, "1.2.3", 8)) == NO_ROOM
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (listener.files(), reception.count) == ([], 0)
    assert store(peer, study[0].SOPInstanceUID, encoded(study[0])) == SUCCESS


@pytest.mark.parametrize("way", ["abort", "close", "reset"])
def test_f45_an_association_that_breaks_off_leaves_no_file(
    listener: Listener, study: list[FileDataset], reception: Reception, peer: RawPeer, way: str
) -> None:
    peer.send(raw.store_rq("1.2.3"))
    for part in big(study, "1.2.3", 1):
        peer.send(raw.p_data(part[:FRAGMENT], last=False))
    assert becomes_true(lambda: len(listener.files()) == 1)
    if way == "abort":
        peer.send(raw.pdu(raw.ABORT, bytes(4)))
    elif way == "close":
        peer.socket.close()
    else:
        peer.reset()
    assert becomes_true(lambda: listener.files() == [])
    assert reception.count == 0


def test_f39_an_instance_that_is_late_by_its_last_byte(
    listener: Listener, study: list[FileDataset], peer: RawPeer
) -> None:
    with listener.expecting(study) as reception:
        peer.send(raw.store_rq("1.2.3"))
        for part in big(study, "1.2.3", 1):
            peer.send(raw.p_data(part[:FRAGMENT], last=False))
        assert becomes_true(lambda: len(listener.files()) == 1)
    peer.send(raw.p_data(b""))
    assert peer.status() == NOT_AUTHORIZED
    assert (listener.files(), reception.count) == ([], 0)


def test_f41_what_nobody_asked_for_is_refused_and_told_of_once(
    listener: Listener, reception: Reception, peer: RawPeer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", "studypub"):
        for number in range(20):
            uid = f"1.2.{number}"
            assert store(peer, uid, header("1.2.840.77.1", uid)) == NOT_AUTHORIZED
    (record,) = caplog.records
    assert record.getMessage() == "Изображение отклонено: это исследование у него не запрашивали"
    assert "1.2." not in str(record.__dict__["details"])
    assert (listener.files(), reception.count) == ([], 0)
