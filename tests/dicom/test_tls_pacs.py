"""A PACS that is called over TLS: whom we believe, and what is said where it cannot be agreed on."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]
from tests.peers.certificates import Authority, Pair
from tests.peers.program import free_port, listens, running

from studypub.config import Pacs, PacsTls
from studypub.dicom.caller import Patience
from studypub.dicom.demo_pacs import shut_down
from studypub.dicom.scu import PacsClient
from studypub.errors import PacsAway, PacsNotSecured

QUICK = Patience(connect=1.5, search=5.0, transfer=5.0)
TLS_1_2, TLS_1_3 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@contextmanager
def answering(pair: Pair, authority: Authority | None = None, version: ssl.TLSVersion = TLS_1_3) -> Iterator[int]:
    """Run a PACS that answers a C-ECHO over TLS, and asks for certificates where it knows an authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = version
    context.load_cert_chain(pair.certificate, pair.key)
    if authority is not None:
        context.load_verify_locations(authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
    ae = AE("PACS")
    ae.add_supported_context(Verification)
    server = ae.start_server(("127.0.0.1", 0), block=False, ssl_context=context)
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        here = ae.active_associations
        shut_down(ae)
        for association in here:
            association.join(QUICK.transfer)


def pacs(port: int, tls: PacsTls, host: str = "127.0.0.1") -> PacsClient:
    return PacsClient(Pacs(ae_title="PACS", host=host, port=port, tls=tls), "STUDYPUB", QUICK)


def failure(client: PacsClient) -> str:
    with pytest.raises(PacsNotSecured) as raised:
        client.echo()
    assert raised.value.retry
    assert raised.value.code == "PACS_UNREACHABLE"
    return raised.value.sentence.en


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_it_is_believed_by_its_authority_or_by_its_fingerprint(
    authority: Authority, ours: Pair, version: ssl.TLSVersion
) -> None:
    with answering(ours, authority, version) as port:
        for tls in (
            PacsTls(ca=authority.certificate),
            PacsTls(ca=ours.certificate),
            PacsTls(fingerprint=ours.fingerprint),
            PacsTls(ca=authority.certificate, fingerprint=ours.fingerprint.replace(":", "").lower()),
        ):
            pacs(port, msgspec.structs.replace(tls, certificate=ours.certificate, key=ours.key)).echo()


def test_whom_we_do_not_believe_hears_nothing_of_dicom(authority: Authority, stranger: Authority, ours: Pair) -> None:
    other, expired, renamed = stranger.issue(), authority.issue(days=-1), authority.issue("10.9.8.7")
    by_authority = PacsTls(ca=authority.certificate)
    for pair, tls, said in (
        (other, by_authority, "not signed by whom `ca` names"),
        (expired, by_authority, "has expired"),
        (renamed, by_authority, "for another name"),
        (other, PacsTls(fingerprint=ours.fingerprint), "whose fingerprint the configuration names"),
        (other, PacsTls(ca=stranger.certificate, fingerprint=ours.fingerprint), "whose fingerprint"),
    ):
        with answering(pair) as port:
            assert said in failure(pacs(port, tls))
    with answering(renamed) as port:
        pacs(port, PacsTls(ca=authority.certificate, check_name=False)).echo()


@pytest.mark.parametrize("version", [TLS_1_2, TLS_1_3])
def test_a_pacs_that_asks_for_our_certificate(
    authority: Authority, stranger: Authority, ours: Pair, version: ssl.TLSVersion
) -> None:
    other = stranger.issue()
    with answering(ours, authority, version) as port:
        none = failure(pacs(port, PacsTls(ca=authority.certificate)))
        bad = failure(pacs(port, PacsTls(ca=authority.certificate, certificate=other.certificate, key=other.key)))
    # With TLS 1.3 the network may lose its last word, as it goes away with ours unread.
    assert "certificate of ours" in none or "it asks for one" in none
    assert "does not accept our certificate" in bad


@contextmanager
def saying(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """Run a peer that treats each connection so."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                held.append(peer)
                answer(peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for peer in held:
                peer.close()


def test_a_port_without_tls_is_told_of(authority: Authority) -> None:
    tls = PacsTls(ca=authority.certificate)
    answers: tuple[tuple[Callable[[socket.socket], object], str], ...] = (
        (lambda peer: peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "speaks without TLS"),
        (lambda _: None, "says nothing"),
        (lambda peer: peer.shutdown(socket.SHUT_RDWR), "broke the connection off"),
    )
    for answer, said in answers:
        with saying(answer) as port:
            assert said in failure(pacs(port, tls))


def test_a_pacs_that_is_not_there_is_away_as_ever(authority: Authority) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        with pytest.raises(PacsAway) as raised:
            pacs(holder.getsockname()[1], PacsTls(ca=authority.certificate)).echo()
    assert not isinstance(raised.value, PacsNotSecured)


def test_files_are_read_for_each_call(authority: Authority, stranger: Authority, ours: Pair, tmp_path: Path) -> None:
    ca = tmp_path / "ca.crt"
    with answering(ours) as port:
        client = pacs(port, PacsTls(ca=ca))
        assert "cannot be read" in failure(client)
        ca.write_bytes(stranger.certificate.read_bytes())
        assert "not signed" in failure(client)
        ca.write_bytes(authority.certificate.read_bytes())
        client.echo()


@pytest.mark.peer
def test_dcmtk_is_called(authority: Authority, ours: Pair, tmp_path: Path) -> None:
    """Of its servers storescp alone speaks TLS; Orthanc, built with it, searches and sends in the e2e tests."""
    port = free_port()
    keys = ("+tls", ours.key, ours.certificate, "+cf", authority.certificate)
    command: list[str | Path] = ["storescp", *keys, "--output-directory", tmp_path, str(port)]
    with running(command, tmp_path / "storescp.log", lambda: listens(port)):
        tls = PacsTls(ca=authority.certificate, certificate=ours.certificate, key=ours.key)
        pacs(port, tls, "localhost").echo()
        said = failure(pacs(port, PacsTls(ca=authority.certificate)))
        assert "certificate" in said
