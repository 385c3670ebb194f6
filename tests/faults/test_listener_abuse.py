"""The listener against peers that mean it ill: size, time, number, names, messages."""

import logging
import struct
import time
from collections.abc import Iterator

import pytest
from pydicom.uid import CTImageStorage
from tests.peers import raw_dicom as raw
from tests.peers.listener import Listener, listening
from tests.peers.raw_dicom import RawPeer
from tests.peers.resources import becomes_true, memory, threads

from studypub.dicom.refusals import Refusals
from studypub.dicom.scp import KnownPeers, Limits

HASTY = Limits(request_seconds=0.4, pdu_seconds=0.4, silence_seconds=0.4)
OTHER_PACS, STRANGER = "127.0.0.2", "127.0.0.9"
MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    with listening(tmp_path_factory.mktemp("listener"), peers=KnownPeers(["127.0.0.1", OTHER_PACS])) as started:
        yield started


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    with listening(
        tmp_path_factory.mktemp("hasty"), peers=KnownPeers(["127.0.0.1", OTHER_PACS]), limits=HASTY
    ) as started:
        yield started


def answers(port: int, source: str = "127.0.0.1") -> bool:
    """Whether the listener accepts an association and answers a C-ECHO."""
    with RawPeer(port, source) as peer:
        peer.associate().send(raw.echo_rq())
        return peer.status() == 0


@pytest.mark.parametrize("kind", [raw.ASSOCIATE_RQ, raw.P_DATA])
@pytest.mark.parametrize("associated", [False, True])
def test_x01_a_declared_pdu_of_4_gib_closes_the_connection(listener: Listener, kind: int, associated: bool) -> None:
    chunk = bytes(MEBIBYTE)
    with RawPeer(listener.scp.port) as peer:
        if associated:
            peer.associate()
        before = memory()
        peer.send(raw.pdu(kind, b"", 0xFFFFFFF0))
        try:
            for _ in range(64):
                peer.send(chunk)
        except ConnectionError:
            pass
        assert peer.is_closed()
    assert memory() - before < 5 * MEBIBYTE
    assert answers(listener.scp.port)


def test_x01_what_we_announce_is_taken_and_more_is_not(listener: Listener) -> None:
    def fragment(length: int) -> bytes:
        return raw.store_rq("1.2.3") + raw.p_data(bytes(length - 6), last=False)

    with RawPeer(listener.scp.port) as fits, RawPeer(listener.scp.port) as does_not:
        fits.associate().send(fragment(Limits().largest_pdu), raw.p_data(b""))
        assert fits.status() == 0xA900
        does_not.associate().send(fragment(Limits().largest_pdu + 100))
        assert does_not.is_closed()


def test_x02_idle_sockets_of_one_address_starve_nobody(listener: Listener) -> None:
    port = listener.scp.port
    with raw.many(100, port) as idle, raw.many(100, port, OTHER_PACS) as half:
        for peer in half:
            try:
                peer.send(b"\x01\x00")
            except ConnectionError:  # it had to make room already
                continue
        for source in ("127.0.0.1", OTHER_PACS):
            begun = time.monotonic()
            assert answers(port, source)
            assert time.monotonic() - begun < Limits().request_seconds / 2
        assert threads().count("dicom-association") <= 2 * Limits().connections_per_peer + 2
        assert all(peer.is_closed() for peer in idle[:90])


def test_x02_associations_are_not_ended_for_newcomers(listener: Listener) -> None:
    port, most = listener.scp.port, Limits().connections_per_peer
    with raw.many(most, port) as busy:
        for peer in busy:
            peer.associate()
        with RawPeer(port) as newcomer:
            assert newcomer.is_closed()
        assert answers(port, OTHER_PACS)
        busy[0].send(raw.pdu(raw.RELEASE_RQ, bytes(4)))
        assert busy[0].receive()[0] == raw.RELEASE_RP
        assert becomes_true(lambda: threads().count("dicom-association") < most)
        assert answers(port)


