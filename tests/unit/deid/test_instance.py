import tracemalloc
from datetime import datetime
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from tests.peers import large
from tests.unit.deid import corpus
from tests.unit.deid.corpus import image, leaks, planted, published, reopened, run

from studypub.deid import codes, elements, encode, tables
from studypub.deid.field import removed
from studypub.deid.instance import Deidentifier, Kept, LeftOut
from studypub.deid.plan import compile_plan
from studypub.deid.profile import load
from studypub.deid.reasons import Reason

IMAGES = sorted({known.iod: uid for uid, known in tables.sop_classes().items() if known.iod}.items())


@pytest.mark.parametrize("profile", ["basic", "second-opinion"])
@pytest.mark.parametrize(("iod", "sop_class"), IMAGES)
def test_no_canary_comes_out_of_any_place_of_an_iod(iod: str, sop_class: str, profile: str) -> None:
    result = Deidentifier(load(profile), corpus.KEY).header(planted(iod, sop_class))
    assert isinstance(result, Kept)
    content = encode.to_part10(result.dataset)
    retained = {b"077Y", corpus.TIME.encode()} if profile == "second-opinion" else set()
    assert set(leaks(content)) <= retained
    assert pydicom.dcmread(BytesIO(content)).SOPClassUID == sop_class


# What may stand in place of a value: nothing, an empty value, a dummy, a new UID.
_WRITTEN: dict[str, set[str]] = {
    "X": set(),
    "U": {"2.25"},
    "Z": {"", "ANON"},
    "D": {"ANON", "1900"},
    "X/Z": {""},
    "X/D": {"", "ANON", "1900", "0000"},
    "Z/D": {"", "ANON", "1900", "0000"},
    "X/Z/D": {"", "ANON", "1900", "0000"},
}


@pytest.mark.parametrize("action", ["X", "Z", "D", "U", "X/Z", "X/D", "Z/D", "X/Z/D"])
def test_each_action_of_the_table_is_obeyed(action: str) -> None:
    original = image()
    rows = {tag: row for tag, row in tables.confidentiality().items() if row.actions["basic"] == action}
    values = {tag: row for tag, row in rows.items() if row.vr not in {"", "SQ"} and tag >> 16 not in {0, 2, 4}}
    for tag, row in values.items():
        original[tag] = elements.raw(tag, row.vr[-2:], corpus.canary(row.vr))
    result = Deidentifier(load("basic"), corpus.KEY).header(original)
    assert isinstance(result, Kept)
    found = {tag: result.dataset[tag] for tag in values if tag in result.dataset}
    assert leaks(encode.to_part10(result.dataset)) == []
    written = {str(element.value)[:4] for element in found.values()}
    assert written <= _WRITTEN[action]


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        (0x00080020, ""),  # StudyDate: Z, Type 2
        (0x00081010, None),  # StationName: X/Z/D, Type 3
        (0x00080050, ""),  # AccessionNumber: Z, Type 2
        (0x00101010, None),  # PatientAge: X
        (0x00081030, None),  # StudyDescription: X
        (0x00080080, None),  # InstitutionName: X/Z/D, Type 3
        (0x00080090, ""),  # ReferringPhysicianName: Z, Type 2
    ],
)
def test_a_compound_action_follows_the_type(tag: int, written: str | None) -> None:
    original = image()
    original[tag] = elements.raw(tag, corpus.vr_of(tag), corpus.canary(corpus.vr_of(tag)))
    new = reopened(original)
    assert (new[tag].value if tag in new else None) == written


def test_type_1_attributes_get_a_dummy() -> None:
    plan = compile_plan(load("basic"), "enhanced-ct-image")
    assert plan.fields[0x00181000].type == "1"
    original = image("1.2.840.10008.5.1.4.1.1.2.1")
    original.DeviceSerialNumber = corpus.WORD
    assert reopened(original).DeviceSerialNumber == "ANON"


