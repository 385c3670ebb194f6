"""Makes a small picture of a logo that somebody has sent: its pixels, and nothing else of the file."""

import warnings
from io import BytesIO
from typing import Final, Literal

import msgspec
from PIL import Image, ImageOps, UnidentifiedImageError

from studypub.core.logo import HIGHEST, MOST_PIXELS, WIDEST
from studypub.pixels.drawing import Drawn

_KINDS: Final = ("PNG", "JPEG", "WEBP")
_LARGEST: Final = 64 << 10  # bytes; what is longer without loss is a photograph, and coded as one
_QUALITY: Final = 88
# What a malformed file makes Pillow raise.
_DAMAGE: Final = (
    OSError,
    SyntaxError,
    RuntimeError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)

Fault = Literal["", "kind", "pixels", "damaged", "unfinished"]


class LogoRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was sent, and the seconds there are for it."""

    content: bytes
    seconds: float


class LogoAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The picture, as WebP; or what is wrong with the file.

    `kind`: it is none of PNG, JPEG and WebP; `pixels`: there are too many of them; `damaged`: they cannot be read;
    `unfinished`: whoever was to read them died over it, or took too long.
    """

    drawn: Drawn | None = None
    fault: Fault = ""


def small(content: bytes) -> LogoAnswer:
    """Return the picture upright and no larger than a logo has to be, without EXIF, text, profiles, other frames."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _small(content)
        except UnidentifiedImageError:
            return LogoAnswer(fault="kind")
        except (Image.DecompressionBombError, MemoryError):
            return LogoAnswer(fault="pixels")
        except _DAMAGE:
            return LogoAnswer(fault="damaged")


def _small(content: bytes) -> LogoAnswer:
    picture = Image.open(BytesIO(content), formats=_KINDS)
    if picture.width * picture.height > MOST_PIXELS:
        return LogoAnswer(fault="pixels")
    return LogoAnswer(drawn=_drawn(picture))


def _drawn(picture: Image.Image) -> Drawn:
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    plain = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    plain.thumbnail((WIDEST, HIGHEST), Image.Resampling.LANCZOS)
    plain.info = {}  # Pillow would write a profile of colours and EXIF of its own accord
    content = _coded(plain, lossless=True)
    if len(content) > _LARGEST:
        content = _coded(plain, lossless=False)
    return Drawn(plain.width, plain.height, content)


def _coded(picture: Image.Image, *, lossless: bool) -> bytes:
    target = BytesIO()
    picture.save(target, "WEBP", lossless=lossless, quality=_QUALITY, method=4)
    return target.getvalue()
