"""What hundreds of peers leave behind: nothing. And whether the listener says so when it has stopped."""

import gc
import socket
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.peers import raw_dicom as raw
from tests.peers.listener import Listener, header, listening
from tests.peers.raw_dicom import RawPeer
from tests.peers.resources import becomes_true, descriptors, memory, threads

from studypub.dicom.scp import KnownPeers, Limits

MEBIBYTE = 2**20
ROUNDS = 100


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    with listening(tmp_path_factory.mktemp("listener"), limits=Limits(pdu_seconds=1, request_seconds=1)) as started:
        yield started


def check(peer: RawPeer) -> None:
    """What a monitoring system does: connect and close."""
    del peer


def reject(peer: RawPeer) -> None:
    peer.send(raw.associate_rq(calling=b"STRANGER"))
    assert peer.receive()[0] == raw.ASSOCIATE_RJ


def abort(peer: RawPeer) -> None:
    peer.associate().send(raw.pdu(raw.ABORT, bytes(4)))


def release(peer: RawPeer) -> None:
    peer.associate().send(raw.pdu(raw.RELEASE_RQ, bytes(4)))
    assert peer.receive()[0] == raw.RELEASE_RP


def reset_in_request(peer: RawPeer) -> None:
    peer.send(raw.associate_rq()[:80])
    peer.reset()


def reset_in_data_set(peer: RawPeer) -> None:
    peer.associate().send(raw.store_rq("1.2.3"), raw.p_data(bytes(100_000), last=False), raw.p_data(bytes(5000))[:50])
    peer.reset()


def vanish_in_pdu(peer: RawPeer) -> None:
    peer.associate().send(raw.echo_rq()[:30])


def send_nonsense(peer: RawPeer) -> None:
    peer.send(b"GET / HTTP/1.1\r\nHost: dicom\r\n\r\n")


def store_unasked(peer: RawPeer) -> None:
    peer.associate().send(raw.store_rq("1.2.3"), raw.p_data(header("1.2.4", "1.2.3")))
    assert peer.status() == 0x0124


@pytest.mark.parametrize(
    "visit",
    [check, reject, abort, release, reset_in_request, reset_in_data_set, vanish_in_pdu, send_nonsense, store_unasked],
)
def test_f66_hundreds_of_visits_leave_nothing(listener: Listener, visit: Callable[[RawPeer], None]) -> None:
    def call(times: int) -> None:
        for _ in range(times):
            with RawPeer(listener.scp.port) as peer:
                visit(peer)
        assert answers(listener.scp.port)  # all before it have been let in by now
        assert becomes_true(lambda: "dicom-association" not in threads())
        gc.collect()

    call(50)  # one after the other: none is in the way of the next, though it may be on its way out yet
    before = threads(), descriptors(), memory()
    call(ROUNDS)
    assert (threads(), descriptors()) == before[:2]
    assert memory() - before[2] < 8 * MEBIBYTE
    assert listener.files() == []


def answers(port: int) -> bool:
    with RawPeer(port) as peer:
        peer.associate().send(raw.echo_rq())
        return peer.status() == 0


WHOLE = [
    raw.associate_rq(), raw.echo_rq(), raw.store_rq("1.2.3"), raw.p_data(header("1.2.4", "1.2.3")),
    raw.pdu(raw.RELEASE_RQ, bytes(4)), raw.pdu(raw.ABORT, bytes(4)), raw.p_data(b"", last=False),
]  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """Return PDUs of which some bytes are others, some are missing, and some too many."""
    content = bytearray(b"".join(draw(st.lists(st.sampled_from(WHOLE), min_size=1, max_size=4))))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(content) - 1))
        content[at : at + draw(st.integers(0, 4))] = draw(st.binary(max_size=4))
        if not content:
            break
    return bytes(content)


CALLS = st.tuples(st.booleans(), st.lists(st.one_of(st.binary(max_size=300), broken()), min_size=1, max_size=3))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(call=CALLS)
@example(call=(True, [raw.p_data(b"", command=True)]))
@example(call=(False, [raw.associate_rq(more=b"\x58\0\0\1\1")]))
@example(call=(False, [raw.associate_rq(more=b"\x54\0\0\4\0\1\0\0" * 2000)]))
@example(call=(False, [raw.associate_rq((2, "", ""), (2, "1.2", ""), (255, "x" * 70, "y" * 70))]))
def test_x47_after_any_bytes_it_answers(listener: Listener, call: tuple[bool, list[bytes]]) -> None:
    associated, parts = call
    with RawPeer(listener.scp.port) as peer:
        try:
            if associated:
                peer.associate()
            for part in parts:
                peer.send(part)
            peer.socket.shutdown(socket.SHUT_WR)
        except OSError:  # it has had enough
            pass
        assert peer.is_closed()
    assert answers(listener.scp.port)


def test_x47_nothing_is_left_of_it(listener: Listener) -> None:
    """This comes after the one above."""
    assert becomes_true(lambda: "dicom-association" not in threads())
    assert "dicom-provider" not in threads()
    assert listener.files() == []


def told(caplog: pytest.LogCaptureFixture) -> int:
    """Return how often the log says that a listener has stopped; those of other tests may say more meanwhile."""
    return [record.getMessage() for record in caplog.records].count("Приём DICOM остановлен")


def test_f16_it_knows_that_its_socket_was_closed(tmp_path: Path) -> None:
    with listening(tmp_path) as listener:
        assert listener.scp.is_listening()
        listener.scp._listeners[0].socket.close()
        assert not listener.scp.is_listening()


def test_f16_it_knows_that_its_socket_was_shut_down(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with listening(tmp_path) as listener:
        listener.scp._listeners[0].socket.shutdown(socket.SHUT_RDWR)
        assert not listener.scp.is_listening()
        listener.scp._threads[0].join(raw.SECONDS)  # it does not turn round and round
        assert not listener.scp._threads[0].is_alive()
        assert told(caplog) == 1


class Broken(KnownPeers):
    def include(self, address: str, hosts: Collection[str] | None = None) -> bool:
        raise KeyError(address, hosts)


def test_f16_it_knows_that_its_thread_has_died(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with listening(tmp_path, peers=Broken([])) as listener:
        assert listener.scp.is_listening()
        with RawPeer(listener.scp.port):
            assert becomes_true(lambda: not listener.scp.is_listening())
        listener.scp._threads[0].join(raw.SECONDS)
        assert told(caplog) == 1


def test_a_stop_ends_every_association(tmp_path: Path) -> None:
    with listening(tmp_path) as listener, raw.many(3, listener.scp.port) as (idle, associated, half):
        associated.associate()
        half.associate().send(raw.echo_rq()[:10])
        listener.scp.stop()
        assert associated.receive()[0] == raw.ABORT
        assert all(peer.is_closed() for peer in (idle, associated, half))
        assert not {"dicom-association", "dicom-provider"} & set(threads())
