"""Draws the axial slices of an invented trunk, chest to kidneys, for the sample study."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZE = 512
PIXEL_SPACING = 0.78125
"""Millimetres from one pixel to the next, in both directions."""
SLICES = 60
SPACING_BETWEEN_SLICES = 5.0
"""Millimetres from one slice to the next."""

_AIR = -1000.0
_FAT = -98.0
_EDGE = 1.6  # millimetres over which one tissue passes into the next
_NOISE = 22.0  # standard deviation in Hounsfield units before smoothing

Plane = NDArray[np.float32]
Point = tuple[float, float, float]


class Ellipsoid(NamedTuple):
    """A piece of tissue: millimetres as the patient lies (x to the left, y to the back, z to the head), and its HU."""

    centre: Point
    radii: Point
    hu: float


# Painted in this order, each over the ones before it.
_CHEST = (
    Ellipsoid((-78, -8, 335), (64, 88, 205), -840),
    Ellipsoid((80, -8, 335), (62, 88, 205), -840),
)
_ORGANS = (
    Ellipsoid((10, 2, 330), (34, 72, 95), 20),  # mediastinum
    Ellipsoid((28, -30, 222), (66, 52, 58), 55),  # heart
    Ellipsoid((52, -18, 214), (24, 21, 32), 190),
    Ellipsoid((2, -48, 224), (26, 19, 36), 165),
    Ellipsoid((10, 6, 250), (30, 17, 20), 185),
    Ellipsoid((-4, -22, 285), (15, 15, 36), 200),
    Ellipsoid((24, -32, 290), (14, 15, 26), 185),
    Ellipsoid((-30, -18, 295), (9, 9, 40), 175),
    Ellipsoid((-68, -16, 124), (82, 74, 74), 108),  # liver
    Ellipsoid((10, -48, 138), (74, 38, 36), 108),
    Ellipsoid((-52, -52, 76), (16, 19, 26), 12),  # gall bladder
    Ellipsoid((106, 34, 138), (30, 42, 46), 122),  # spleen
    Ellipsoid((62, -34, 128), (48, 40, 52), 32),  # stomach
    Ellipsoid((62, -58, 134), (31, 15, 36), -930),
    Ellipsoid((6, 2, 92), (58, 11, 13), 92),  # pancreas
    Ellipsoid((-64, 52, 62), (27, 25, 54), 175),  # kidneys
    Ellipsoid((64, 50, 74), (27, 25, 54), 175),
    Ellipsoid((-53, 48, 62), (13, 12, 27), 10),
    Ellipsoid((53, 46, 74), (13, 12, 27), 10),
    Ellipsoid((-118, -4, 18), (25, 30, 62), 40),  # colon
    Ellipsoid((-118, -14, 22), (18, 15, 48), -880),
    Ellipsoid((118, 6, 12), (21, 26, 88), 40),
    Ellipsoid((118, -2, 20), (13, 13, 62), -860),
    Ellipsoid((-20, -72, 30), (78, 17, 18), 35),
    Ellipsoid((-12, -79, 32), (58, 9, 12), -870),
)
# Continuous from the first slice to the last: their height is far beyond the scan.
_COLUMNS = (
    Ellipsoid((-33, 86, 150), (27, 17, 5000), 58),  # muscles of the back
    Ellipsoid((33, 86, 150), (27, 17, 5000), 58),
    Ellipsoid((-40, 58, 20), (17, 19, 90), 58),  # psoas
    Ellipsoid((40, 58, 20), (17, 19, 90), 58),
    Ellipsoid((15, 38, 150), (11, 11, 5000), 205),  # aorta
    Ellipsoid((-20, 34, 150), (12, 9, 5000), 150),  # inferior vena cava
    Ellipsoid((4, 29, 320), (8, 6, 170), 30),  # oesophagus
)
_HILA: tuple[Point, ...] = ((-38, 6, 266), (44, 6, 262))
_LIVER_HILUM: Point = (-28, -4, 118)


class Phantom:
    """The invented trunk; the same seed gives the same pixels."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        random = np.random.default_rng(seed)
        axis = ((np.arange(SIZE) - SIZE / 2 + 0.5) * PIXEL_SPACING).astype(np.float32)
        self._x = axis[np.newaxis, :]
        self._y = axis[:, np.newaxis]
        self._vessels = _tree(random, _HILA[0], (-78, -8, 300), (56, 78, 150), count=70, hu=40)
        self._vessels += _tree(random, _HILA[1], (84, 0, 300), (54, 74, 150), count=70, hu=40)
        self._veins = _tree(random, _LIVER_HILUM, (-70, -8, 120), (70, 66, 62), count=26, hu=165)
        self._bowel = _loops(random)

    def slice(self, index: int) -> NDArray[np.int16]:
        """Return slice `index`, counted from the feet, in Hounsfield units."""
        z = index * SPACING_BETWEEN_SLICES
        plane = np.full((SIZE, SIZE), _FAT, dtype=np.float32)
        self._paint(plane, z, (*_CHEST, *self._vessels))
        self._paint(plane, z, (*self._bowel, *_ORGANS))
        self._paint(plane, z, self._veins)
        self._paint(plane, z, (*_COLUMNS, *_airways(z)))
        self._paint_wall(plane, z)
        self._paint_couch(plane)
        self._paint_ribs(plane, z)
        self._paint_spine(plane, z)
        plane += self._noise(index)
        return np.clip(np.rint(plane), -1024, 3071).astype(np.int16)

    def _paint(self, plane: Plane, z: float, pieces: tuple[Ellipsoid, ...]) -> None:
        for piece in pieces:
            height = (z - piece.centre[2]) / piece.radii[2]
            if abs(height) < 1:
                shrink = (1 - height * height) ** 0.5
                self._ellipse(plane, piece, piece.radii[0] * shrink, piece.radii[1] * shrink)

    def _ellipse(self, plane: Plane, piece: Ellipsoid, rx: float, ry: float) -> None:
        columns = _window(piece.centre[0], rx)
        rows = _window(piece.centre[1], ry)
        x = (self._x[:, columns] - piece.centre[0]) / max(rx, 0.1)
        y = (self._y[rows] - piece.centre[1]) / max(ry, 0.1)
        _blend(plane[rows, columns], (1 - np.sqrt(x * x + y * y)) * min(rx, ry), piece.hu)

    def _paint_couch(self, plane: Plane) -> None:
        curve = np.abs(self._y - 134 + (self._x / 42) ** 2)
        _blend(plane, np.where(np.abs(self._x) < 190, 2.5 - curve, -9), -160)

    def _paint_wall(self, plane: Plane, z: float) -> None:
        rho = self._rho(z)
        _blend(plane, (rho - 0.79) * 112, 55)  # muscle
        _blend(plane, (rho - 0.885) * 112, _FAT)
        _blend(plane, (rho - 0.985) * 112, 20)  # skin
        _blend(plane, (rho - 1) * 112, _AIR)

    def _rho(self, z: float) -> Plane:
        """Return how far out each pixel lies: 0 in the middle of the body, 1 at the skin."""
        width = 168 + 6 * np.cos(z / 48)
        x, y = np.abs(self._x / width), np.abs(self._y / 114)
        return np.asarray((x**2.4 + y**2.4) ** (1 / 2.4), dtype=np.float32)

    def _paint_ribs(self, plane: Plane, z: float) -> None:
        # A rib leaves the spine and descends to the front, so a slice meets several, each at another angle.
        angle = np.arctan2(np.abs(self._x), self._y)
        phase = (z + 62 * (1 - np.cos(angle)) / 2) % 31
        across = 5.2 - np.abs(phase - 15.5)
        along = np.minimum(across, 4.2 - np.abs(self._rho(z) - 0.845) * 112)
        reach = np.where((angle < 2.75) & (self._lowest_rib(angle) < z), along, -9)
        _blend(plane, reach, 520)
        _blend(plane, np.where(reach > 1.6, reach - 1.8, -9), 210)
        if z > 170:
            self._paint(plane, z, (Ellipsoid((0, -99, 250), (17, 6, 5000), 320),))  # sternum

    @staticmethod
    def _lowest_rib(angle: Plane) -> Plane:
        return np.asarray(70 + 25 * angle, dtype=np.float32)

    def _paint_spine(self, plane: Plane, z: float) -> None:
        disc = (z % 32) < 6
        bone = 95.0 if disc else 430.0
        pieces = [Ellipsoid((0, 62, z), (22, 16.5, 1), bone), Ellipsoid((0, 62, z), (19.5, 14, 1), 90 if disc else 205)]
        if not disc:
            pieces += [Ellipsoid((side * 27, 84, z), (17, 4.5, 1), 380) for side in (-1, 1)]
        pieces += [
            Ellipsoid((0, 100, z), (3.6, 9, 1), 420),
            Ellipsoid((0, 85, z), (13.5, 11.5, 1), 400),
            Ellipsoid((0, 85, z), (10, 8, 1), 15),
            Ellipsoid((0, 85, z), (5, 4.5, 1), 42),
        ]
        self._paint(plane, z, tuple(pieces))

    def _noise(self, index: int) -> Plane:
        noise = np.random.default_rng((self._seed, index)).standard_normal((SIZE, SIZE), dtype=np.float32) * _NOISE
        for axis in (0, 1):
            noise = (np.roll(noise, 1, axis) + 2 * noise + np.roll(noise, -1, axis)) / 4
        return noise


