"""Runs dcmtk's PACS, dcmqrscp, and calls dcmtk's clients."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom.dataset import FileDataset
from pynetdicom import AE, evt
from pynetdicom.presentation import build_context
from tests.peers.program import free_port, listens, running

from studypub.dicom.waiting import leave_answers

_CLIENT_SECONDS = 60


class Dcmqrscp:
    """A running dcmqrscp: where it listens, and a way to fill it."""

    ae_title = "DCMQRSCP"
    host = "127.0.0.1"

    def __init__(self, port: int, storage: Path) -> None:
        self.port = port
        self._storage = storage

    def store(self, datasets: Iterable[FileDataset]) -> None:
        """Put instances into the PACS by C-STORE."""
        instances = list(datasets)
        pairs = sorted({(instance.SOPClassUID, instance.file_meta.TransferSyntaxUID) for instance in instances})
        contexts = [build_context(sop_class, syntax) for sop_class, syntax in pairs]
        handlers: list[Any] = [(evt.EVT_CONN_OPEN, leave_answers)]
        association = AE("FILLER").associate(self.host, self.port, contexts, self.ae_title, evt_handlers=handlers)
        assert association.is_established, "dcmqrscp refused the association"
        try:
            for instance in instances:
                assert association.send_c_store(instance).Status == 0x0000
        finally:
            association.release()

    def adopt(self, path: Path) -> None:
        """Put a file into the PACS without sending it; it is moved."""
        adopted = self._storage / path.name
        path.rename(adopted)
        assert call("dcmqridx", self._storage, adopted).returncode == 0


@contextmanager
def started(folder: Path, destinations: Mapping[str, int]) -> Iterator[Dcmqrscp]:
    """Run a dcmqrscp that keeps everything in `folder`.

    `destinations` are the loopback ports that a C-MOVE may send to, by AE title: it reads them only at its start.
    """
    storage = folder / "storage"
    storage.mkdir()
    peer = Dcmqrscp(free_port(), storage)
    settings = folder / "dcmqrscp.cfg"
    settings.write_text(_settings(storage, destinations))
    command: list[str | Path] = ["dcmqrscp", "--config", settings, str(peer.port)]
    with running(command, folder / "dcmqrscp.log", lambda: listens(peer.port)):
        yield peer


def call(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of dcmtk's clients to its end, which comes in bounded time; both its outputs come as `stdout`."""
    return subprocess.run(
        [program, *arguments],
        check=False,
        timeout=_CLIENT_SECONDS,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "TCP_NODELAY": "1"},
        text=True,
    )


def _settings(storage: Path, destinations: Mapping[str, int]) -> str:
    # It takes names of hosts only, no addresses.
    hosts = [f"{ae_title.lower()} = ({ae_title}, localhost, {port})" for ae_title, port in destinations.items()]
    return "\n".join(
        (
            "MaxPDUSize = 131072",
            "MaxAssociations = 16",
            "HostTable BEGIN",
            *hosts,
            "HostTable END",
            "VendorTable BEGIN",
            "VendorTable END",
            "AETable BEGIN",
            f"{Dcmqrscp.ae_title} {storage} RW (200, 1024mb) ANY",
            "AETable END",
            "",
        )
    )