def test_x02_a_stranger_is_refused_at_once_and_told_of_once(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "studypub"), raw.many(50, listener.scp.port, STRANGER) as strangers:
        assert all(peer.is_closed() for peer in strangers)
    assert [record.details for record in caplog.records] == [{"address": STRANGER, "count": 1}]  # type: ignore[attr-defined]


@pytest.mark.parametrize("begun", [b"", b"\x01", b"\x01\x00\x00", raw.associate_rq()[:90]])
def test_x03_a_connection_that_asks_for_nothing_ends(hasty: Listener, begun: bytes) -> None:
    with RawPeer(hasty.scp.port) as peer:
        peer.send(begun)
        assert peer.is_closed()
    assert becomes_true(lambda: "dicom-association" not in threads())


def test_x03_a_request_byte_by_byte_ends(hasty: Listener) -> None:
    with RawPeer(hasty.scp.port) as peer:
        assert peer.trickle(raw.associate_rq(), every=0.02) < 3
        assert peer.is_closed()


@pytest.mark.parametrize(
    "begun",
    [raw.echo_rq()[:2], raw.echo_rq()[:20], raw.store_rq("1.2.3"), raw.store_rq("1.2.3") + raw.p_data(b"", last=False)],
    ids=["half a header", "half a PDU", "a request without its data set", "a data set without end"],
)
def test_x03_an_association_that_falls_silent_ends(hasty: Listener, begun: bytes) -> None:
    with RawPeer(hasty.scp.port) as peer:
        peer.associate().send(begun)
        assert peer.is_closed()
    assert becomes_true(lambda: "dicom-association" not in threads())


def test_x03_a_pdu_byte_by_byte_ends(hasty: Listener) -> None:
    with RawPeer(hasty.scp.port) as peer:
        assert peer.associate().trickle(raw.p_data(bytes(500)), every=0.02) < 3
        assert peer.is_closed()


def test_x03_a_data_set_pdu_by_pdu_ends(hasty: Listener) -> None:
    """Each PDU is whole, and none brings anything."""
    drop = raw.p_data(b"", last=False)
    with RawPeer(hasty.scp.port) as peer:
        peer.associate().send(raw.store_rq("1.2.3"))
        peer.socket.settimeout(0.05)
        begun = time.monotonic()
        while time.monotonic() - begun < raw.SECONDS:
            try:
                peer.send(drop)
                if peer.receive()[0] in (0, raw.ABORT):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        assert time.monotonic() - begun < 5


def test_x03_an_instance_that_keeps_coming_is_no_silence(hasty: Listener) -> None:
    with RawPeer(hasty.scp.port) as peer:
        peer.associate().send(raw.store_rq("1.2.3"))
        peer.socket.settimeout(0.05)
        begun = time.monotonic()
        while time.monotonic() - begun < 4 * HASTY.silence_seconds:
            peer.send(raw.p_data(bytes(1000), last=False))
            with pytest.raises(TimeoutError):  # nothing is said to it meanwhile
                peer.receive()
        peer.socket.settimeout(raw.SECONDS)
        peer.send(raw.p_data(bytes(10)))
        assert peer.status() == 0xA900


def test_x03_a_peer_that_takes_no_answers_ends(hasty: Listener) -> None:
    """Its answers fill the buffers of both sides; nobody waits for it for ever."""
    with RawPeer(hasty.scp.port) as peer:
        peer.associate()
        try:
            for _ in range(200_000):
                peer.send(raw.echo_rq())
        except ConnectionError:
            pass
    assert becomes_true(lambda: "dicom-association" not in threads())
    assert answers(hasty.scp.port)


