"""The identifiers at the head of a data set, whatever comes before them and in whatever pieces it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from tests.peers.listener import encoded, header
from tests.peers.studies import make_study

from studypub.dicom.header import SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID, Header, Unreadable

(INSTANCE,) = make_study(patient_id="P1", accession_number="A1", seed=1, instances=1)
TAGS = (SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID)
ITS_UIDS = [INSTANCE.SOPClassUID, INSTANCE.SOPInstanceUID, INSTANCE.StudyInstanceUID]


def nested(*, undefined: bool) -> Dataset:
    """Return the instance with other UIDs in sequences that come first."""
    instance = Dataset()
    instance.update(INSTANCE)
    inner, outer = Dataset(), Dataset()
    inner.StudyInstanceUID, inner.SOPInstanceUID = "1.2.99", "1.2.98"
    outer.ReferencedSOPSequence = Sequence([inner, inner])
    outer.SOPClassUID = "1.2.97"
    instance.ReferencedSeriesSequence = Sequence([outer, Dataset()])
    for sequence in (instance["ReferencedSeriesSequence"], outer["ReferencedSOPSequence"]):
        sequence.is_undefined_length = undefined
        for item in sequence.value:
            item.is_undefined_length_sequence_item = undefined
    return instance


def uids(content: bytes, *, implicit: bool, sizes: list[int] | None = None) -> list[str]:
    """Read what comes in pieces of these sizes, then the rest."""
    reader, at = Header(implicit=implicit), 0
    for size in sizes or []:
        at += size
        if reader.read(content[:at]):
            break
    else:
        assert reader.read(content)
    return [reader.uid(tag) for tag in TAGS]


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_before_them_are_passed(implicit: bool, undefined: bool) -> None:
    content = encoded(nested(undefined=undefined), implicit=implicit)
    assert uids(content, implicit=implicit) == ITS_UIDS
    assert uids(content, implicit=not implicit) == ITS_UIDS  # the transfer syntax is wrong: what is written counts


@given(sizes=st.lists(st.integers(0, 300), max_size=40), implicit=st.booleans(), undefined=st.booleans())
def test_pieces_make_no_difference(sizes: list[int], implicit: bool, undefined: bool) -> None:
    assert uids(encoded(nested(undefined=undefined), implicit=implicit), implicit=implicit, sizes=sizes) == ITS_UIDS


def test_what_is_unknown_may_hold_a_sequence_in_implicit_vr() -> None:
    """PS3.5 6.2.2: in an UN of undefined length, nothing says its VR."""
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + b"\x08\x00\x18\x00\x04\0\0\0" + b"1.99" + b"\xfe\xff\x0d\xe0\0\0\0\0"
    unknown = b"\x08\x00\x15\x00UN\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    content = unknown + header("1.2.5", "1.2.4") + b"\x20\x00\x0e\x00UI\x04\x001.2\0"
    assert uids(content, implicit=False) == ["1.2.840.10008.5.1.4.1.1.2", "1.2.4", "1.2.5"]


def test_what_it_does_not_say_is_empty() -> None:
    reader = Header(implicit=False)
    assert reader.read(b"\x20\x00\x0e\x00UI\x04\x001.2\0")
    assert [reader.uid(tag) for tag in TAGS] == ["", "", ""]


@pytest.mark.parametrize(
    "content",
    [
        header("1.2.5", "1.2.4") + header("1.2.6", "1.2.4"),
        header("1.2.5", "1.2.4")[:-14] + b"\x20\x00\x0d\x00UI\x02\x01" + b"1" * 258,
        b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff" * 100,
        b"\x08\x00\x05\x00CS\0\0" * 200_002,
    ],
    ids=["two studies", "a long UID", "deep", "many"],
)
def test_bad_faith(content: bytes) -> None:
    with pytest.raises(Unreadable):
        Header(implicit=False).read(content)


@given(content=st.binary(max_size=2000), implicit=st.booleans())
def test_x47_any_bytes_are_read_or_refused(content: bytes, implicit: bool) -> None:
    reader = Header(implicit=implicit)
    try:
        for end in range(0, len(content), 97):
            reader.read(content[:end])
    except Unreadable:
        return
    assert all(len(reader.uid(tag)) <= 256 for tag in TAGS)
