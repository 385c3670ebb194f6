"""Of a logo only its pixels are kept, and what is no small picture is refused, whatever it does to its reader."""

import zlib
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from studypub.pixels.drawing import Drawn
from studypub.pixels.logo import small
from studypub.pixels.logo_painter import redrawn

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def coded(kind: str, picture: Image.Image, **more: Any) -> bytes:
    target = BytesIO()
    picture.save(target, kind, **more)
    return target.getvalue()


def picture(width: int = 300, height: int = 90, mode: str = "RGB") -> Image.Image:
    """Return one that is red on its left half, and blue on its right."""
    made = Image.new(mode, (width, height), (200, 0, 0, 255)[: len(mode)])
    made.paste((0, 0, 200, 255)[: len(mode)], (width // 2, 0, width, height))
    return made


def telling(kind: str) -> bytes:
    """Return a file that says more than its pixels, turned on its side as phones do it."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "Ivanov I. I."  # Orientation: the right side is at the bottom; ImageDescription
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Ivanov I. I.")
    more = {"pnginfo": text} if kind == "PNG" else {}
    return coded(kind, picture(), exif=exif, icc_profile=b"Ivanov I. I.".ljust(200), **more)


def opened(drawn: Drawn | None) -> Image.Image:
    assert drawn is not None
    made = Image.open(BytesIO(drawn.content))
    assert (made.format, made.size) == ("WEBP", (drawn.width, drawn.height))
    return made


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_only_its_pixels_stay_and_it_stands_upright(kind: str) -> None:
    content = telling(kind)
    assert b"Ivanov" in content
    answer = small(content)
    made = opened(answer.drawn)
    assert made.size == (60, 200)
    assert {"exif", "icc_profile", "xmp"} & set(made.info) == set()
    assert answer.drawn is not None
    assert b"Ivanov" not in answer.drawn.content
    red, _, blue = made.convert("RGB").getpixel((30, 10))  # type: ignore[misc]
    assert (red > 150, blue < 50) == (True, True), "what was on its left is on top"


def test_it_becomes_small_and_stays_transparent() -> None:
    clear = Image.new("RGBA", (2400, 400), (0, 0, 0, 0))
    clear.paste((200, 0, 0, 255), (1200, 0, 2400, 400))
    made = opened(small(coded("PNG", clear)).drawn)
    assert made.size == (600, 100)
    assert [made.convert("RGBA").getpixel((x, 50)) for x in (10, 590)] == [(0, 0, 0, 0), (200, 0, 0, 255)]
    assert opened(small(coded("PNG", picture(30, 10))).drawn).size == (30, 10), "never larger"
    noise = Image.effect_noise((600, 200), 80).convert("RGB")
    drawn = small(coded("PNG", noise)).drawn
    assert drawn is not None
    assert len(drawn.content) < 150_000


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_pixels_of_every_kind_are_read(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    made = Image.new(mode, (40, 20)) if mode == "I;16" else picture(40, 20).convert(mode)
    assert opened(small(coded(kind, made)).drawn).size == (40, 20)


def _huge() -> bytes:
    """Return a PNG that says that it is far larger than what follows."""
    content = bytearray(coded("PNG", picture()))
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    return bytes(content)


PNG, JPEG, WEBP = (coded(kind, picture()) for kind in ("PNG", "JPEG", "WEBP"))
REFUSED = {
    "svg": (SVG, "kind"),
    "gif": (coded("GIF", picture().convert("P")), "kind"),
    "tiff": (coded("TIFF", picture()), "kind"),
    "pdf": (b"%PDF-1.7\n", "kind"),
    "nothing": (b"", "kind"),
    "half a PNG": (PNG[: len(PNG) // 2], "damaged"),
    "half a JPEG": (JPEG[: len(JPEG) // 2], "damaged"),
    "half a WebP": (WEBP[: len(WEBP) // 2], "damaged"),
    "a bomb": (coded("PNG", Image.new("1", (5001, 5001))), "pixels"),
    "says that it is huge": (_huge(), "pixels"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_whatever_else_is_sent_is_refused(name: str) -> None:
    content, fault = REFUSED[name]
    answer = small(content)
    assert answer.drawn is None
    # Some of Pillow's readers know a torn file for no file of theirs.
    assert answer.fault == fault or (fault, answer.fault, name[:4]) == ("damaged", "kind", "half")


def test_a_process_of_its_own_reads_it_and_may_come_to_nothing() -> None:
    assert opened(redrawn(PNG, 120).drawn).size == (300, 90)
    assert redrawn(SVG, 120).fault == "kind"
    assert redrawn(PNG, -1).fault == "unfinished"