def test_the_original_stays_as_it_is() -> None:
    original = planted("ct-image", corpus.CT)
    before = b"".join(encode._level(original))
    published(original)
    assert b"".join(encode._level(original)) == before


def test_the_patient_is_the_same_in_all_instances_and_another_with_another_key() -> None:
    one, two = reopened(image()), reopened(image(corpus.MR, modality="MR"))
    assert one.PatientID == one.PatientName == two.PatientID
    assert one.PatientID.startswith("ANON-")
    other = Deidentifier(load("basic"), bytes(32)).instance(image())
    assert isinstance(other, Kept)
    assert other.dataset.PatientID != one.PatientID


def test_the_result_says_what_was_done() -> None:
    new = reopened(image())
    assert new.PatientIdentityRemoved == "YES"
    assert new.LongitudinalTemporalInformationModified == "REMOVED"
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == ["113100"]
    assert new.SpecificCharacterSet == "ISO_IR 192"
    assert "basic" in new.DeidentificationMethod


def test_the_senders_own_claims_are_not_kept() -> None:
    original = image()
    original.DeidentificationMethod = corpus.WORD
    original.PatientIdentityRemoved = "NO"
    assert leaks(published(original)) == []


def test_for_a_second_opinion_what_matters_stays() -> None:
    original = image()
    original.PatientSex, original.PatientAge, original.PatientWeight = "F", "093Y", "61.5"
    original.PatientBirthDate, original.EthnicGroup = "19300101", corpus.WORD
    original.SeriesDate, original.StudyDate = "20240303", "20240301"
    original.SeriesDescription = f"T2 TSE sag {corpus.WORD}"
    new = reopened(original, "second-opinion")
    assert (new.PatientSex, new.PatientAge, new.PatientWeight) == ("F", "090Y", 61.5)
    assert new.PatientBirthDate == ""
    assert "EthnicGroup" not in new
    assert new.SeriesDescription == "T2 TSE sag"
    assert new.StudyDate != "20240301"
    apart = datetime.strptime(new.SeriesDate, "%Y%m%d") - datetime.strptime(new.StudyDate, "%Y%m%d")  # noqa: DTZ007
    assert apart.days == 2
    assert new.LongitudinalTemporalInformationModified == "MODIFIED"
    assert [item.CodeValue for item in new.DeidentificationMethodCodeSequence] == [
        "113100", "113108", "113107", "113105",
    ]  # fmt: skip


def test_what_is_rescaled_keeps_a_type_in_every_kind_of_image() -> None:
    for sop_class in (corpus.CT, "1.2.840.10008.5.1.4.1.1.481.2", "1.2.840.10008.5.1.4.1.1.20"):
        original = image(sop_class)
        original.RescaleSlope, original.RescaleIntercept, original.RescaleType = 2, 0, corpus.WORD
        assert reopened(original).RescaleType == "US"


class TestUids:
    def test_the_same_uid_becomes_the_same_at_every_depth(self) -> None:
        original = image()
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = corpus.CT, original.SOPInstanceUID
        original.ReferencedImageSequence = Sequence([reference])
        new = reopened(original)
        assert new.ReferencedImageSequence[0].ReferencedSOPInstanceUID == new.SOPInstanceUID
        assert new.file_meta.MediaStorageSOPInstanceUID == new.SOPInstanceUID
        assert new.SOPInstanceUID == Deidentifier(load("basic"), corpus.KEY).uid(original.SOPInstanceUID)

    def test_new_uids_are_valid_and_differ(self) -> None:
        deidentifier = Deidentifier(load("basic"), corpus.KEY)
        new = {deidentifier.uid(f"1.2.3.{number}") for number in range(500)}
        assert len(new) == 500
        assert all(pydicom.uid.UID(uid).is_valid and uid.startswith("2.25.") for uid in new)

    def test_the_standards_own_uids_stay(self) -> None:
        original = image()
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = corpus.CT, "1.2.3"
        original.ReferencedImageSequence = Sequence([reference])
        original.FrameOfReferenceUID = "1.2.840.10008.1.4.1.1"  # Talairach Brain Atlas, PS3.6 Table A-2
        new = reopened(original)
        assert new.SOPClassUID == corpus.CT
        assert new.ReferencedImageSequence[0].ReferencedSOPClassUID == corpus.CT
        assert new.FrameOfReferenceUID == "1.2.840.10008.1.4.1.1"

    def test_a_reference_of_an_unknown_class_goes(self) -> None:
        original = image()
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = f"{corpus.ROOT}.9", "1.2.3"
        original.ReferencedImageSequence = Sequence([reference])
        assert "ReferencedImageSequence" not in reopened(original)


