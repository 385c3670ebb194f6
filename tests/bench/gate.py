"""Measures the gate, alone and behind de-identification: `python -m tests.bench.gate [FOLDER]`.

CPU time on one core. FOLDER holds the DICOM files of one study; without it 200 CT slices of 512x512 are made.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TypeVar

import pydicom
from tests.bench import peer_tools
from tests.bench.deid import slices
from tests.bench.rows import Row, at_least

from studypub.archive.readme import readme
from studypub.deid import descriptors
from studypub.deid.alike import Alike
from studypub.deid.encode import to_part10
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load, names
from studypub.gate.clues import Permitted
from studypub.gate.gate import Gate
from studypub.gate.harvest import Harvest

Result = TypeVar("Result")


def main(folder: str | None) -> None:
    """Print a row for each step."""
    originals = files(Path(folder)) if folder else list(slices(200))
    harvest = Harvest({"patient_id": "1000001158664", "accession_number": "KP125706548L"})
    row("harvest", originals, harvest.add)
    for profile in names():
        measure(profile, originals, harvest)


def rows(count: int = 200) -> list[Row]:
    """Return how many times dicognito's instances go through everything in a second."""
    originals = list(slices(count))
    rules, harvest = Deidentifier(load("second-opinion"), bytes(32)), Harvest({})
    for data in originals:
        harvest.add(data)
    gate, alike = Gate(harvest, Permitted((readme(whole=False),), descriptors.vocabulary(), rules.days)), Alike()
    begun = time.process_time()
    for data in originals:
        whole(harvest, rules, gate, alike, data)
    ours = time.process_time() - begun
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name, "source"), Path(name, "target")
        source.mkdir()
        target.mkdir()
        for number, data in enumerate(originals):
            (source / f"{number:04}.dcm").write_bytes(data)
        theirs = peer_tools.peer("dicognito", source, target).seconds
    return [
        at_least("de-identification with profile and gate, one core, CT, against dicognito", theirs / ours, 20),
        at_least("the same", count / ours, 300, "instances/s"),
    ]


def measure(profile: str, originals: list[bytes], harvest: Harvest) -> None:
    """Print the rows of one profile."""
    rules = Deidentifier(load(profile), bytes(32))
    published = row(f"de-identify, {profile}", originals, partial(outcome, rules))
    begun = time.process_time()
    gate = Gate(harvest, Permitted((readme(whole=False),), descriptors.vocabulary(), rules.days))
    print(f"{'make the gate':40} {1000 * (time.process_time() - begun):6.0f} ms a study")  # noqa: T201
    found = row(f"search, {profile}", [data for data in published if data], partial(gate.search, ""))
    print(f"{'findings':40} {sum(map(len, found)):6}")  # noqa: T201
    row(f"harvest, de-identify, search, {profile}", originals, partial(whole, Harvest({}), rules, gate, Alike()))


def files(folder: Path) -> list[bytes]:
    """Return the contents of the files below a folder."""
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


def outcome(rules: Deidentifier, data: bytes) -> bytes:
    """Return the published file; nothing for one that is left out."""
    result = rules.instance(pydicom.dcmread(BytesIO(data)))
    return to_part10(result.dataset) if isinstance(result, Kept) else b""


def whole(harvest: Harvest, rules: Deidentifier, gate: Gate, alike: Alike, data: bytes) -> bytes:
    """Do everything that is done to an instance between its arrival and the archive."""
    harvest.add(data)
    known = alike.follow(data)
    if known is not None:
        published = to_part10(known.dataset, known.header)
    else:
        original = pydicom.dcmread(BytesIO(data))
        result = rules.instance(original)
        assert isinstance(result, Kept)
        published = to_part10(result.dataset)
        alike.learn(data, original, result.dataset, rules, face=False)
    gate.search("", published)
    return published


def row(name: str, data: Sequence[bytes], step: Callable[[bytes], Result]) -> list[Result]:
    """Do the step for all and print how fast it was."""
    begun = time.process_time()
    results = [step(each) for each in data]
    spent = time.process_time() - begun
    size = sum(map(len, data)) / 1e6
    print(f"{name:40} {len(data) / spent:6.0f} instances/s {size / spent:6.0f} MB/s")  # noqa: T201
    return results


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
