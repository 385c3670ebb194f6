import struct

import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from tests.unit.deid import corpus
from tests.unit.deid.corpus import WORD

from studypub.deid import icc
from studypub.deid.field import Context, Field
from studypub.deid.pseudonyms import Pseudonyms

FIELD = Field(0x00282000, "OB", "3", icc.rebuilt, None, needed=False, below=None, vm=1)


def rebuilt(value: bytes) -> bytes | None:
    return icc.rebuilt(FIELD, value, Dataset(), Context(Pseudonyms(bytes(32)), Dataset()))


def elements(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * index) for index in range(count)]
    return {name: profile[start : start + size] for name, start, size in entries}


def stuffed() -> bytes:
    """Return the profile of sRGB with a canary in its header, in an element of text and behind a curve's end."""
    found = elements(icc.srgb())
    found[b"rTRC"] += WORD.encode().ljust(12)
    found[b"dmnd"] = b"text\0\0\0\0" + WORD.encode() + b"\0"
    whole = bytearray(icc._profile(2, b"mntrRGB XYZ ", bytes(4), found))
    whole[80:84] = b"KANA"
    return bytes(whole) + WORD.encode()


def test_a_rebuilt_profile_keeps_its_colours_only() -> None:
    profile = rebuilt(stuffed())
    assert profile == icc.srgb()
    assert b"KANA" not in profile


def test_words_in_place_of_signatures_make_no_profile() -> None:
    for place in (12, 16, 20):
        whole = bytearray(icc.srgb())
        whole[place : place + 4] = b"ANNA"
        assert rebuilt(bytes(whole)) is None
    whole = bytearray(icc.srgb())
    whole[64:68] = b"ANNA"
    assert rebuilt(bytes(whole)) == icc.srgb()


def lookup(kind: bytes, entries: int = 2) -> bytes:
    """Return a table of three inputs, three outputs and a grid of two points (ICC.1 10.10, 10.11)."""
    head = kind + bytes(4) + bytes([3, 3, 2, 0]) + bytes(36)
    if kind == b"mft1":
        return head + bytes(3 * 256 + 2**3 * 3 + 3 * 256)
    return head + struct.pack(">HH", entries, entries) + bytes(2 * (3 * entries + 2**3 * 3 + 3 * entries))


@pytest.mark.parametrize("kind", [b"mft1", b"mft2"])
def test_a_table_is_cut_to_its_counts(kind: bytes) -> None:
    found = elements(icc.srgb()) | {b"A2B0": lookup(kind) + WORD.encode().ljust(12)}
    profile = rebuilt(icc._profile(2, b"mntrRGB XYZ ", bytes(4), found))
    assert profile is not None
    assert elements(profile)[b"A2B0"] == lookup(kind)


@pytest.mark.parametrize("kind", [b"mAB ", b"mBA "])
def test_a_table_with_text_in_place_of_numbers_goes(kind: bytes) -> None:
    text = f"{WORD} {WORD}, born 13.02.1937".encode()
    found = elements(icc.srgb()) | {b"A2B0": kind + bytes(4) + b"\3\3\0\0" + bytes(20) + text}
    assert b"A2B0" not in elements(rebuilt(icc._profile(2, b"mntrRGB XYZ ", bytes(4), found)) or b"")


def test_a_real_profile_is_understood() -> None:
    path = get_testdata_file("crayons.icc")
    assert path
    with open(path, "rb") as file:  # noqa: PTH123
        original = file.read()
    profile = rebuilt(original)
    assert profile is not None
    before, after = elements(original), elements(profile)
    kept = set(before) & set(after) - {b"desc", b"cprt"}
    assert {b"rXYZ", b"gXYZ", b"bXYZ", b"wtpt"} <= kept
    assert all(before[name].startswith(after[name]) for name in kept)
    assert int.from_bytes(profile[:4]) == len(profile)


@pytest.mark.parametrize("value", [b"", WORD.encode() * 30, bytes(36) + b"acsp" + bytes(88) + b"\xff" * 4])
def test_what_is_no_profile_goes(value: bytes) -> None:
    assert rebuilt(value) is None


def test_an_image_that_must_have_a_profile_gets_one() -> None:
    sop_class = "1.2.840.10008.5.1.4.1.1.77.1.6"
    original = corpus.image(sop_class, modality="SM")
    original.ImageType, original.SpecimenLabelInImage = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "NO"
    item = Dataset()
    item.OpticalPathIdentifier, item.ICCProfile = WORD, stuffed()
    original.OpticalPathSequence = [item]
    new = corpus.reopened(original).OpticalPathSequence[0]
    assert new.ICCProfile.rstrip(b"\0") == icc.srgb().rstrip(b"\0")
    assert new.OpticalPathIdentifier == "1"
