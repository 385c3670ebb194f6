"""Fetches a study by C-GET in a process of its own and says what that took."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.resources import peak_memory

from studypub.config import Pacs
from studypub.core.wanted import Wanted
from studypub.dicom.scu import PacsClient
from studypub.dicom.spool import Spool


@dataclass(frozen=True)
class Told:
    """What came: how many instances of how many bytes; `before` and `peak` in resident bytes."""

    instances: int
    size: int
    before: int
    peak: int


def in_a_child(pacs: Pacs, study_instance_uid: str, sop_class_uid: str, folder: Path) -> Told:
    """Fetch the study into the folder."""
    command: list[str | Path] = [sys.executable, "-m", __spec__.name, pacs.ae_title, str(pacs.port)]
    command += [study_instance_uid, sop_class_uid, folder]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return Told(**answer)


def main(ae_title: str, port: str, study_instance_uid: str, sop_class_uid: str, folder: str) -> None:
    spool = Spool(Path(folder) / "spool", reserve=0)
    spool.open()
    client = PacsClient(Pacs(ae_title=ae_title, host="127.0.0.1", port=int(port)), "STUDYPUB")
    before = peak_memory()
    with spool.work_folder("work") as work, spool.reception(study_instance_uid, work) as reception:
        client.get(Wanted(study_instance_uid), [sop_class_uid], spool)
        size = sum(instance.path.stat().st_size for instance in reception.instances())
        told = Told(reception.count, size, before, peak_memory())
    print(json.dumps(vars(told)))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
