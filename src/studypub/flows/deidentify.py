"""De-identifies a folder or ZIP of DICOM files, offline: the same rules that publish a study."""

import secrets
import shutil
import tempfile
import threading
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from studypub.config import Pixels
from studypub.core.review import Held
from studypub.deid import descriptors, elements
from studypub.deid.instance import Deidentifier
from studypub.deid.profile import Profile
from studypub.deid.reasons import Reason
from studypub.errors import Refused
from studypub.flows import instance_file
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
        unpacked = Path(folder) / "unpacked"
        for name, path in _files(source, unpacked):
            with instance_file.shown(path) as content:
                if _looks_like_dicom(path) and not run.harvest.add(content):
                    run.unknown.add(name)
        gate, judge = run.gate(), Judge(pixels or Pixels(), looker, Path(folder), {})
        return [_one(run, gate, judge, name, path) for name, path in _files(source, unpacked)]


def _files(source: Path, unpacked: Path) -> Iterator[tuple[str, Path]]:
    if source.is_dir():
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            yield str(path.relative_to(source)), path
    elif zipfile.is_zipfile(source):
        yield from _members(source, unpacked)
    else:
        yield source.name, source


def _members(source: Path, unpacked: Path) -> Iterator[tuple[str, Path]]:
    """Yield a ZIP's files, one after another in the same place.

    One that cannot be unpacked comes empty, and is listed as no DICOM file.
    """
    with zipfile.ZipFile(source) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            try:
                with archive.open(member) as packed, unpacked.open("wb") as file:
                    shutil.copyfileobj(packed, file)
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
                unpacked.write_bytes(b"")
            yield member.filename, unpacked


def _one(run: _Run, gate: Gate, judge: Judge, name: str, path: Path) -> dict[str, Any]:
    original = Reason.BROKEN if name in run.unknown else _parse(path)
    if isinstance(original, Reason):
        return _entry(name, original, "")
    try:
        uid = elements.string(original, _SOP_INSTANCE_UID)
        result = judge.judge(run.deidentifier(original), original, path)
        if isinstance(result, Ready) and not _write(run, gate, name, result.dataset):
            return _entry(name, Reason.PHI_SUSPECTED, uid)
    except elements.BROKEN:
        return _entry(name, Reason.BROKEN, "")
    return _entry(name, result, uid)


def _parse(path: Path) -> FileDataset | Reason:
    """Read a file, with or without preamble."""
    if not _looks_like_dicom(path):
        return Reason.NOT_DICOM
    try:
        return instance_file.read(path, force=True)
    except InvalidDicomError:
        return Reason.NOT_DICOM
    except elements.BROKEN:
        return Reason.BROKEN


def _looks_like_dicom(path: Path) -> bool:
    """Tell a Part 10 file, or a data set without preamble: it begins in group 0002 or 0008, in either byte order."""
    with path.open("rb") as file:
        head = file.read(133)
    bare = head[:2] in {b"\x02\0", b"\x08\0", b"\0\x08"} and len(head) > 132
    return bare or head[128:132] == b"DICM"


def _write(run: _Run, gate: Gate, name: str, dataset: FileDataset) -> bool:
    """Write under the study's new UID and a counter: nothing of the original name remains. False: the gate objects."""
    with instance_file.written(dataset, run.target / "instance.part") as part10:
        with instance_file.shown(part10) as content:
            if gate.search(name, content):
                return False
        folder = run.target / str(dataset.get("StudyInstanceUID", "") or "study")
        folder.mkdir(exist_ok=True)
        number = run.counts[folder.name] = run.counts.get(folder.name, 0) + 1
        path = folder / f"{number:06}.dcm"
        if isinstance(part10, Path):
            part10.rename(path)
        else:
            path.write_bytes(part10)
    return True


def _entry(name: str, result: Ready | Reason | Held, uid: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"file": name, "outcome": "left_out", "reason": None, "explanation": None, "face": False}
    if isinstance(result, Ready):
        entry |= {"outcome": "masked" if result.covered else "kept", "face": result.face}
    elif isinstance(result, Held):
        entry |= {"reason": result.reason, "explanation": result.sentence._asdict()}
    else:
        entry |= {"reason": result.value, "explanation": result.sentence._asdict()}
    return entry | {"sop_instance_uid": uid or None}
