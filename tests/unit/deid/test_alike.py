"""An instance that is like one before it comes out as the rules would have it, byte for byte, or is left to them."""

import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import BytesIO

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless
from tests.bench.deid import slices
from tests.peers.corpus import files
from tests.peers.corpus.files import Planted
from tests.peers.studies import make_study
from tests.unit.deid.corpus import KEY

from studypub.deid import elements, encode
from studypub.deid.alike import VARYING_TAGS, Alike
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load, names
from studypub.deid.walk import SHORT, NotWalkable, walk

OTHER = {
    "DA": b"20240229",
    "TM": b"235959.5",
    "DT": b"20240229120000",
    "DS": b"7.25",
    "IS": b"77",
    "UI": b"1.2.3.45.678",
}


class Publisher:
    """Publishes instances by the rules, and as those that are alike."""

    def __init__(self, profile: str = "second-opinion") -> None:
        self.deidentifier = Deidentifier(load(profile), KEY)
        self.alike = Alike()

    def by_rules(self, data: bytes, *, learn: bool = False) -> bytes | None:
        """Return what the rules make of it; None where it is left out."""
        original = pydicom.dcmread(BytesIO(data))
        outcome = self.deidentifier.instance(original)
        if not isinstance(outcome, Kept):
            return None
        if learn:
            self.alike.learn(data, original, outcome.dataset, self.deidentifier, face=False)
        return encode.to_part10(outcome.dataset)

    def followed(self, data: bytes) -> bytes | None:
        """Return what is made of it as one that is alike, None where it is not."""
        found = self.alike.follow(data)
        return None if found is None else encode.to_part10(found.dataset)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with warnings.catch_warnings(action="ignore"):
        yield


@pytest.fixture(scope="module", params=[4, pytest.param(1, marks=pytest.mark.long)], ids=["some", "all"])
def corpus(request: pytest.FixtureRequest) -> list[Planted]:
    """Files whose frames are not told by a value that varies from image to image, which are left to the rules."""
    publishable = [each for each in files.all_of_them() if each.publishable]
    return [replace(each, content=without_pointer(each.content)) for each in publishable[:: request.param]]


def written(dataset: Dataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def without_pointer(data: bytes) -> bytes:
    """Return the file without FrameIncrementPointer."""
    found = [each for each in walk(data).elements if each.tag == 0x00280009] if _is_walkable(data) else []
    return data[: found[0].low - 8] + data[found[0].high :] if found else data


def spliced(data: bytes, values: dict[int, bytes]) -> bytes:
    """Return the file with other values for the elements that it has of them."""
    walked = walk(data)
    for element in reversed(walked.elements):
        if element.tag in values and not element.delimited and element.vr != b"SQ":
            value = values[element.tag] + b" " * (len(values[element.tag]) % 2)
            width = 2 if element.vr in SHORT else 4
            length = len(value).to_bytes(width, "little")
            data = data[: element.low - width] + length + value + data[element.high :]
    return data


@pytest.mark.parametrize("profile", names())
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("modality", ["CT", "MR", "CR"])
def test_a_series_is_worked_out_once(profile: str, syntax: pydicom.uid.UID, modality: str) -> None:
    publisher = Publisher(profile)
    first, *rest = make_study(
        patient_id="1", accession_number="A", modality=modality, transfer_syntax=syntax, instances=12
    )
    publisher.by_rules(written(first), learn=True)
    for each in rest:
        data = written(each)
        found = publisher.alike.follow(data)
        assert found is not None
        assert encode.to_part10(found.dataset) == publisher.by_rules(data) is not None
        assert found.dataset.file_meta.MediaStorageSOPInstanceUID == found.dataset.SOPInstanceUID


def test_real_headers_with_private_elements() -> None:
    publisher = Publisher()
    first, *rest = slices(4)
    publisher.by_rules(first, learn=True)
    for data in rest:
        found = publisher.alike.follow(data)
        assert found is not None
        by_rules = publisher.by_rules(data)
        assert by_rules is not None
        assert by_rules.startswith(found.header)
        assert encode.to_part10(found.dataset) == by_rules


def test_every_file_of_the_corpus_follows_itself_and_whatever_varies(corpus: list[Planted]) -> None:
    publishers = [Publisher(name) for name in names()]
    followed = varied = 0
    for number, each in enumerate(corpus):
        publisher = publishers[number % len(publishers)]
        if publisher.by_rules(each.content, learn=True) is None or not _is_walkable(each.content):
            continue
        followed += publisher.followed(each.content) == publisher.by_rules(each.content)
        data = spliced(each.content, {tag: OTHER.get(dictionary_VR(tag), b"\1\2\3\4") for tag in VARYING_TAGS})
        found = publisher.followed(data)
        assert found in {None, publisher.by_rules(data)}, each.path
        varied += found is not None
    assert followed > len(corpus) // 4
    assert varied > len(corpus) // 8


def _is_walkable(data: bytes) -> bool:
    try:
        walk(data)
    except NotWalkable:
        return False
    return True


def test_whatever_is_changed_is_seen_or_comes_out_as_by_the_rules(corpus: list[Planted]) -> None:
    """A rule may look at other elements than its own: of those no change may be overlooked."""
    rng = random.Random(5)
    for each in corpus:
        if not _is_walkable(each.content):
            continue
        publisher = Publisher(rng.choice(names()))
        publisher.by_rules(each.content, learn=True)
        walked = walk(each.content)
        for element in rng.sample(walked.elements, min(12, len(walked.elements))):
            if element.low == element.high:
                continue
            data = bytearray(each.content)
            place = rng.randrange(element.low, element.high)
            data[place] = rng.choice(b"0123456789ABCN\\ ^\0\xff")
            found = publisher.followed(bytes(data))
            if found is not None:
                assert found == publisher.by_rules(bytes(data)), hex(element.tag)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(sorted(VARYING_TAGS)), st.binary(max_size=40)), max_size=6))
