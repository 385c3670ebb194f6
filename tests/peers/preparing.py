"""Prepares a folder of instances in a process of its own and says what that took."""

import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pydicom
from tests.peers.desk import ACCESSION, PATIENT, task
from tests.peers.resources import peak_memory

from studypub.config import Pixels
from studypub.core.finding import FoundStudy
from studypub.deid.instance import Deidentifier
from studypub.deid.profile import load
from studypub.dicom.kept import SpooledInstance
from studypub.flows.packing import Case, Prepared
from studypub.flows.prepare import Preparation


@dataclass(frozen=True)
class Told:
    """What came out: `before` and `peak` in resident bytes, the process without a study included."""

    instances: int
    size: int
    before: int
    peak: int
    seconds: float


def in_a_child(originals: Path, work: Path, *, warm_up: int = 0) -> Told:
    """Prepare the files of a folder, `warm_up` of them beforehand by themselves."""
    work.mkdir()
    command: list[str | Path] = [sys.executable, "-m", __spec__.name, originals, work, str(warm_up)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return Told(**answer)


def main(originals: Path, work: Path, warm_up: int) -> None:
    instances = [_spooled(path) for path in sorted(originals.iterdir())]
    if warm_up:
        _prepare(instances[:warm_up], work)
    before, begun = peak_memory(), time.monotonic()
    prepared = _prepare(instances, work)
    seconds = time.monotonic() - begun
    told = Told(prepared.summary.instances, prepared.summary.size, before, peak_memory(), seconds)
    print(json.dumps(vars(told)))  # noqa: T201


def _prepare(instances: list[SpooledInstance], work: Path) -> Prepared:
    first = pydicom.dcmread(instances[0].path, stop_before_pixels=True)
    uid = str(first.StudyInstanceUID)
    study = FoundStudy(study_instance_uid=uid, accession_number=ACCESSION, patient_id=PATIENT)
    wanted = replace(task(), study_instance_uid=uid)
    rules = Deidentifier(load("second-opinion"), bytes(32))
    preparation = Preparation(Case(wanted, study, rules, Pixels()), work, threading.Event())
    try:
        return preparation.finish(instances)
    finally:
        preparation.discard()


def _spooled(path: Path) -> SpooledInstance:
    header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID", "SOPClassUID"])
    return SpooledInstance(header.SOPInstanceUID, header.SOPClassUID, path, b"")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