class TestCodes:
    def coded(self, value: str, scheme: str) -> FileDataset:
        original = image()
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, corpus.WORD
        original.AnatomicRegionSequence = Sequence([item])
        return reopened(original)

    def test_a_meaning_is_written_from_the_standard(self) -> None:
        item = self.coded("51185008", "SCT").AnatomicRegionSequence[0]
        assert (item.CodeValue, item.CodeMeaning) == ("51185008", "Thoracic structure")

    def test_an_old_snomed_code_is_known(self) -> None:
        assert self.coded("T-D3000", "SRT").AnatomicRegionSequence[0].CodeMeaning == "Thoracic structure"

    @pytest.mark.parametrize(("value", "scheme"), [("K-17", "99CLINIC"), ("51185008", "99CLINIC"), ("X", "SCT")])
    def test_a_code_of_a_site_goes(self, value: str, scheme: str) -> None:
        assert "AnatomicRegionSequence" not in self.coded(value, scheme)

    def test_the_stand_in_is_a_short_code(self) -> None:
        assert len(codes.OTHER[0]) <= 16


class TestContainer:
    def test_the_meta_is_our_own(self) -> None:
        original = image()
        original.preamble = corpus.WORD.encode().ljust(128)
        original.file_meta.SourceApplicationEntityTitle = corpus.WORD
        original.file_meta.PrivateInformationCreatorUID = pydicom.uid.UID(f"{corpus.ROOT}.1")
        original.file_meta.PrivateInformation = corpus.WORD.encode()
        content = published(original)
        assert content[:128] == bytes(128)
        assert leaks(content) == []
        meta = pydicom.dcmread(BytesIO(content)).file_meta
        assert meta.ImplementationVersionName == "STUDYPUB"
        assert meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian

    @pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
    def test_other_codings_come_out_as_explicit_little_endian(self, syntax: pydicom.uid.UID) -> None:
        original = image()
        original.PixelPaddingValue = 0x1234
        nested = Dataset()
        nested.ReferencedSOPClassUID, nested.ReferencedSOPInstanceUID = corpus.CT, f"{corpus.ROOT}.4"
        nested.ReferencedFrameNumber = 3
        original.ReferencedImageSequence = Sequence([nested])
        original.file_meta.TransferSyntaxUID = syntax
        if syntax == ExplicitVRBigEndian:
            original["PixelData"].value = b"\2\1\4\3\6\5\x08\7"
        received = BytesIO()
        pydicom.dcmwrite(
            received,
            original,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian,
            force_encoding=True,
        )
        received.seek(0)
        new = reopened(pydicom.dcmread(received, force=True))
        assert new.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        assert new == reopened(_with_little_endian_pixels(original))
        assert new.PixelPaddingValue == 0x1234
        assert new.PixelData == b"\1\2\3\4\5\6\7\x08"

    def test_compressed_pixels_pass_as_they_are(self) -> None:
        original = image()
        original.file_meta.TransferSyntaxUID = RLELossless
        frame = b"\2\0\0\0\x40\0\0\0\x46\0\0\0".ljust(64, b"\0") + b"\3\1\2\3\4\0\3\5\6\7\x08\0"
        original.PixelData = encapsulate([frame])
        original["PixelData"].VR = "OB"
        original["PixelData"].is_undefined_length = True
        new = reopened(original)
        assert new.file_meta.TransferSyntaxUID == RLELossless
        assert new.PixelData == original.PixelData

    def test_compressed_pixels_under_a_native_syntax_are_broken(self) -> None:
        original = image()
        original.PixelData = encapsulate([corpus.WORD.encode() * 10])
        original["PixelData"].is_undefined_length = True
        assert run(original) == LeftOut(Reason.BROKEN)

    def test_a_coding_that_is_not_known_is_left_out(self) -> None:
        original = image()
        original.file_meta.TransferSyntaxUID = pydicom.uid.UID("1.2.840.113619.5.2")
        assert run(original) == LeftOut(Reason.UNSUPPORTED_CODING)

    def test_pixels_that_are_not_encapsulated_as_they_claim_are_broken(self) -> None:
        original = image()
        original.file_meta.TransferSyntaxUID = JPEG2000Lossless
        assert run(original) == LeftOut(Reason.BROKEN)


