"""Our Storage SCP over TLS, called by dcmtk's tools, and by peers that get TLS wrong."""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from tests.peers import dcmtk
from tests.peers import raw_dicom as raw
from tests.peers.certificates import Authority, Pair
from tests.peers.listener import Listener, listening
from tests.peers.raw_dicom import RawPeer
from tests.peers.resources import becomes_true, descriptors, threads
from tests.peers.studies import make_study

from studypub.config import Dicom, DicomTls
from studypub.dicom.scp import Limits
from studypub.dicom.secure import secure_port

HASTY = Limits(request_seconds=1.0, pdu_seconds=1.0)
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@contextmanager
def secured(folder: Path, tls: DicomTls, *, plain: bool = True) -> Iterator[Listener]:
    with listening(folder, limits=HASTY, secure=secure_port(Dicom(tls=tls)), plain=plain) as started:
        yield started


@pytest.fixture
def listener(tmp_path: Path, authority: Authority, ours: Pair) -> Iterator[Listener]:
    """One that asks for certificates."""
    tls = DicomTls(certificate=ours.certificate, key=ours.key, port=0, client_ca=authority.certificate)
    with secured(tmp_path, tls) as started:
        yield started


def study(seed: int) -> list[FileDataset]:
    return make_study(patient_id="P1", accession_number="A1", seed=seed)


def secure_port_of(listener: Listener) -> int:
    return listener.scp.ports[-1]


def speaking(authority: Authority, pair: Pair | None, version: ssl.TLSVersion = TLS_1_3) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.certificate))
    context.maximum_version = version
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def wrapped(peer: RawPeer, context: ssl.SSLContext) -> RawPeer:
    """Let a peer go on in TLS."""
    peer.socket = context.wrap_socket(peer.socket, server_hostname="localhost")
    return peer


def answers(port: int, context: ssl.SSLContext | None = None) -> bool:
    with RawPeer(port) as peer:
        if context is not None:
            wrapped(peer, context)
        peer.associate().send(raw.echo_rq())
        return peer.status() == 0


@pytest.mark.peer
@pytest.mark.parametrize("plain", [False, True])
def test_dcmtk_sends_a_study_over_tls(
    tmp_path: Path, authority: Authority, ours: Pair, caplog: pytest.LogCaptureFixture, plain: bool
) -> None:
    instances = study(301)
    files = [tmp_path / f"{number}.dcm" for number, _ in enumerate(instances)]
    for instance, file in zip(instances, files, strict=True):
        instance.save_as(file, enforce_file_format=True)
    tls = DicomTls(certificate=ours.certificate, key=ours.key, port=0, client_ca=authority.certificate)
    with secured(tmp_path, tls, plain=plain) as listener, listener.expecting(instances) as reception:
        assert len(listener.scp.ports) == 1 + plain
        keys = ("+tls", ours.key, ours.certificate)
        called = ("-aet", "PACS", "-aec", "STUDYPUB", "localhost", str(secure_port_of(listener)))
        sent = dcmtk.call("storescu", *keys, "+cf", authority.certificate, *called, *files)
        assert (sent.returncode, sent.stdout) == (0, "")
        assert reception.uids() == {instance.SOPInstanceUID for instance in instances}
    assert [record.message for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_pieces_of_any_length_are_put_together(
    listener: Listener, authority: Authority, ours: Pair, version: ssl.TLSVersion
) -> None:
    context = speaking(authority, ours, version)
    with RawPeer(secure_port_of(listener)) as peer:
        wrapped(peer, context).associate()
        for byte in raw.echo_rq():
            peer.send(bytes([byte]))
        assert peer.status() == 0
        peer.send(raw.echo_rq() * 5)
        assert [peer.status() for _ in range(5)] == [0] * 5
        peer.send(raw.pdu(raw.RELEASE_RQ, bytes(4)))
        assert peer.receive()[0] == raw.RELEASE_RP


def no_certificate(authority: Authority, stranger: Authority) -> Pair | None:
    del authority, stranger
    return None


def strangers(authority: Authority, stranger: Authority) -> Pair:
    del authority
    return stranger.issue()


def expired(authority: Authority, stranger: Authority) -> Pair:
    del stranger
    return authority.issue(days=-1)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (no_certificate, "TLS: отправитель не предъявил сертификат"),
        (strangers, "TLS: сертификат отправителя не принят: подписан не тем"),
        (expired, "TLS: сертификат отправителя не принят: срок истёк"),
    ],
)
@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_who_has_no_good_certificate_is_sent_away(
    listener: Listener,
    authority: Authority,
    stranger: Authority,
    ours: Pair,
    caplog: pytest.LogCaptureFixture,
    made: Callable[[Authority, Authority], Pair | None],
    said: str,
    version: ssl.TLSVersion,
) -> None:
    context = speaking(authority, made(authority, stranger), version)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        answers(secure_port_of(listener), context)
    assert becomes_true(lambda: said in caplog.text)
    assert becomes_true(lambda: listener.metrics.value("dicom_refused_total", what="association") == 1)
    assert "PRIVATE KEY" not in caplog.text
    assert answers(secure_port_of(listener), speaking(authority, ours))