def test_values_of_any_sort_may_vary(changes: list[dict[int, bytes]]) -> None:
    publisher = Publisher()
    (original,) = make_study(patient_id="1", accession_number="A", instances=1)
    for tag in VARYING_TAGS:
        if tag not in original:
            original.add_new(tag, dictionary_VR(tag)[:2], None)
    data = written(original)
    publisher.by_rules(data, learn=True)
    for change in changes:
        other = spliced(data, change)
        found = publisher.followed(other)
        assert found in {None, publisher.by_rules(other, learn=found is None)}
        assert found is not None or 0x00080018 in change


def code(value: str, scheme: str) -> Dataset:
    found = Dataset()
    found.CodeValue, found.CodingSchemeDesignator, found.CodeMeaning = value, scheme, f"{value} Петров"
    return found


UIDS = ["1.2.3.4.5", "1.2.3.4.55", "1.2.840.10008.1.2", ["1.2.3.4.5", "1.2.3.4.6"], "", None]
CODES = [code("121322", "DCM"), code("1", "99LOCAL")]
references = st.fixed_dictionaries(
    {
        "ReferencedSOPClassUID": st.sampled_from(["1.2.840.10008.5.1.4.1.1.2", "1.2.3.9"]),
        "ReferencedSOPInstanceUID": st.sampled_from(UIDS),
    },
    optional={
        "ReferencedFrameNumber": st.sampled_from(["1", ["1", "2"]]),
        "PurposeOfReferenceCodeSequence": st.lists(st.sampled_from(CODES), max_size=2),
        "PatientID": st.just("Петров"),
    },
)


def referring(original: Dataset, *sequences: Sequence[Mapping[str, object]], is_open: bool) -> bytes:
    """Return the file of an instance with these items in its sequences, whose lengths are not said where `is_open`."""
    for keyword, items in zip(("ReferencedImageSequence", "SourceImageSequence"), sequences, strict=True):
        made = []
        for values in items:
            made.append(Dataset())
            for name, value in values.items():
                setattr(made[-1], name, value)
            made[-1].is_undefined_length_sequence_item = is_open
        setattr(original, keyword, made)
        original[keyword].is_undefined_length = is_open
    return written(original)


