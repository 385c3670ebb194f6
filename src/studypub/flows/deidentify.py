"""De-identifies a folder or ZIP of DICOM files, offline: the same rules that publish a study."""

import secrets
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from studypub.config import Pixels
from studypub.core.review import Held
from studypub.deid import descriptors, elements, encode
from studypub.deid.instance import Deidentifier
from studypub.deid.profile import Profile
from studypub.deid.reasons import Reason
from studypub.errors import Refused
from studypub.flows.judge import Judge, Ready
from studypub.gate.clues import Permitted
from studypub.gate.gate import Gate
from studypub.gate.harvest import Harvest
from studypub.pixels.looker import Looker

_SOP_INSTANCE_UID = 0x00080018
_PATIENT_ID = 0x00100020
_STUDY_INSTANCE_UID = 0x0020000D


@dataclass
class _Run:
    """One run: a key of its own, the patient of each study, how many files each new folder holds.

    `unknown`: files whose identifiers nobody could gather, and so nobody can vouch for.
    """

    profile: Profile
    target: Path
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    harvest: Harvest = field(default_factory=lambda: Harvest({}))
    subjects: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def deidentifier(self, original: FileDataset) -> Deidentifier:
        """Return the rules for the instance: all instances of a study name the same patient."""
        study = elements.string(original, _STUDY_INSTANCE_UID)
        patient = elements.value(original, _PATIENT_ID, "LO")
        subject = self.subjects.setdefault(study, patient[1].strip(b" \0").decode("latin-1") if patient else "")
        return Deidentifier(self.profile, self.key, subject)

    def gate(self) -> Gate:
        """Return the search for everything that was harvested."""
        days = Deidentifier(self.profile, self.key).days
        return Gate(self.harvest, Permitted((), descriptors.vocabulary(), days))


def deidentify_folder(
    source: Path, target: Path, profile: Profile, pixels: Pixels | None = None
) -> list[dict[str, Any]]:
    """De-identify every file below `source` (a folder, a ZIP, one file) into `target`; return what became of each.

    Nobody is there to look at what should be held: it is left out. The list is private: it names input files and
    original UIDs. Raises Refused if there is no such source, or if `target` is not empty.
    """
    if not source.exists():
        raise Refused(reason_ru=f"Нет такого файла или папки: {source}", reason_en=f"No such file or folder: {source}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refused(reason_ru=f"Папка не пуста: {target}", reason_en=f"The folder is not empty: {target}")
    target.mkdir(parents=True, exist_ok=True)
    run = _Run(profile, target)
    # pydicom's warnings quote values; the list says what became of each file.
    with (
        warnings.catch_warnings(action="ignore"),
        tempfile.TemporaryDirectory(prefix="studypub-") as folder,
        Looker(threading.Event()) as looker,
    ):
        for name, content in _files(source):
            if _looks_like_dicom(content) and not run.harvest.add(content):
                run.unknown.add(name)
        gate, judge = run.gate(), Judge(pixels or Pixels(), looker, Path(folder), {})
        received = Path(folder) / "received.dcm"
        return [_one(run, gate, judge, name, content, received) for name, content in _files(source)]


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            yield str(path.relative_to(source)), path.read_bytes()
    elif zipfile.is_zipfile(source):
        yield from _members(source)
    else:
        yield source.name, source.read_bytes()


def _members(source: Path) -> Iterator[tuple[str, bytes]]:
    """Yield a ZIP's files; one that cannot be unpacked comes empty, and is listed as no DICOM file."""
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            try:
                content = archive.read(member)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
                content = b""
            yield member.filename, content


def _one(run: _Run, gate: Gate, judge: Judge, name: str, content: bytes, received: Path) -> dict[str, Any]:
    original = Reason.BROKEN if name in run.unknown else _parse(content)
    if isinstance(original, Reason):
        return _entry(name, original, "")
    try:
        uid = elements.string(original, _SOP_INSTANCE_UID)
        result = judge.judge(run.deidentifier(original), original, lambda: _spilled(received, content))
        if isinstance(result, Ready):
            written = encode.to_part10(result.dataset)
            if gate.search(name, written):
                return _entry(name, Reason.PHI_SUSPECTED, uid)
            _write(run, result.dataset, written)
    except elements.BROKEN:
        return _entry(name, Reason.BROKEN, "")
    return _entry(name, result, uid)


def _spilled(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _parse(content: bytes) -> FileDataset | Reason:
    """Read a file, with or without preamble."""
    if not _looks_like_dicom(content):
        return Reason.NOT_DICOM
    try:
        return pydicom.dcmread(BytesIO(content), force=True)
    except InvalidDicomError:
        return Reason.NOT_DICOM
    except elements.BROKEN:
        return Reason.BROKEN


def _looks_like_dicom(content: bytes) -> bool:
    """Tell a Part 10 file, or a data set without preamble: it begins in group 0002 or 0008, in either byte order."""
    bare = content[:2] in {b"\x02\0", b"\x08\0", b"\0\x08"} and len(content) > 132
    return bare or content[128:132] == b"DICM"


def _write(run: _Run, dataset: FileDataset, written: bytes) -> None:
    """Write under the study's new UID and a counter: nothing of the original name remains."""
    folder = run.target / str(dataset.get("StudyInstanceUID", "") or "study")
    folder.mkdir(exist_ok=True)
    number = run.counts[folder.name] = run.counts.get(folder.name, 0) + 1
    with (folder / f"{number:06}.dcm").open("xb") as file:
        file.write(written)


def _entry(name: str, result: Ready | Reason | Held, uid: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"file": name, "outcome": "left_out", "reason": None, "explanation": None, "face": False}
    if isinstance(result, Ready):
        entry |= {"outcome": "masked" if result.covered else "kept", "face": result.face}
    elif isinstance(result, Held):
        entry |= {"reason": result.reason, "explanation": result.sentence._asdict()}
    else:
        entry |= {"reason": result.value, "explanation": result.sentence._asdict()}
    return entry | {"sop_instance_uid": uid or None}
