"""What a DICOMweb client accepts (PS3.18 8.7), and multipart bodies of what it gets (RFC 2387)."""

import secrets
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple

from litestar.response import Stream

from studypub.errors import Sentence
from studypub.web.errors import Problem

JSON: Final = "application/dicom+json"
DICOM: Final = "application/dicom"
OCTETS: Final = "application/octet-stream"
# PS3.18 Table 8.7.3-5: besides octets, each transfer syntax has a media type of its own.
_OWN: Final = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **{f"1.2.840.10008.1.2.4.{number}": "image/jpeg" for number in (50, 51, 57, 70)},
    **{f"1.2.840.10008.1.2.4.{number}": "image/jls" for number in (80, 81)},
    **{f"1.2.840.10008.1.2.4.{number}": "image/jp2" for number in (90, 91)},
    **{f"1.2.840.10008.1.2.4.{number}": "image/jpx" for number in (92, 93)},
    **{f"1.2.840.10008.1.2.4.{number}": "image/jphc" for number in (201, 202, 203)},
}
PICTURES: Final = {"JPEG": "image/jpeg", "PNG": "image/png"}
_NOT_ACCEPTABLE: Final = Sentence(
    "В таком виде эти данные не отдаются.", "These data are not given in any form that the request accepts."
)


class Accepted(NamedTuple):
    """One media range of an Accept header; `type` is the part's where `is_multipart`."""

    type: str
    is_multipart: bool
    syntax: str


def require_json(accept: str) -> None:
    """Raise Problem 406 unless JSON is accepted."""
    if not any(not each.is_multipart and each.type in {JSON, "application/json"} for each in _ranges(accept)) and not (
        _anything(accept)
    ):
        raise Problem(406, _NOT_ACCEPTABLE)


def chosen(accept: str, syntax: str, *, of_file: bool) -> Accepted:
    """Return how to send what is coded in this transfer syntax, which is never changed. Raises Problem 406."""
    own = DICOM if of_file else _OWN.get(syntax, OCTETS)
    types = {DICOM} if of_file else {OCTETS, own}
    for each in _ranges(accept):
        if each.syntax not in {"", "*", syntax}:
            continue
        if each.type in types:
            return each
        if each.type in {"*/*", "image/*"} and (own.startswith("image/") or each.type == "*/*"):
            return Accepted(own, is_multipart=True, syntax="")
        if each.type == "application/*" and not each.is_multipart:
            return Accepted(DICOM if of_file else OCTETS, is_multipart=True, syntax="")
    raise Problem(406, _NOT_ACCEPTABLE)


def picture(accept: str) -> Literal["JPEG", "PNG"]:
    """Return how a picture is to be coded. Raises Problem 406."""
    for each in _ranges(accept):
        if each.type in {"image/jpeg", "image/*", "*/*"}:
            return "JPEG"
        if each.type == "image/png":
            return "PNG"
    raise Problem(406, _NOT_ACCEPTABLE)


def multipart(kind: str, parts: Iterable[tuple[str, Iterable[bytes]]]) -> Stream:
    """Answer with parts, each with its Content-Type."""
    boundary = secrets.token_hex(16)  # which no content holds
    return Stream(_body(parts, boundary), media_type=f'multipart/related; type="{kind}"; boundary={boundary}')


def _body(parts: Iterable[tuple[str, Iterable[bytes]]], boundary: str) -> Iterator[bytes]:
    for content_type, pieces in parts:
        yield f"--{boundary}\r\nContent-Type: {content_type}\r\n\r\n".encode()
        yield from pieces
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _anything(accept: str) -> bool:
    return any(each.type in {"*/*", "application/*"} for each in _ranges(accept))


def _ranges(accept: str) -> list[Accepted]:
    """Return the media ranges in the order in which they stand; quality 0 is none."""
    found = []
    for text in _split(accept or "*/*", ","):
        name, *parameters = (each.strip() for each in _split(text, ";"))
        given = {
            key.strip().lower(): value.strip().strip('"') for key, _, value in (p.partition("=") for p in parameters)
        }
        if given.get("q", "1").rstrip("0") in {"", "0."}:
            continue
        is_multipart = name.lower() == "multipart/related"
        kind = given.get("type", "*/*") if is_multipart else name
        found.append(Accepted(kind.lower(), is_multipart, given.get("transfer-syntax", "")))
    return found


def _split(text: str, sign: str) -> list[str]:
    """Split at a sign that does not stand in quotes."""
    parts, quoted = [""], False
    for letter in text:
        quoted ^= letter == '"'
        if letter == sign and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