@given(
    st.lists(st.tuples(*[st.lists(references, max_size=3)] * 2, st.integers(0, 9)), min_size=2, max_size=5),
    st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian]),
    st.sampled_from(names()),
)
def test_items_of_any_sort_may_vary(
    instances: list[tuple[list[dict[str, object]], list[dict[str, object]], int]], syntax: pydicom.uid.UID, profile: str
) -> None:
    publisher = Publisher(profile)
    study = make_study(patient_id="1", accession_number="A", instances=len(instances), transfer_syntax=syntax)
    for number, (original, (one, other, chance)) in enumerate(zip(study, instances, strict=True)):
        data = referring(original, one, other, is_open=not chance)
        found = publisher.followed(data)
        assert found in {None, publisher.by_rules(data, learn=number == 0)}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_items_that_differ_in_uids_are_not_read_by_the_library(
    syntax: pydicom.uid.UID, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = Publisher()
    study = make_study(patient_id="1", accession_number="A", instances=4, transfer_syntax=syntax)
    kinds = {"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, {"ReferencedFrameNumber": "2"}
    files = []
    for number, original in enumerate(study):
        uid = "1.2" * (number + 1)
        items = ([{**kind, "ReferencedSOPInstanceUID": uid}] * (number + 1) for kind in kinds)
        files.append(referring(original, *items, is_open=False))
    publisher.by_rules(files[0], learn=True)
    publisher.followed(files[1])
    wanted = [publisher.by_rules(data) for data in files[2:]]
    monkeypatch.setattr(elements, "items", None)
    assert [publisher.followed(data) for data in files[2:]] == wanted


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_no_byte_of_an_item_is_overlooked(syntax: pydicom.uid.UID) -> None:
    publisher = Publisher()
    study = make_study(patient_id="1", accession_number="A", instances=2, transfer_syntax=syntax)
    items = [{"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": "1.2"}] * 2
    one, data = (referring(original, items, [], is_open=False) for original in study)
    publisher.by_rules(one, learn=True)
    assert publisher.followed(data) == publisher.by_rules(data)
    (found,) = (each for each in walk(data).elements if each.tag == 0x00081140)
    for place in range(found.low, found.high):
        for changed in {data[place] ^ 1, 0xDD, 0}:
            other = data[:place] + bytes([changed]) + data[place + 1 :]
            assert publisher.followed(other) in {None, publisher.by_rules(other)}, (place - found.low, changed)


def test_another_patient_is_not_alike() -> None:
    publisher = Publisher()
    one, other = (make_study(patient_id=number, accession_number="A", instances=1)[0] for number in "12")
    publisher.by_rules(written(one), learn=True)
    assert publisher.followed(written(other)) is None


def test_a_name_in_a_private_element_is_not_overlooked() -> None:
    """Names are kept out of descriptions, wherever they stand."""
    publisher = Publisher()
    one, other = make_study(patient_id="1", accession_number="A", instances=2)
    for each, name in ((one, "Петров"), (other, "Колено")):
        each.SeriesDescription = "Колено"
        each.private_block(0x0099, "NAMES", create=True).add_new(1, "PN", name)
    publisher.by_rules(written(one), learn=True)
    data = written(other)
    assert publisher.followed(data) is None
    by_rules = publisher.by_rules(data)
    assert by_rules is not None
    assert "Колено".encode() not in by_rules


def test_pixels_that_are_not_whole_are_left_to_the_rules() -> None:
    publisher = Publisher()
    one, other = make_study(patient_id="1", accession_number="A", instances=2)
    other.PixelData = other.PixelData[:100]
    publisher.by_rules(written(one), learn=True)
    assert publisher.followed(written(other)) is None


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("cut", [1, 2, 7, 8, 9, 30])
def test_a_file_that_is_cut_off_is_left_to_the_rules(syntax: pydicom.uid.UID, cut: int) -> None:
    publisher = Publisher()
    one, other = make_study(patient_id="1", accession_number="A", instances=2, transfer_syntax=syntax)
    publisher.by_rules(written(one), learn=True)
    assert publisher.followed(written(other)[:-cut]) is None


def test_series_come_in_turn() -> None:
    publisher = Publisher()
    series = [make_study(patient_id="1", accession_number="A", seed=seed, instances=3) for seed in range(3)]
    for number in range(3):
        for each in series:
            data = written(each[number])
            found = publisher.followed(data)
            assert (found is not None) == (number > 0)
            assert found in {None, publisher.by_rules(data, learn=found is None)}


def test_no_pixels_are_kept() -> None:
    publisher = Publisher()
    data = written(make_study(patient_id="1", accession_number="A", instances=1)[0])
    original = pydicom.dcmread(BytesIO(data))
    outcome = publisher.deidentifier.instance(original)
    assert isinstance(outcome, Kept)
    publisher.alike.learn(data, original, outcome.dataset, publisher.deidentifier, face=False)
    assert "PixelData" not in original
