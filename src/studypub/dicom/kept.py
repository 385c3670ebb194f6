"""Received instances in their files, and a journal by which a later attempt knows which of these are whole."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xxhash import xxh3_128

_JOURNAL = "received"
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class SpooledInstance:
    """A received instance: a Part 10 file whose name is ours, and the digest of its bytes.

    The digest tells damage and other contents, and is no proof against who means to deceive.
    """

    sop_instance_uid: str
    sop_class_uid: str
    path: Path
    digest: bytes


def is_journal(path: Path) -> bool:
    """Whether this file is the journal of its folder."""
    return path.name == _JOURNAL


def record(instance: SpooledInstance, study_instance_uid: str) -> None:
    """Write a whole file down in the journal of its folder. Raises OSError. Safe from several threads at once.

    Nothing is forced to the disk: after a power failure the digest tells which files are whole. A line that was not
    written to its end spoils no other: each begins anew.
    """
    document = {
        "file": instance.path.name,
        "study": study_instance_uid,
        "instance": instance.sop_instance_uid,
        "class": instance.sop_class_uid,
        "digest": instance.digest.hex(),
    }
    journal = os.open(instance.path.with_name(_JOURNAL), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(journal, b"\n" + json.dumps(document).encode())
    finally:
        os.close(journal)


def recall(folder: Path, study_instance_uid: str) -> list[SpooledInstance]:
    """Return what was received for this study and is, byte for byte, what it was; in order of arrival."""
    try:
        lines = (folder / _JOURNAL).read_bytes().splitlines()
    except OSError:
        return []
    known = {one.path: one for line in lines if (one := _read(folder, line, study_instance_uid))}
    return [one for one in known.values() if _is_whole(one)]


def _read(folder: Path, line: bytes, study_instance_uid: str) -> SpooledInstance | None:
    try:
        said: dict[str, Any] = json.loads(line)
        path = folder / Path(said["file"]).name
        one = SpooledInstance(str(said["instance"]), str(said["class"]), path, bytes.fromhex(said["digest"]))
        return one if said["study"] == study_instance_uid else None
    except (ValueError, LookupError, TypeError):  # not what we write
        return None


def _is_whole(instance: SpooledInstance) -> bool:
    digest = xxh3_128()
    try:
        with instance.path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError:
        return False
    return digest.digest() == instance.digest