def _with_little_endian_pixels(original: FileDataset) -> FileDataset:
    original.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    original["PixelData"].value = b"\1\2\3\4\5\6\7\x08"
    return original


class TestPixels:
    def test_bytes_behind_the_last_pixel_are_cut(self) -> None:
        original = image()
        original["PixelData"].value += corpus.WORD.encode() + b"!"
        assert reopened(original).PixelData == b"\1\2\3\4\5\6\7\x08"

    def test_missing_pixels_make_a_broken_object(self) -> None:
        original = image()
        original["PixelData"].value = b"\1\2"
        assert run(original) == LeftOut(Reason.BROKEN)

    def test_overlay_groups_go(self) -> None:
        original = image()
        for tag, vr, value in (
            (0x60000010, "US", b"\2\0"),
            (0x60000022, "LO", corpus.WORD.encode()),
            (0x60003000, "OW", corpus.WORD.encode()),
            (0x601E3000, "OW", corpus.WORD.encode()),
            (0x50003000, "OW", corpus.WORD.encode()),
        ):
            original[tag] = elements.raw(tag, vr, value)
        new = reopened(original)
        assert not [element.tag for element in new if element.tag.group >> 8 in {0x50, 0x60}]

    def test_unused_bits_are_cleared(self) -> None:
        original = image()
        original["PixelData"].value = np.array([0xF123, 0x0456, 0x8789, 0x0FFF], "<u2").tobytes()
        assert np.frombuffer(reopened(original).PixelData, "<u2").tolist() == [0x123, 0x456, 0x789, 0xFFF]

    def test_low_bits_that_no_sample_uses_are_cleared(self) -> None:
        original = image()
        original.HighBit = 15
        original["PixelData"].value = np.array([0x1231, 0x4560, 0x789F, 0xFFF1], "<u2").tobytes()
        assert np.frombuffer(reopened(original).PixelData, "<u2").tolist() == [0x1230, 0x4560, 0x7890, 0xFFF0]

    def test_signed_samples_keep_their_sign(self) -> None:
        original = image()
        original.PixelRepresentation = 1
        original["PixelData"].value = np.array([-1000, 1000, -1, 5], "<i2").tobytes()
        assert reopened(original).PixelData == original.PixelData

    def test_samples_outside_the_range_stay_if_they_are_padding(self) -> None:
        original = image()
        original.PixelPaddingValue = 0xF830
        original["PixelData"].value = np.array([0xF830, 1, 2, 0xF831], "<u2").tobytes()
        assert np.frombuffer(reopened(original).PixelData, "<u2").tolist() == [0xF830, 1, 2, 0x831]

    def test_float_pixels_pass(self) -> None:
        original = image("1.2.840.10008.5.1.4.1.1.30", modality="MR")
        del original.PixelData, original.BitsAllocated
        original.BitsAllocated = 32
        original.FloatPixelData = np.arange(4, dtype="<f4").tobytes()
        assert reopened(original).FloatPixelData == original.FloatPixelData


