import struct
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.rle import _rle_decode_frame
from tests.unit.deid import corpus
from tests.unit.deid.corpus import WORD

from studypub.deid import codestream
from studypub.deid.instance import Deidentifier, Kept, LeftOut
from studypub.deid.profile import load
from studypub.deid.reasons import Reason

CANARY = WORD.encode()
COMPRESSED = [
    "693_J2KI.dcm", "GDCMJ2K_TextGBR.dcm", "J2K_pixelrep_mismatch.dcm", "JPEG-lossy.dcm", "JPEG2000.dcm",
    "JPEG2000-embedded-sequence-delimiter.dcm", "JPEGLSNearLossless_08.dcm", "JPEGLSNearLossless_16.dcm",
    "JPGExtended.dcm", "MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm", "SC_rgb_jls_lossy_line.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle_2frame.dcm",
    "SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_rle_32bit.dcm", "examples_jpeg2k.dcm", "rtdose_rle.dcm",
]  # fmt: skip


def frames(dataset: pydicom.Dataset) -> list[bytes]:
    return list(generate_frames(dataset.PixelData, number_of_frames=int(dataset.get("NumberOfFrames", 1) or 1)))


def sample(name: str) -> pydicom.FileDataset:
    return pydicom.dcmread(get_testdata_file(name) or "")


def jpeg(*extra: bytes) -> bytes:
    """Return a well-formed stream: quantization, frame header, a scan with stuffing and a restart marker."""
    segments = [segment(0xDB, b"\0" * 65), segment(0xC0, b"\x08\0\2\0\2\1\1\x11\0"), segment(0xDA, b"\1\1\0\0\x3f\0")]
    return b"".join([b"\xff\xd8", *extra, *segments, b"\1\xff\0\2\xff\xd0\3", b"\xff\xd9"])


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


@pytest.mark.parametrize("marker", [0xFE, *range(0xE0, 0xF0), *range(0xF0, 0xF7), *range(0xF9, 0xFE)])
def test_comments_and_application_segments_go(marker: int) -> None:
    assert codestream.jpeg(jpeg(segment(marker, CANARY))) == jpeg()


def test_a_segment_before_a_later_scan_goes_too() -> None:
    two = jpeg()[:-2] + segment(0xFE, CANARY) + segment(0xDA, b"\1\1\0\0\x3f\0") + b"\5\6\xff\xd9"
    assert codestream.jpeg(two) == two.replace(segment(0xFE, CANARY), b"")