def test_who_need_not_show_a_certificate_may_still_show_no_bad_one(
    tmp_path: Path, authority: Authority, stranger: Authority, ours: Pair
) -> None:
    tls = DicomTls(
        certificate=ours.certificate,
        key=ours.key,
        port=0,
        client_ca=authority.certificate,
        client_required=False,
    )
    with secured(tmp_path, tls) as listener:
        port = secure_port_of(listener)
        assert answers(port, speaking(authority, None))
        assert answers(port, speaking(authority, ours))
        with pytest.raises((ssl.SSLError, ConnectionError)):
            answers(port, speaking(authority, stranger.issue()))


def test_a_sender_that_does_not_trust_us_goes_away_by_itself(
    listener: Listener, stranger: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    with RawPeer(secure_port_of(listener)) as peer, pytest.raises(ssl.SSLCertVerificationError):
        wrapped(peer, speaking(stranger, None))
    assert becomes_true(lambda: "не принимает наш сертификат" in caplog.text)


def test_nothing_older_than_tls_1_2_is_spoken(listener: Listener) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with RawPeer(secure_port_of(listener)) as peer, pytest.raises((ssl.SSLError, ConnectionError)):
        wrapped(peer, context)


HELLO = bytes.fromhex("160301") + b"\x00\x80\x01\x00\x00\x7c\x03\x03" + bytes(120)


@pytest.mark.parametrize("said", [b"", b"\x16", HELLO[:40], raw.associate_rq(), b"GET / HTTP/1.1\r\n\r\n", HELLO])
def test_whoever_says_no_tls_at_the_port_for_it_holds_nothing(
    listener: Listener, authority: Authority, ours: Pair, said: bytes
) -> None:
    port = secure_port_of(listener)
    with raw.many(3, port) as peers:
        for peer in peers:
            peer.send(said)
        assert answers(port, speaking(authority, ours))  # while they keep silent
        assert all(peer.is_closed() for peer in peers)
    assert becomes_true(lambda: "dicom-association" not in threads())


def test_a_handshake_byte_by_byte_ends(listener: Listener) -> None:
    with RawPeer(secure_port_of(listener)) as peer:
        assert peer.trickle(HELLO, every=0.05) < 3
        assert peer.is_closed()


def test_an_association_that_falls_silent_within_a_record_ends(
    listener: Listener, authority: Authority, ours: Pair
) -> None:
    with RawPeer(secure_port_of(listener)) as peer:
        tunnel, network = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = speaking(authority, ours).wrap_bio(network, tunnel, server_hostname="localhost")
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                peer.send(tunnel.read())
                network.write(peer.socket.recv(65536))
        tls.write(raw.associate_rq())
        peer.send(tunnel.read()[:-20])
        assert peer.is_closed()


def test_tls_at_the_port_without_it_is_told_of(
    listener: Listener, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    plain = listener.scp.ports[0]
    with RawPeer(plain) as peer, pytest.raises((ssl.SSLError, ConnectionError)):
        wrapped(peer, speaking(authority, None))
    assert becomes_true(lambda: "TLS на порт без TLS" in caplog.text)
    assert answers(plain)


def test_many_that_connect_and_go_leave_nothing(listener: Listener, authority: Authority, ours: Pair) -> None:
    port, context = secure_port_of(listener), speaking(authority, ours)

    def call(times: int) -> None:
        for number in range(times):
            with RawPeer(port) as peer:
                if number % 3 == 1:
                    peer.send(HELLO[:50])
                    peer.reset()
                elif number % 3 == 2:
                    wrapped(peer, context).associate().send(raw.echo_rq()[:20])
        assert answers(port, context)
        assert becomes_true(lambda: "dicom-association" not in threads())

    call(10)
    before = threads(), descriptors()
    refused = listener.metrics.value("dicom_refused_total", what="association")
    call(60)
    assert (threads(), descriptors()) == before
    assert (
        listener.metrics.value("dicom_refused_total", what="association") - refused <= 20
    )  # a check of monitoring is no refusal


def test_the_end_does_not_wait_for_a_handshake(tmp_path: Path, ours: Pair) -> None:
    tls = DicomTls(certificate=ours.certificate, key=ours.key, port=0)
    with secured(tmp_path, tls) as listener:
        port = secure_port_of(listener)
        silent = socket.create_connection(("127.0.0.1", port))
        assert becomes_true(lambda: "dicom-association" in threads())
    with silent:
        assert "dicom-association" not in threads()
