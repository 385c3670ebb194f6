"""A received instance in its file, and beside it a record by which a later attempt knows whether the file is whole."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SpooledInstance:
    """A received instance: a Part 10 file whose name is ours, and the digest of its data set."""

    sop_instance_uid: str
    sop_class_uid: str
    path: Path
    sha256: bytes


def record(instance: SpooledInstance, study_instance_uid: str, header: bytes) -> None:
    """Write the record of a file, whose data set follows the header. Raises OSError.

    Nothing is forced to the disk: after a power failure the record tells what of the file is whole.
    """
    document = {
        "study": study_instance_uid,
        "instance": instance.sop_instance_uid,
        "class": instance.sop_class_uid,
        "length": instance.path.stat().st_size,
        "header": header.hex(),
        "sha256": instance.sha256.hex(),
    }
    _record_of(instance.path).write_text(json.dumps(document), "ascii")


def recall(path: Path, study_instance_uid: str) -> SpooledInstance | None:
    """Return the instance in this file, or None where it is not exactly what was received for this study."""
    try:
        document = json.loads(_record_of(path).read_text("ascii"))
        header = bytes.fromhex(document["header"])
        if document["study"] != study_instance_uid or document["length"] != path.stat().st_size:
            return None
        with path.open("rb", buffering=0) as file:
            is_whole = file.read(len(header)) == header
            sha256 = hashlib.file_digest(file, "sha256").digest()
        instance = SpooledInstance(str(document["instance"]), str(document["class"]), path, sha256)
        return instance if is_whole and document["sha256"] == sha256.hex() else None
    except (OSError, ValueError, LookupError, TypeError):  # absent, or not what we write
        return None


def drop(path: Path) -> None:
    """Remove the file and its record, where they are."""
    path.unlink(missing_ok=True)
    _record_of(path).unlink(missing_ok=True)


def _record_of(path: Path) -> Path:
    return path.with_suffix(".json")
