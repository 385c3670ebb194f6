"""A received instance in its file, and beside it a record by which a later attempt knows whether the file is whole."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SpooledInstance:
    """A received instance: a Part 10 file whose name is ours, and the digest of the file."""

    sop_instance_uid: str
    sop_class_uid: str
    path: Path
    sha256: bytes


def keep(instance: SpooledInstance, header: bytes, dataset: bytes) -> None:
    """Write the file. Raises OSError; nothing half-written stays.

    Nothing is forced to the disk: after a power failure the digest tells what of it is whole.
    """
    part = instance.path.with_suffix(".part")
    try:
        with part.open("xb") as file:
            file.write(header)
            file.write(dataset)
        part.rename(instance.path)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def record(instance: SpooledInstance, study_instance_uid: str, length: int) -> None:
    """Write the record of a file of so many bytes. Raises OSError; the file goes then, too."""
    document = {
        "study": study_instance_uid,
        "instance": instance.sop_instance_uid,
        "class": instance.sop_class_uid,
        "length": length,
        "sha256": instance.sha256.hex(),
    }
    try:
        _record_of(instance.path).write_text(json.dumps(document), "ascii")
    except OSError:
        drop(instance.path)
        raise


def recall(path: Path, study_instance_uid: str) -> SpooledInstance | None:
    """Return the instance in this file, or None where it is not exactly what was received for this study."""
    try:
        record = json.loads(_record_of(path).read_text("ascii"))
        if record["study"] != study_instance_uid or record["length"] != path.stat().st_size:
            return None
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").digest()
        instance = SpooledInstance(str(record["instance"]), str(record["class"]), path, sha256)
        return instance if record["sha256"] == sha256.hex() else None
    except (OSError, ValueError, LookupError, TypeError):  # absent, or not what we write
        return None


def drop(path: Path) -> None:
    """Remove the file and its record, where they are."""
    path.unlink(missing_ok=True)
    _record_of(path).unlink(missing_ok=True)


def _record_of(path: Path) -> Path:
    return path.with_suffix(".json")