@pytest.mark.parametrize(
    ("called", "calling"),
    [
        (b"STUDYPUB", b"PA\x00CS"), (b"STUDYPUB", b"PACS\x1b"), (b"STUDY\nPUB", b"PACS"), (b"STUDYPUB", b"P\\ACS"),
        (b"STUDYPUB", b" " * 16), (b"", b"PACS"), (b"STUDYPUB", b"\xff\xfe\xfd"), (b"STUDYPUB", b"A" * 17),
        (b"STUDYPUBSTUDYPUB9", b"PACS"), (b"studypub", b"PACS"), (b"OTHER", b"PACS"), (b"STUDYPUB", b"STRANGER"),
    ],
)  # fmt: skip
def test_x04_odd_titles_get_no_association(
    listener: Listener, caplog: pytest.LogCaptureFixture, called: bytes, calling: bytes
) -> None:
    listener.scp._refusals = Refusals()
    with RawPeer(listener.scp.port) as peer:
        peer.send(raw.associate_rq(called=called, calling=calling))
        kind, content = peer.receive()
        # PS3.8 9.3.4: permanent, by the service user, calling or called AE title not recognized
        assert kind == raw.ABORT or (kind == raw.ASSOCIATE_RJ and content[1:] in (b"\1\1\3", b"\1\1\7"))
        assert peer.is_closed()
    assert becomes_true(lambda: len(caplog.records) == 1)


def test_x04_rejections_are_told_of_once_a_minute(listener: Listener, caplog: pytest.LogCaptureFixture) -> None:
    listener.scp._refusals = Refusals()
    with caplog.at_level(logging.WARNING, "studypub"):
        for calling in (b"STRANGER", b"STRANGER", b"ANOTHER", b"STRANGER"):
            with RawPeer(listener.scp.port) as peer:
                peer.send(raw.associate_rq(calling=calling))
                assert peer.is_closed()
    (record,) = caplog.records
    assert record.getMessage() == "Соединение отклонено: незнакомый AE title отправителя"
    assert record.details == {"address": "127.0.0.1", "count": 1, "ae_title": "STRANGER"}  # type: ignore[attr-defined]


def test_x04_the_others_of_the_minute_are_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("studypub.dicom.refusals.time.monotonic", lambda: now[0])
    refusals = Refusals()

    def told() -> list[tuple[str, int]]:
        counted = [(record.details["address"], record.details["count"]) for record in caplog.records]  # type: ignore[attr-defined]
        caplog.clear()
        return counted

    for _ in range(5):
        refusals.note("10.0.0.1", "association", "no")
    refusals.note("10.0.0.2", "association", "no")
    assert told() == [("10.0.0.1", 1), ("10.0.0.2", 1)]
    now[0] += 59
    refusals.tell()
    assert told() == []
    now[0] += 2
    refusals.tell()
    assert told() == [("10.0.0.1", 4)]
    now[0] += 61
    refusals.tell()
    assert told() == []
    refusals.note("10.0.0.1", "association", "no")
    assert told() == [("10.0.0.1", 1)]


