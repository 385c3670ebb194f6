"""Runs Debian's Orthanc as a PACS of its own: own ports, own storage, gone at the end."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pydicom.dataset import FileDataset
from tests.peers.program import free_port, listens, running

_PROGRAM = Path("/usr/sbin/Orthanc")
_LONG_SECONDS = 600

Settings = dict[str, object]
# For tests that make themselves known while it runs.
_OPEN: Settings = {
    "DicomAet": "ORTHANC",
    "DicomCheckCalledAet": True,
    "DicomModalitiesInDatabase": True,
    "DicomAlwaysAllowEcho": True,
    "DicomAlwaysAllowFind": True,
    "DicomAlwaysAllowGet": True,
    "DicomAlwaysAllowMove": True,
    "SaveJobs": False,
    "OverwriteInstances": True,
    "UnknownSopClassAccepted": True,
    "DicomScuTimeout": 10,
}


class Orthanc:
    """A running Orthanc: where it listens, and what its REST API is needed for."""

    ae_title = "ORTHANC"
    host = "127.0.0.1"

    def __init__(self, port: int, http_port: int) -> None:
        self.port = port
        self.pid = 0
        self.web = f"http://{self.host}:{http_port}"
        # A connection of its own for each request: one that is kept may end while it is used anew.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._rest = httpx.Client(base_url=self.web, timeout=30, trust_env=False, limits=limits)

    def store(self, datasets: Iterable[FileDataset]) -> None:
        """Put instances into the PACS, as files and without the network of DICOM."""
        for dataset in datasets:
            file = BytesIO()
            dataset.save_as(file, enforce_file_format=True)
            self.keep(file.getvalue())

    def keep(self, file: bytes) -> None:
        """Put an instance into the PACS; of a long one it takes its time."""
        self._rest.post("/instances", content=BytesIO(file), timeout=_LONG_SECONDS).raise_for_status()

    def register(self, name: str, host: str, port: int, ae_title: str = "", *, tls: bool = False) -> None:
        """Make a peer known, by its AE title if not by another name; one that is known moves to the new address."""
        modality = {"AET": ae_title or name, "Host": host, "Port": port, "UseDicomTls": tls}
        self._rest.put(f"/modalities/{name}", json=modality).raise_for_status()

    def fetch(self, peer: str, accession_number: str) -> str:
        """Fetch a study from another PACS; return what it is called here."""
        wanted = {"Level": "Study", "Query": {"AccessionNumber": accession_number}}
        query = self._rest.post(f"/modalities/{peer}/query", json=wanted).raise_for_status().json()["ID"]
        self._rest.post(f"/queries/{query}/retrieve", content=self.ae_title, timeout=600).raise_for_status()
        (study,) = self.studies()
        return study

    def studies(self) -> list[str]:
        """Return what the studies are called here."""
        return list(self._rest.get("/studies").raise_for_status().json())

    def count(self) -> int:
        """Return how many instances it holds."""
        return len(self._rest.get("/instances").raise_for_status().json())

    def anonymize(self, study: str) -> str:
        """Make an anonymized copy of a study; return what it is called."""
        made = self._rest.post(f"/studies/{study}/anonymize", json={}, timeout=600).raise_for_status().json()
        return str(made["ID"])

    def archive(self, study: str, path: Path) -> None:
        """Write a study's ZIP."""
        with self._rest.stream("GET", f"/studies/{study}/archive", timeout=600) as answer, path.open("wb") as file:
            file.writelines(answer.raise_for_status().iter_raw())

    def forget(self, ae_title: str) -> None:
        """Make an AE title unknown again."""
        self._rest.delete(f"/modalities/{ae_title}").raise_for_status()

    def clear(self) -> None:
        """Delete every patient."""
        for patient in self._rest.get("/patients").raise_for_status().json():
            self._rest.delete(f"/patients/{patient}").raise_for_status()

    def answers(self) -> bool:
        """Say whether both servers are up."""
        try:
            return self._rest.get("/system").is_success and listens(self.port)
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Close the connections to its REST API."""
        self._rest.close()


@contextmanager
def started(
    folder: Path,
    *,
    synchronous_c_move: bool,
    encoding: str = "Utf8",
    more: Settings | None = None,
    ports: tuple[int, int] | None = None,
) -> Iterator[Orthanc]:
    """Run an Orthanc that keeps everything in `folder`, where it may have run before, at the same `ports`.

    Asynchronous, it answers a C-MOVE before it sends. `encoding` is what it writes its C-FIND answers in; "Latin1",
    with which it is shipped, leaves Cyrillic letters out.
    """
    chosen: Settings = {"SynchronousCMove": synchronous_c_move, "DefaultEncoding": encoding, **(more or {})}
    with ExitStack() as stack:
        yield _start(stack, folder, _OPEN | chosen, ports)


@contextmanager
def as_told(folder: Path, settings: Settings) -> Iterator[Orthanc]:
    """Run an Orthanc with these settings, and as it is shipped where they say nothing."""
    with ExitStack() as stack:
        yield _start(stack, folder, settings)


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc that answers a C-MOVE after it has sent all."""
    with started(tmp_path_factory.mktemp("orthanc"), synchronous_c_move=True) as peer:
        yield peer


@pytest.fixture(scope="session")
def orthanc_async(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc that answers a C-MOVE with success before it has sent anything."""
    with started(tmp_path_factory.mktemp("orthanc-async"), synchronous_c_move=False) as peer:
        yield peer


def _start(stack: ExitStack, folder: Path, chosen: Settings, ports: tuple[int, int] | None = None) -> Orthanc:
    port, http_port = ports or (free_port(), free_port())
    peer = Orthanc(port, http_port)
    stack.callback(peer.close)
    settings = folder / "orthanc.json"
    settings.write_text(json.dumps({**chosen, **_settings(folder, port, http_port)}))
    peer.pid = stack.enter_context(running([_PROGRAM, settings], folder / "orthanc.log", peer.answers)).pid
    return peer


def _settings(folder: Path, port: int, http_port: int) -> Settings:
    return {
        "Name": "PACS of the tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "Plugins": [],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "HttpPort": http_port,
        "DicomPort": port,
    }
