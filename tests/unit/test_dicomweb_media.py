"""What a DICOMweb client accepts decides what it gets, or that it gets nothing (PS3.18 8.7)."""

import pytest

from studypub.web.api.dicomweb import media
from studypub.web.errors import Problem

_RAW, _RLE, _JPEG_2000 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90"
_OCTETS, _DICOM, _OF_RLE = "application/octet-stream", "application/dicom", "image/dicom-rle"


def related(kind: str, syntax: str = "") -> str:
    return f'multipart/related; type="{kind}"' + (f"; transfer-syntax={syntax}" if syntax else "")


@pytest.mark.parametrize(
    ("accept", "syntax", "of_file", "wanted"),
    [
        ("", _RAW, False, (_OCTETS, True)),
        ("*/*", _RLE, False, (_OF_RLE, True)),
        (related(_OCTETS), _RLE, False, (_OCTETS, True)),
        (related(_OCTETS, "*"), _RLE, False, (_OCTETS, True)),
        (related(_OCTETS, _RAW), _RAW, False, (_OCTETS, True)),
        (related(_OCTETS, _RAW), _RLE, False, None),
        (related(_OF_RLE, _RLE), _RLE, False, (_OF_RLE, True)),
        (related(_OF_RLE), _RAW, False, None),
        (related("image/*"), _RLE, False, (_OF_RLE, True)),
        (related("image/*"), _RAW, False, None),
        (related("*/*"), _JPEG_2000, False, ("image/jp2", True)),
        (f"{related('image/jp2', _RLE)}, {related('image/jp2')}", _JPEG_2000, False, ("image/jp2", True)),
        (_OCTETS, _RAW, False, (_OCTETS, False)),
        ("application/*", _RAW, False, (_OCTETS, True)),
        (f"{related(_OCTETS)};q=0", _RAW, False, None),
        (f"{related(_OCTETS)};q=0.0, */*;q=0.1", _RAW, False, (_OCTETS, True)),
        (_DICOM, _RAW, False, None),
        (_DICOM, _RLE, True, (_DICOM, False)),
        (related(_DICOM), _RLE, True, (_DICOM, True)),
        (f"{_DICOM}; transfer-syntax={_RAW}", _RLE, True, None),
        (_OCTETS, _RAW, True, None),
        ("text/html", _RAW, True, None),
    ],
)
def test_files_and_frames(accept: str, syntax: str, of_file: bool, wanted: tuple[str, bool] | None) -> None:
    if wanted is None:
        with pytest.raises(Problem) as refused:
            media.chosen(accept, syntax, of_file=of_file)
        assert refused.value.status == 406
    else:
        assert media.chosen(accept, syntax, of_file=of_file)[:2] == wanted


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "JPEG"),
        ("image/*", "JPEG"),
        ("image/png", "PNG"),
        ("image/png, image/jpeg", "PNG"),
        ("video/mp4, image/jpeg", "JPEG"),
        ("image/jpeg;q=0, image/png", "PNG"),
        ("image/gif", None),
        ("application/dicom+json", None),
    ],
)
def test_pictures(accept: str, wanted: str | None) -> None:
    if wanted is None:
        with pytest.raises(Problem):
            media.picture(accept)
    else:
        assert media.picture(accept) == wanted


@pytest.mark.parametrize(
    ("accept", "accepted"),
    [
        ("", True),
        ("application/dicom+json", True),
        ("application/json;q=0.5", True),
        ("text/html, application/*", True),
        ("application/dicom+json;q=0", False),
        ('multipart/related; type="application/dicom+xml"', False),
        ("image/jpeg", False),
    ],
)
def test_json(accept: str, accepted: bool) -> None:
    if accepted:
        media.require_json(accept)
    else:
        with pytest.raises(Problem):
            media.require_json(accept)