def test_what_tells_the_colours_stays_without_what_hides_in_it() -> None:
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\1")
    assert codestream.jpeg(jpeg(adobe)) == jpeg(adobe)
    assert codestream.jpeg(jpeg(segment(0xEE, b"Adobe\0\x64\0\0\0\0\1" + CANARY))) == jpeg()
    jfif = segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0")
    assert codestream.jpeg(jpeg(segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\3\1" + CANARY))) == jpeg(jfif)


def test_bytes_behind_the_end_go() -> None:
    assert codestream.jpeg(jpeg() + CANARY) == jpeg()


def test_fill_bytes_before_a_marker_are_allowed() -> None:
    assert codestream.jpeg(jpeg(b"\xff\xff" + segment(0xFE, CANARY))) == jpeg()


@pytest.mark.parametrize("frame", [b"", CANARY, b"\xff\xd8", b"\xff\xd8\xff\xdb\xff\xff", b"\xff\xd8" + CANARY])
def test_what_is_no_jpeg_is_refused(frame: bytes) -> None:
    with pytest.raises((ValueError, IndexError)):
        codestream.jpeg(frame)


def j2k(main: bytes = b"", tile: bytes = b"", length: int | None = None) -> bytes:
    part = tile + b"\xff\x93" + b"\1\2\xff\x7f\3"
    told = len(part) + 12 if length is None else length
    start = b"\xff\x90" + struct.pack(">HHIBB", 10, 0, told, 0, 1)
    return b"\xff\x4f" + segment(0x51, b"\0" * 40) + main + segment(0x52, b"\0" * 8) + start + part + b"\xff\xd9"


def test_a_comment_of_the_main_header_goes() -> None:
    assert codestream.jpeg_2000(j2k(segment(0x64, b"\0\1" + CANARY))) == j2k()
    assert codestream.jpeg_2000(j2k(segment(0x7E, CANARY))) == j2k()


@pytest.mark.parametrize("length", [None, 0])
def test_a_comment_of_a_tile_part_is_blanked(length: int | None) -> None:
    cleaned = codestream.jpeg_2000(j2k(tile=segment(0x64, b"\0\1" + CANARY), length=length))
    assert cleaned == j2k(tile=segment(0x64, bytes(2 + len(CANARY))), length=length)


def test_boxes_around_the_code_stream_and_bytes_behind_go() -> None:
    boxed = b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I", 8 + len(CANARY)) + b"xml " + CANARY + j2k() + CANARY
    assert codestream.jpeg_2000(boxed) == j2k()


@pytest.mark.parametrize("frame", [b"", CANARY, b"\xff\x4f\xff\x51\xff\xff", j2k()[:60] + CANARY * 5])
def test_what_is_no_jpeg_2000_is_refused(frame: bytes) -> None:
    with pytest.raises((ValueError, struct.error, IndexError)):
        codestream.jpeg_2000(frame)


def packed(*segments: bytes) -> bytes:
    places = [64 + sum(len(each) for each in segments[:index]) for index in range(len(segments))]
    return struct.pack("<16I", len(segments), *places, *[0] * (15 - len(segments))) + b"".join(segments)


def test_rle_keeps_only_what_tells_samples() -> None:
    clean = packed(b"\2\1\2\3\xff\7\0\0"[:7] + b"\0", b"\4\1\2\3\4\5")
    dirty = packed(b"\2\1\2\3\xff\7\x80\0" + CANARY, b"\4\1\2\3\4\5" + CANARY, CANARY)
    assert codestream.rle(dirty, 5, 2)[64:] == b"\2\1\2\3\xff\7" + b"\4\1\2\3\4\5"
    assert codestream.rle(clean, 5, 2)[64:] == b"\2\1\2\3\xff\7" + b"\4\1\2\3\4\5"


def test_rle_runs_are_cut_to_the_plane() -> None:
    assert codestream.rle(packed(b"\x08" + CANARY), 3, 1)[64:] == b"\2" + CANARY[:3]
    assert codestream.rle(packed(b"\xf0\7"), 4, 1)[64:] == b"\xfd\7"


@pytest.mark.parametrize("frame", [b"", bytes(64), packed(b"\0\1"), packed(b"\x04\1")])
def test_what_is_no_rle_is_refused(frame: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        codestream.rle(frame, 5, 1)


def test_rle_bytes_are_written_by_their_tables() -> None:
    high, low = bytes(value & 0x0F for value in range(256)), bytes(range(256))
    segments = b"\1\xf1\x02\xfe\xf3\0", b"\4\xf1\xf2\xf3\xf4\xf5"
    cleaned = codestream.rle(packed(*segments), 5, 2, [high, low])
    assert cleaned[64:] == b"\1\1\2\xfe\3\0" + segments[1]


def rle_image(samples: list[int]) -> pydicom.FileDataset:
    original = corpus.image()
    original.file_meta.TransferSyntaxUID = pydicom.uid.RLELossless
    planes = np.array(samples, ">u2").view("u1").reshape(4, 2).T
    original.PixelData = encapsulate([packed(*(b"\3" + plane.tobytes() + b"\0" for plane in planes))])
    original["PixelData"].VR = "OB"
    original["PixelData"].is_undefined_length = True
    return original


def published_samples(original: pydicom.FileDataset) -> list[int]:
    """Return all bits of the samples; pixel_array leaves out those that are not used."""
    (frame,) = frames(corpus.reopened(original))
    return [int(sample) for sample in np.frombuffer(_rle_decode_frame(frame, 2, 2, 1, 16), "<u2")]


@pytest.mark.parametrize(
    ("signed", "before", "after"),
    [
        (0, [0xF123, 0x0456, 0x8789, 0x0FFF], [0x123, 0x456, 0x789, 0xFFF]),
        (1, [0xF823, 0x1456, 0x8789, 0x0FFF], [0xF823, 0x456, 0x789, 0xFFFF]),
    ],
)
def test_unused_bits_of_rle_are_cleared(signed: int, before: list[int], after: list[int]) -> None:
    original = rle_image(before)
    original.PixelRepresentation = signed
    assert published_samples(original) == after


def test_padding_of_rle_stays() -> None:
    original = rle_image([0xF830, 1, 2, 0x5031])
    original.PixelPaddingValue = 0xF830
    assert published_samples(original) == [0xF830, 1, 2, 0x31]


@pytest.mark.parametrize("name", ["MR_small_jpeg_ls_lossless.dcm", "MR_small_jp2klossless.dcm"])
def test_an_overlay_within_compressed_samples_cannot_be_cleared(name: str) -> None:
    original = sample(name)
    original[0x60020102] = DataElement(0x60020102, "US", 12)
    assert corpus.run(original) == LeftOut(Reason.UNSUPPORTED_CODING)
    original[0x60023000] = DataElement(0x60023000, "OW", bytes(4))
    assert isinstance(corpus.run(original), Kept)


@pytest.mark.parametrize("name", COMPRESSED)
def test_real_files_of_each_coding_pass(name: str) -> None:
    original = sample(name)
    result = Deidentifier(load("basic"), corpus.KEY).header(original)
    assert isinstance(result, Kept)
    before, after = frames(original), frames(result.dataset)
    assert len(before) == len(after)
    assert all(
        new[:2] == old[:2] or old.startswith(b"\0\0\0\x0cjP") or ".5" in original.file_meta.TransferSyntaxUID
        for new, old in zip(after, before, strict=True)
    )
    assert all(new[-64:].rstrip(b"\0") in old for new, old in zip(after, before, strict=True))


def test_a_comment_in_a_published_frame_goes_and_the_frame_stays() -> None:
    original = sample("MR_small_jpeg_ls_lossless.dcm")
    (frame,) = frames(original)
    stuffed = frame[:2] + segment(0xFE, CANARY) + frame[2:] + CANARY
    original.PixelData = encapsulate([stuffed])
    original["PixelData"].is_undefined_length = True
    content = corpus.published(original)
    assert CANARY not in content
    (new,) = frames(pydicom.dcmread(BytesIO(content)))
    assert new.rstrip(b"\0") == frame.rstrip(b"\0")


def test_a_frame_in_several_fragments_becomes_one() -> None:
    original = sample("MR_small_jpeg_ls_lossless.dcm")
    (frame,) = frames(original)
    original.PixelData = encapsulate([frame], fragments_per_frame=3)
    original["PixelData"].is_undefined_length = True
    new = corpus.reopened(original)
    assert frames(new)[0].rstrip(b"\0") == frame.rstrip(b"\0")


def test_rle_samples_stay() -> None:
    original = sample("MR_small_RLE.dcm")
    new = corpus.reopened(original)
    assert (new.pixel_array == original.pixel_array).all()
