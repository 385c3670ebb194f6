"""Feeds the listener with bytes that a fuzzer makes up: `python -m tests.fuzz.listener EXECUTIONS [SEED]`.

Each time an association that is established is given its PDUs: P-DATA-TF with whatever is in them, split at will. It
has to take them or to end the association; it may not raise, hang, keep files, or grow. One in a thousand goes the
whole way instead: from a socket through the head of each PDU, of whichever kind.
"""

import resource
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import atheris
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

with atheris.instrument_imports(include=["studypub.dicom"]):
    from pynetdicom import AE, build_context
    from tests.peers import raw_dicom as raw
    from tests.peers.listener import header

    from studypub.dicom.association import PeerAssociation
    from studypub.dicom.limits import Limits
    from studypub.dicom.messages import Messages
    from studypub.dicom.peers import KnownPeers
    from studypub.dicom.receive import Incoming, Rejection
    from studypub.dicom.spool import Spool

_STUDY = "1.2.4"
_PIXELS = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 64) + bytes(64)
_ONE_IN = 1000
_MOST_GROWTH = 64 * 2**20
_HANG_SECONDS = 10
_HEAD = struct.Struct(">BxL")


class Target:
    """The listener without a network, and a study that waits for instances."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spool = Spool(folder / "spool", reserve=0)
        self._spool.open()
        self._peers, self._limits = KnownPeers(["127.0.0.1"]), Limits()
        self._ae = AE("STUDYPUB")
        contexts = [
            build_context(CTImageStorage, ExplicitVRLittleEndian),
            build_context("1.2.840.10008.1.1", ImplicitVRLittleEndian),
            build_context(CTImageStorage, ImplicitVRLittleEndian),
        ]
        for number, context in enumerate(contexts):
            context.context_id = 2 * number + 1
        self._contexts = contexts
        self._door = socket.create_server(("127.0.0.1", 0))
        self._number = 0
        self._settled = 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Let instances in."""
        with self._spool.work_folder("task") as task, self._spool.reception(_STUDY, task) as reception:
            self._reception = reception
            yield

    @property
    def taken(self) -> int:
        """How many instances are here."""
        return self._reception.count

    def __call__(self, content: bytes) -> None:
        """Take one input; raise AssertionError where something is left of it."""
        self._number += 1
        if self._number % _ONE_IN:
            self._take_messages(content)
        else:
            self._take_connection(content)
        if self._number % 50_000 == 0:
            self._require_flat()

    def _take_messages(self, content: bytes) -> None:
        peer = SimpleNamespace(ae_title="PACS", address="127.0.0.1")
        assoc: Any = SimpleNamespace(accepted_contexts=self._contexts, requestor=peer)
        events: list[str] = []
        answering, ending = SimpleNamespace(send=len), SimpleNamespace(put=events.append)
        assoc.dul = SimpleNamespace(socket=answering, event_queue=ending)
        messages = Messages(assoc, self._spool, self._peers, self._limits, _status)
        for pdu in _split(content):
            messages.receive_pdu(memoryview(pdu))
            if events:
                break
        messages.discard()
        self._require_empty()

    def _take_connection(self, content: bytes) -> None:
        theirs = socket.create_connection(self._door.getsockname())
        ours, _ = self._door.accept()
        theirs.sendall(content[:100_000])
        theirs.shutdown(socket.SHUT_WR)
        association = PeerAssociation(
            self._ae, self._spool, self._peers, self._limits, ours, ("127.0.0.1", 104),
            store=lambda _, incoming: _status(incoming), refuse=lambda *_, **__: None, admit=lambda _: None,
        )  # fmt: skip
        association.start()
        association.join(_HANG_SECONDS)
        assert not association.is_alive(), "it hangs"
        theirs.close()
        self._require_empty()

    def _require_empty(self) -> None:
        """Forget what was taken; what was not may have left nothing."""
        taken = {each.path for each in self._reception.instances()}
        left = {path for path in self._folder.rglob("*") if path.is_file()} - taken if self._number % 97 == 0 else set()
        assert not left, left
        if len(taken) > 100:
            self._renew(taken)

    def _renew(self, taken: set[Path]) -> None:
        for path in taken:
            path.unlink()
        self._reception._instances.clear()
        self._reception._arrived.clear()
        self._reception._size = 0

    def _require_flat(self) -> None:
        now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        self._settled = self._settled or now
        assert now - self._settled < _MOST_GROWTH, (self._settled, now)
        assert threading.active_count() == 1, threading.enumerate()


def _status(incoming: Incoming) -> int:
    try:
        incoming.finish()
    except Rejection as rejection:
        return rejection.status
    return 0


def _split(content: bytes) -> Iterator[bytes]:
    """Yield PDUs without their heads, each of the length that its head says, or all that is left."""
    place = 0
    while place + _HEAD.size <= len(content):
        _, length = _HEAD.unpack_from(content, place)
        place += _HEAD.size
        yield content[place : place + length]
        place += length


def seeds() -> Iterator[bytes]:
    """Yield what a peer in good faith sends."""
    instance = header(_STUDY, "1.2.3") + _PIXELS
    yield raw.echo_rq()
    yield raw.store_rq("1.2.3") + raw.p_data(instance)
    yield raw.store_rq("1.2.3") + raw.p_data(instance[:140], last=False) + raw.p_data(instance[140:190], last=False)
    yield (raw.store_rq("1.2.3") + raw.p_data(instance)) * 2
    yield raw.associate_rq() + raw.echo_rq() + raw.pdu(raw.RELEASE_RQ, bytes(4))
    yield raw.associate_rq() + raw.store_rq("1.2.3") + raw.p_data(instance) + raw.pdu(raw.ABORT, bytes(4))
    yield raw.p_data(b"", last=False)


def main(executions: int, seed: int) -> None:
    """Run so many; ends the process, with another status than 0 where something was found."""
    with tempfile.TemporaryDirectory(prefix="studypub-fuzz-") as name:
        folder = Path(name)
        corpus = folder / "corpus"
        corpus.mkdir()
        for number, content in enumerate(seeds()):
            (corpus / str(number)).write_bytes(content)
        target = Target(folder / "listener")
        options = [f"-runs={executions}", f"-seed={seed}", "-max_len=4096", f"-timeout={_HANG_SECONDS}"]
        options += [f"-artifact_prefix={name}/", "-print_final_stats=1", str(corpus)]
        with target.waiting():
            for content in seeds():
                target(content)
            assert target.taken, "what is sent in good faith is not taken"
            atheris.Setup([sys.argv[0], *options], target)
            atheris.Fuzz()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
