"""Pictures as modalities make them, without text and with text burned in at places that are known."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

Picture = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Point = NDArray[np.float64]

SIZES = ((480, 640), (768, 1024), (512, 512))
LATIN = ("IVANOV", "PETROVA ANNA", "Smirnov A.V.", "KUZNETSOVA^OLGA", "Mueller, Hans")
CYRILLIC = ("ИВАНОВ", "Петрова Анна", "КУЗНЕЦОВ С.И.", "Смирнова О. В.", "Щукина")
NUMBERS = ("ID: 4471902", "12.05.1964", "1964-05-12", "ACC 20240117-33", "№ 118274", "17/01/2024 14:22:07")
LINES = (
    "IVANOV IVAN  12.05.1964  M",
    "ПЕТРОВА АННА СЕРГЕЕВНА 03.11.1978",
    "ID 4471902  PETROV^SERGEY  17/01/2024",
)
FONTS = ("DejaVuSans.ttf", "DejaVuSansMono.ttf", "built-in")
_FONTS_FOLDER = "/usr/share/fonts/truetype/dejavu"


@dataclass(frozen=True)
class Planted:
    """What is written, how, and where it stands: the fractions are of the room that the picture leaves."""

    text: str
    font: str = "DejaVuSans.ttf"
    height: int = 16
    x: float = 0.0
    y: float = 0.0
    ink: int = 255
    outline: int | None = None


def black(rows: int, columns: int, _seed: int = 0) -> Picture:
    return np.zeros((rows, columns), np.uint8)


def bright(rows: int, columns: int, seed: int = 0) -> Picture:
    """A film: bright, softly shaded, with grain."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:columns]
    shade = 205 + 25 * np.sin(x / columns * 5 + seed) * np.cos(y / rows * 4)
    picture: Picture = np.clip(shade + random.normal(0, 3, (rows, columns)), 0, 255).astype(np.uint8)
    return picture


def speckle(rows: int, columns: int, seed: int = 0) -> Picture:
    """An ultrasound sector: Rayleigh speckle, structures brighter and darker, black around it."""
    random = np.random.default_rng(seed)
    real, imaginary = (ndimage.gaussian_filter(random.normal(size=(rows, columns)), (1.2, 2.4)) for _ in range(2))
    amplitude = np.hypot(real, imaginary)
    amplitude /= amplitude.mean()
    tissue = ndimage.gaussian_filter(random.normal(size=(rows, columns)), min(rows, columns) / 18)
    tissue = 0.62 + 0.3 * tissue / np.abs(tissue).max()
    log = 95 * tissue * (1 + 0.55 * np.log10(np.maximum(amplitude, 0.03)))
    picture: Picture = np.where(sector(rows, columns), np.clip(1.6 * log, 0, 255), 0).astype(np.uint8)
    return picture


def sector(rows: int, columns: int) -> Mask:
    y, x = np.mgrid[0:rows, 0:columns]
    away = np.hypot(x - columns / 2, y - rows * 0.06)
    angle = np.abs(np.arctan2(x - columns / 2, y - rows * 0.06))
    inside: Mask = (away < rows * 0.86) & (away > rows * 0.05) & (angle < 0.66)
    return inside


def vessels(rows: int, columns: int, seed: int = 0) -> Picture:
    """Angiography: dark branching vessels on a shaded grey, with quantum noise, and catheters and clips."""
    random = np.random.default_rng(seed)
    picture = Image.new("L", (columns, rows), 0)
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        start = random.uniform((columns * 0.3, 0), (columns * 0.7, rows * 0.3))
        _branch(draw, random, start, float(random.uniform(0.5, 2.4)), float(random.uniform(7, 12)), rows / 9)
    contrast = ndimage.gaussian_filter(np.asarray(picture, np.float32), 1.0)
    y, x = np.mgrid[0:rows, 0:columns]
    ground = 150 + 40 * np.sin(x / columns * 3 + 1) * np.cos(y / rows * 2.5 - 0.4)
    noise = ndimage.gaussian_filter(random.normal(0, 14, (rows, columns)), 0.7)
    shown: Picture = np.clip(ground - 0.42 * contrast + noise, 0, 255).astype(np.uint8)
    return shown


