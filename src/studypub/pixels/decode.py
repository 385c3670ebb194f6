"""Decodes one compressed frame; each coding has the one library that is trusted with it."""

from collections.abc import Callable
from io import BytesIO
from typing import Final

import gdcm
import jpeg_ls
import numpy as np
from openjpeg.utils import decode_pixel_data
from PIL import Image

from studypub.pixels import codestream, rle
from studypub.pixels.codestream import Told
from studypub.pixels.decoded import Decoded
from studypub.pixels.form import SUBSAMPLED, TRANSFORMED, Form
from studypub.pixels.native import Stored
from studypub.pixels.unreadable import Unreadable

_JPEG: Final = "1.2.840.10008.1.2.4."


def _rle(frame: bytes, form: Form) -> Decoded:
    return Decoded(rle.decode(frame, form), form.within(form.allocated, _colours(form)))


def _jpeg_2000(frame: bytes, form: Form) -> Decoded:
    told = codestream.jpeg_2000(frame, form)
    samples = _cells(bytes(decode_pixel_data(frame, version=2)), told, form)
    transformed = form.photometric in TRANSFORMED
    return Decoded(samples, form.within(told.precision, _colours(form)), told.signed, transformed)


def _colours(form: Form) -> str:
    """Return the photometric interpretation of what a decoder returns: chroma has its full size."""
    if form.photometric in TRANSFORMED:
        return "RGB"
    return "YBR_FULL" if form.photometric == SUBSAMPLED else form.photometric


def _jpeg_ls(frame: bytes, form: Form) -> Decoded:
    told = codestream.jpeg(frame, form)
    content, info = jpeg_ls.decode_pixel_data(frame)
    by_plane = form.samples > 1 and info["interleave_mode"] == 0
    return Decoded(_cells(bytes(content), told, form, by_plane=by_plane), form.within(told.precision, _colours(form)))


def _jpeg(frame: bytes, form: Form) -> Decoded:
    told = codestream.jpeg(frame, form)
    if told.precision == 8 and told.process != codestream.LOSSLESS:
        return _jpeg_8_bit(frame, form, told)
    if told.process != codestream.LOSSLESS and form.samples > 1:
        raise Unreadable("colours of 12 bits")  # nobody writes them; no library here is known to convert them right
    samples = _cells(_by_gdcm(frame, form, told), told, form)
    return Decoded(samples, form.within(told.precision, _colours(form)))


def _jpeg_8_bit(frame: bytes, form: Form, told: Told) -> Decoded:
    """Decode DCT-coded JPEG of 8 bits; colours become RGB.

    Markers of JFIF and Adobe and the names of the components tell what the colours are; where there are none, libjpeg
    guesses YCbCr, and the header knows better.
    """
    try:
        with Image.open(BytesIO(frame), formats=["JPEG"]) as image:
            marked = told.rgb or "adobe_transform" in image.info or "jfif" in image.info
            if form.photometric == "RGB" and not marked:
                image.draft("YCbCr", image.size)  # no conversion: the samples as they are
            samples = np.array(image).reshape(form.rows, form.columns, form.samples)
    except (OSError, SyntaxError) as error:  # how Pillow tells damage
        raise Unreadable("JPEG") from error
    return Decoded(samples, form.within(8, "RGB" if form.samples == 3 else form.photometric))


def _by_gdcm(frame: bytes, form: Form, told: Told) -> bytes:
    """Decode lossless JPEG, and JPEG of 12 bits. GDCM is told what the code stream says, and converts no colours."""
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((form.columns, form.rows, 1))
    image.SetDataElement(element)
    colours = gdcm.PhotometricInterpretation.RGB if form.samples == 3 else gdcm.PhotometricInterpretation.MONOCHROME2
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(colours))
    image.SetPlanarConfiguration(0)
    kinds = gdcm.TransferSyntax
    syntax = kinds.JPEGLosslessProcess14 if told.process == codestream.LOSSLESS else kinds.JPEGExtendedProcess2_4
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    allocated = 8 if told.precision <= 8 else 16
    image.SetPixelFormat(gdcm.PixelFormat(form.samples, allocated, told.precision, told.precision - 1, 0))
    return bytes(image.GetBuffer().encode("utf-8", "surrogateescape"))


def _cells(content: bytes, told: Told, form: Form, *, by_plane: bool = False) -> Stored:
    """Return a decoder's buffer as (rows, columns, samples), bits above the precision cleared."""
    width = 1 if told.precision <= 8 else 2 if told.precision <= 16 else 4
    cells: Stored = np.frombuffer(content, f"<u{width}")
    cells = cells & cells.dtype.type((1 << told.precision) - 1)
    if by_plane:
        return np.moveaxis(cells.reshape(form.samples, form.rows, form.columns), 0, -1)
    return cells.reshape(form.rows, form.columns, form.samples)


_DECODERS: Final[dict[str, Callable[[bytes, Form], Decoded]]] = {
    "1.2.840.10008.1.2.5": _rle,
    **dict.fromkeys((_JPEG + number for number in ("50", "51", "57", "70")), _jpeg),
    **dict.fromkeys((_JPEG + number for number in ("80", "81")), _jpeg_ls),
    **dict.fromkeys((_JPEG + number for number in ("90", "91", "201", "202", "203")), _jpeg_2000),
}


def decoder(syntax: str) -> Callable[[bytes, Form], Decoded]:
    """Return the function for a transfer syntax. Raises Unreadable where there is none."""
    if syntax not in _DECODERS:
        raise Unreadable("coding")
    return _DECODERS[syntax]