class TestBroken:
    def test_integers_where_the_kind_of_object_has_floats_are_broken(self) -> None:
        original = image(corpus.HEIGHT_MAP, modality="SEG")
        assert reopened(original).FloatPixelData == original.FloatPixelData
        integers = image(corpus.DX)
        integers.SOPClassUID, integers.Modality = corpus.HEIGHT_MAP, "SEG"
        assert run(integers) == LeftOut(Reason.BROKEN)

    @pytest.mark.parametrize("missing", ["SOPClassUID", "SOPInstanceUID", "PixelData"])
    def test_an_object_without_what_it_must_have_is_broken(self, missing: str) -> None:
        original = image()
        delattr(original, missing)
        assert run(original) == LeftOut(Reason.BROKEN)

    def test_a_sequence_that_does_not_parse_breaks_the_object_not_the_program(self) -> None:
        original = image()
        original[0x00081140] = elements.raw(0x00081140, "SQ", b"\x01\x02\x03\x04\x05\x06")
        assert run(original) == LeftOut(Reason.BROKEN)

    def test_a_value_under_a_wrong_vr_goes(self) -> None:
        original = image()
        original[0x00180050] = elements.raw(0x00180050, "OB", corpus.WORD.encode())
        assert reopened(original).SliceThickness is None


def test_nothing_passes_by_accident() -> None:
    plan = compile_plan(load("basic"), "ct-image")
    texts = [
        field
        for field in plan.fields.values()
        if field.vr in {"LO", "SH", "LT", "ST", "UT", "PN", "UC"} and field.rule is not removed
    ]
    assert {field.rule.__name__ for field in texts} <= {"rule", "patient", "emptied", "dummied"}


@pytest.mark.parametrize("name", ["ModalityLUTSequence", "VOILUTSequence"])
def test_a_lookup_table_that_cannot_pass_is_left_out_and_not_made_up(name: str) -> None:
    def with_table(descriptor: list[int], data: bytes) -> FileDataset:
        original, table = image(corpus.DX), Dataset()
        table.LUTDescriptor, table.ModalityLUTType, table.LUTData = descriptor, "US", data
        table["LUTDescriptor"].VR, table["LUTData"].VR = "US", "OW"
        setattr(original, name, Sequence([table]))
        return original

    data = bytes(range(8))
    assert reopened(with_table([4, 0, 16], data))[name].value[0].LUTData == data
    assert name not in reopened(with_table([4, 0, 16], data[:2]))
    assert name not in reopened(with_table([4, 0], data))


def test_colours_whose_palette_cannot_pass_are_broken() -> None:
    original = image("1.2.840.10008.5.1.4.1.1.6.1", modality="US")
    original.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        setattr(original, f"{colour}PaletteColorLookupTableDescriptor", [4, 0, 16])
        setattr(original, f"{colour}PaletteColorLookupTableData", bytes(range(8)))
    deidentifier = Deidentifier(load("basic"), corpus.KEY)
    assert isinstance(deidentifier.header(original), Kept)
    original["GreenPaletteColorLookupTableData"].value = bytes(2)
    assert deidentifier.header(original) == LeftOut(Reason.BROKEN)


def test_f50_the_functional_groups_of_many_frames_take_little_memory() -> None:
    """Four kilobytes a frame: as objects its elements would take sixteen."""
    frames = 200
    original = large.multi_frame(frames, side=2)
    original.PixelData = bytes(8 * frames)
    buffer = BytesIO()
    original.save_as(buffer, enforce_file_format=True)
    received = pydicom.dcmread(BytesIO(buffer.getvalue()))
    rules = Deidentifier(load("second-opinion"), corpus.KEY)
    rules.header(received)
    tracemalloc.start()
    result = rules.header(received)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(result, Kept)
    assert len(result.dataset.PerFrameFunctionalGroupsSequence) == frames
    assert peak < frames * 8 * 1024