def _window(centre: float, radius: float) -> slice:
    first = (centre - radius - _EDGE) / PIXEL_SPACING + SIZE / 2
    last = (centre + radius + _EDGE) / PIXEL_SPACING + SIZE / 2
    return slice(max(0, int(first)), min(SIZE, int(last) + 2))


def _blend(part: Plane, depth: NDArray[np.floating], hu: float) -> None:
    """Bring `part` to `hu` where `depth`, millimetres below the surface of the tissue, is positive."""
    share = np.clip(depth / _EDGE + 0.5, 0, 1)
    part += (hu - part) * share


def _airways(z: float) -> tuple[Ellipsoid, ...]:
    """Return the windpipe above its fork and the two bronchi below."""
    if z >= 285:
        return (Ellipsoid((-2, 16, z), (9, 8, 1), -990),)
    if z < 255:
        return ()
    apart = (285 - z) / 30
    return tuple(Ellipsoid((side * (8 + 36 * apart), 14, z), (8, 6, 1), -990) for side in (-1, 1))


def _tree(
    random: np.random.Generator, root: Point, centre: Point, radii: Point, *, count: int, hu: float
) -> tuple[Ellipsoid, ...]:
    """Return vessels as strings of beads from `root` to places within an ellipsoid, thinner on their way."""
    beads: list[Ellipsoid] = []
    for _ in range(count):
        direction = random.standard_normal(3)
        direction /= np.linalg.norm(direction)
        end = np.array(centre) + direction * np.array(radii) * random.uniform(0.45, 0.95)
        bend = random.standard_normal(3) * 9
        length = float(np.linalg.norm(end - np.array(root)))
        for step in np.linspace(0.12, 1, max(4, int(length / 1.6))):
            x, y, z = np.array(root) * (1 - step) + end * step + bend * np.sin(np.pi * step)
            radius = 4.2 * (1 - step) ** 0.8 + 0.7
            # A slice is five millimetres thick: a thin vessel shows in it though its axis passes beside.
            beads.append(Ellipsoid((x, y, z), (radius, radius, max(radius, 2.6)), hu))
    return tuple(beads)


def _loops(random: np.random.Generator) -> tuple[Ellipsoid, ...]:
    """Return loops of small bowel among the fat below the stomach."""
    loops: list[Ellipsoid] = []
    for _ in range(34):
        x, y, z = random.uniform((-85, -62, -20), (88, 22, 66))
        rx, ry, rz = random.uniform((11, 9, 12), (24, 16, 30))
        loops.append(Ellipsoid((x, y, z), (rx, ry, rz), random.uniform(35, 70)))
        loops.append(Ellipsoid((x, y, z), (rx * 0.6, ry * 0.55, rz * 0.8), random.uniform(10, 30)))
    return tuple(loops)
