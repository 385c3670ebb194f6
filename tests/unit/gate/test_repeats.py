"""Files that are alike are gone through faster, and nothing is overlooked by it."""

import os
import tracemalloc
from functools import cache
from io import BytesIO
from mmap import ACCESS_READ, mmap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from tests.bench.deid import slices
from tests.peers.studies import make_study
from tests.unit.gate.planting import SECRET_ACCESSION, SECRET_ID, element, part10

from studypub.deid.encode import to_part10
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load
from studypub.gate.clues import Permitted
from studypub.gate.elements import NotWalkable, walk
from studypub.gate.gate import Gate
from studypub.gate.harvest import Harvest, Harvested
from studypub.gate.repeats import Repeats

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless)
# Where in the file a value is put in place of another, in thousandths; and the value.
Change = tuple[int, bytes]
PLANTED = [SECRET_ID, SECRET_ACCESSION, "Ковалевская", "KOVALEVSKAYA", "1", "", "03.02.2025", "x" * 600]
changes = st.lists(
    st.tuples(
        st.integers(0, 999), st.one_of(st.sampled_from([each.encode() for each in PLANTED]), st.binary(max_size=30))
    ),
    max_size=3,
)


@cache
def originals(syntax: UID) -> list[bytes]:
    made = make_study(patient_id=SECRET_ID, accession_number=SECRET_ACCESSION, instances=3, transfer_syntax=syntax)
    return [written(each) for each in made]


def written(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@cache
def published(syntax: UID) -> list[bytes]:
    rules = Deidentifier(load("second-opinion"), bytes(32))
    study = make_study(patient_id=SECRET_ID, accession_number=SECRET_ACCESSION, instances=3, transfer_syntax=syntax)
    outcomes = [rules.instance(each) for each in study]
    return [to_part10(outcome.dataset) for outcome in outcomes if isinstance(outcome, Kept)]


def changed(data: bytes, several: list[Change]) -> bytes:
    """Return the file with other values in some places, their lengths mended as a writer would."""
    for place, value in several:
        elements = [each for each in walk(data).elements if each[3] - each[2] < 600]
        _, _, low, high = elements[place * len(elements) // 1000]
        padded = value + b" " * (len(value) % 2)
        for width in (2, 4):
            if data[low - width : low] == (high - low).to_bytes(width, "little") and len(padded) < 1 << 8 * width:
                data = data[: low - width] + len(padded).to_bytes(width, "little") + padded + data[high:]
                break
    return data


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SYNTAXES), st.lists(changes, min_size=1, max_size=6))
def test_as_much_is_harvested_as_from_each_by_itself(syntax: UID, several: list[list[Change]]) -> None:
    files = list(originals(syntax))
    for number, change in enumerate(several):
        try:
            files.append(changed(files[number % 3], change))
        except (NotWalkable, IndexError):
            continue
    together = Harvest({})
    taken = [together.add(each) for each in files]
    apart: dict[Harvested, object] = {}
    for each, expected in zip(files, taken, strict=True):
        alone = Harvest({})
        assert alone.add(each) is expected
        for key, origin in alone.values():
            apart.setdefault(key, origin)
    assert dict(together.values()) == apart


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(SYNTAXES), st.lists(changes, min_size=1, max_size=6))
def test_as_much_is_found_as_in_each_by_itself(syntax: UID, several: list[list[Change]]) -> None:
    warm = gate()
    for number, change in enumerate([[], [], [], *several]):
        try:
            data = changed(published(syntax)[number % 3], change)
        except (NotWalkable, IndexError):
            continue
        assert warm.search("", data) == cold(data)


@cache
def gate_harvest() -> Harvest:
    harvest = Harvest({"patient_id": SECRET_ID, "accession_number": SECRET_ACCESSION})
    for each in originals(ExplicitVRLittleEndian):
        harvest.add(each)
    return harvest


def gate() -> Gate:
    return Gate(gate_harvest(), Permitted(days=Deidentifier(load("second-opinion"), bytes(32)).days))


def cold(data: bytes) -> list[object]:
    """Search as a gate does that has seen nothing before."""
    fresh = shared_gate()
    fresh._layouts = type(fresh._layouts)()
    return list(fresh.search("", data))


@cache
def shared_gate() -> Gate:
    return gate()


def test_only_what_differs_is_told() -> None:
    repeats = Repeats()
    first, second, third = slices(3)
    for each in (first, second):
        assert repeats.new_in(each) is None
        repeats.remember(each, walk(each))
    new = repeats.new_in(third)
    assert new is not None
    told = {tag: third[low:high] for tag, _, low, high in new}
    assert told[0x00080018] == next(third[low:high] for tag, _, low, high in walk(third).elements if tag == 0x00080018)
    assert 0x7FE00010 in told
    assert len(told) < 8


@pytest.mark.parametrize("cut", [1, 7, 600])
def test_a_file_that_is_cut_off_is_not_like_another(cut: int) -> None:
    repeats = Repeats()
    for each in slices(2):
        repeats.remember(each, walk(each))
    (whole,) = slices(1)
    assert repeats.new_in(whole) is not None
    assert repeats.new_in(whole[:-cut]) is None
    assert repeats.new_in(whole + bytes(cut)) is None


def test_f50_a_long_file_that_begins_like_a_short_one_is_not_copied(tmp_path: Path) -> None:
    harvest = Harvest({})
    short = [part10(element(0x00100020, "LO", name), element(0x00204000, "LT", "the same")) for name in ("A1", "B1")]
    path = tmp_path / "long"
    path.write_bytes(short[0])
    os.truncate(path, 1 << 26)
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        assert all(map(harvest.add, short))
        tracemalloc.start()
        harvest._repeats.new_in(content)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1 << 20