def test_x04_many_addresses_fill_no_memory(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    for number in range(3000):
        refusals.note(f"10.0.{number // 256}.{number % 256}", "association", "no")
    assert len(caplog.records) == 1001  # and one for all others
    assert caplog.records[-1].details["address"] == "*"  # type: ignore[attr-defined]


FIND, MOVE, GET, CANCEL, EVENT, GET_N, STORE_RSP = 0x0020, 0x0021, 0x0010, 0x0FFF, 0x0100, 0x0110, 0x8001


@pytest.mark.parametrize("data_set", [False, True])
@pytest.mark.parametrize("field", [FIND, MOVE, GET, CANCEL, EVENT, GET_N, STORE_RSP, 0x7777])
def test_x05_other_messages_abort_the_association(listener: Listener, field: int, data_set: bool) -> None:
    assert becomes_true(lambda: "dicom-association" not in threads())
    before = threads()
    with RawPeer(listener.scp.port) as peer:
        message = raw.p_data(raw.command(field, data_set=data_set, e1002=b"\1\0"), command=True)
        peer.associate().send(message * 500)
        assert peer.receive()[0] in (raw.ABORT, 0)
        assert len(threads()) <= len(before) + 2  # the library starts a thread for each N-EVENT-REPORT
        assert peer.is_closed()
    assert becomes_true(lambda: threads() == before)
    assert answers(listener.scp.port)


@pytest.mark.parametrize(
    "pdus",
    [
        raw.p_data(b"nothing asked for"),
        raw.p_data(raw.command(raw.STORE_RQ, data_set=True), context=9, command=True),
        raw.p_data(raw.command(raw.STORE_RQ, data_set=True), context=3, command=True),
        raw.p_data(raw.command(raw.STORE_RQ, data_set=False), command=True),
        raw.p_data(b"\0" * 5, command=True),
        raw.p_data(struct.pack("<HHL", 0, 0x0100, 2**31), command=True),
        raw.p_data(bytes(20_000), command=True, last=False),
        raw.store_rq("1.2.3") + raw.store_rq("1.2.4"),
        raw.store_rq("1.2.3") + raw.p_data(b"abc", context=3),
        raw.pdu(raw.P_DATA, b"\0\0\0\1\1"),
        raw.pdu(raw.P_DATA, b"\xff\xff\xff\xff\1\2"),
        raw.pdu(raw.P_DATA, b"\0\0"),
        raw.pdu(raw.ASSOCIATE_AC, bytes(68)),
        raw.associate_rq(),
        raw.pdu(9, b"abc"),
        raw.pdu(raw.RELEASE_RP, bytes(4)),
        raw.pdu(raw.RELEASE_RQ, b""),
    ],
    ids=[
        "data first", "no such context", "store without storage", "store without data", "short command", "lying length",
        "endless command", "two requests", "data elsewhere", "empty value", "lying item", "half an item", "accept",
        "request again", "no such PDU", "release unasked", "short release",
    ],
)  # fmt: skip
def test_x05_what_is_no_message_ends_the_association(listener: Listener, pdus: bytes) -> None:
    with RawPeer(listener.scp.port) as peer:
        peer.associate().send(pdus)
        peer.send(raw.pdu(raw.ABORT, bytes(4)))  # where the listener still listens
        assert peer.is_closed()
    assert becomes_true(lambda: "dicom-association" not in threads())
    assert answers(listener.scp.port)


def test_x05_requests_without_waiting_fill_no_memory(listener: Listener) -> None:
    one = raw.store_rq("1.2.3") + raw.p_data(b"\x08\x00\x05\x00OB\0\0\xff\xff\xff\x00" + bytes(100_000))
    before = memory()
    with RawPeer(listener.scp.port) as peer:
        peer.associate()
        try:
            for _ in range(1000):
                peer.send(one)
        except ConnectionError:
            pass
    assert memory() - before < 30 * MEBIBYTE
    assert answers(listener.scp.port)


def test_f49_a_request_of_128_contexts_is_taken(listener: Listener) -> None:
    contexts = [(2 * number + 1, CTImageStorage if number % 2 else f"1.2.3.{number}", "1.2.840.10008.1.2.1")
                for number in range(128)]  # fmt: skip
    with RawPeer(listener.scp.port) as peer:
        peer.send(raw.associate_rq(*contexts))
        kind, content = peer.receive()
        assert kind == raw.ASSOCIATE_AC
        # PS3.8 9.3.3.2: 0 acceptance, 3 abstract syntax not supported
        results = [item[2] for number, item in raw.items(content[68:]) if number == 0x21]
        assert sorted(results) == [0] * 64 + [3] * 64


@pytest.mark.parametrize("largest", [0, 16384, 2**20, 2**32 - 1])
def test_f49_any_announced_length_is_answered(listener: Listener, largest: int) -> None:
    window = struct.pack(">BxHHH", 0x53, 4, 8, 8)  # PS3.7 D.3.3.3: it would like eight operations at a time
    with RawPeer(listener.scp.port) as peer:
        peer.associate(largest=struct.pack(">L", largest), more=window).send(raw.echo_rq())
        assert peer.status() == 0


@pytest.mark.parametrize("largest", [1, 6, 7, 8])
def test_f49_an_announced_length_that_holds_nothing_hangs_nobody(listener: Listener, largest: int) -> None:
    with RawPeer(listener.scp.port) as peer:
        peer.associate(largest=struct.pack(">L", largest)).send(raw.echo_rq())
        assert peer.receive()[0] in (0, raw.P_DATA, raw.ABORT)
    assert becomes_true(lambda: "dicom-association" not in threads())
    assert answers(listener.scp.port)