def _branch(
    draw: ImageDraw.ImageDraw,
    random: np.random.Generator,
    at: NDArray[np.float64],
    way: float,
    width: float,
    step: float,
) -> None:
    for _ in range(6):
        way += float(random.normal(0, 0.3))
        onwards = at + step * random.uniform(0.5, 1.2) * np.array([np.cos(way), np.sin(way)])
        draw.line([tuple(at), tuple(onwards)], fill=int(random.uniform(170, 255)), width=max(1, round(width)))
        at, width = onwards, width * 0.86
        if width > 2 and random.random() < 0.55:
            _branch(draw, random, at, way + float(random.choice([-0.7, 0.7])), width * 0.7, step * 0.7)


def slices(rows: int, columns: int, seed: int = 0) -> Picture:
    """A CT-like slice: ellipses with sharp rims, bone and noise on black."""
    random = np.random.default_rng(seed)
    picture = Image.new("L", (columns, rows), 0)
    draw = ImageDraw.Draw(picture)
    draw.ellipse([columns * 0.1, rows * 0.18, columns * 0.9, rows * 0.85], fill=110, outline=150)
    draw.ellipse([columns * 0.13, rows * 0.22, columns * 0.87, rows * 0.81], fill=95)
    for _ in range(14):
        x, y = random.uniform(0.22, 0.72) * columns, random.uniform(0.3, 0.68) * rows
        wide, high = random.uniform(0.01, 0.14, 2) * min(rows, columns)
        draw.ellipse([x, y, x + wide, y + high], fill=int(random.choice([30, 60, 130, 150, 245])))
    body = ndimage.gaussian_filter(np.asarray(picture, np.float32), 1.1)
    noise = ndimage.gaussian_filter(random.normal(0, 16, (rows, columns)), 0.8)
    shown: Picture = np.where(body > 3, np.clip(body + noise, 0, 255), body).astype(np.uint8)
    return shown


GROUNDS = {"black": black, "bright": bright, "speckle": speckle, "vessels": vessels, "slices": slices}


def plant(picture: Picture, planted: Planted) -> tuple[Picture, Mask]:
    """Return the picture with the text, and the pixels of the letters themselves."""
    rows, columns = picture.shape
    font = _font(planted)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(planted.text))
    x = 2 - left + round(planted.x * max(0, columns - (right - left) - 4))
    y = 2 - top + round(planted.y * max(0, rows - (bottom - top) - 4))
    letters = Image.new("L", (columns, rows), 0)
    ImageDraw.Draw(letters).text((x, y), planted.text, fill=255, font=font)
    cover = np.asarray(letters, float) / 255
    mixed = picture.astype(float)
    if planted.outline is not None:
        around = ndimage.grey_dilation(cover, size=(3, 3))
        mixed = mixed * (1 - around) + planted.outline * around
    mixed = mixed * (1 - cover) + planted.ink * cover
    return np.round(mixed).astype(np.uint8), cover > 0.25


def _font(planted: Planted) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    if planted.font == "built-in":
        return ImageFont.load_default_imagefont()
    return ImageFont.truetype(f"{_FONTS_FOLDER}/{planted.font}", planted.height)


def sample(seed: int) -> tuple[str, Picture, Mask]:
    """Return one picture of the endless corpus: what it is, its grey values, and where its letters are."""
    random = np.random.default_rng(seed)
    rows, columns = SIZES[seed % len(SIZES)]
    name = str(random.choice(list(GROUNDS)))
    planted = next(_planted(random, name))
    picture, letters = plant(GROUNDS[name](rows, columns, seed), planted)
    return f"{seed}: {name} {rows}x{columns} {planted}", picture, letters


def _planted(random: np.random.Generator, ground: str) -> Iterator[Planted]:
    font = str(random.choice(FONTS))
    latin = [text for text in (*LATIN, *NUMBERS, LINES[0], LINES[2]) if font != "built-in" or text.isascii()]
    text = str(random.choice(latin if font == "built-in" else [*latin, *CYRILLIC, *CYRILLIC, LINES[1]]))
    height = int(random.choice([9, 10, 11, 12, 13, 14, 16, 18, 20, 24, 32, 40]))
    corner = bool(random.random() < 0.5)
    x, y = (float(random.choice([0, 1])) if corner else float(random.random()) for _ in range(2))
    if ground == "bright":
        ink, outline = int(random.choice([0, 20, 40])), None
    elif ground == "black":
        ink, outline = int(random.choice([255, 226, 160, 110])), None
    else:
        ink, outline = int(random.choice([255, 255, 226])), (0 if random.random() < 0.5 else None)
    yield Planted(text, font, height, x, y, ink, outline)
