"""How unlikely it is that bytes are in a study by chance, and how unlikely they must be to be evidence.

A study of 4 GiB has 2**32 places where chance may begin to spell one of some 2**12 texts. False alarms shall come in
less than one study of 1000.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from studypub.gate.clue import Place

# Bits of evidence that a hit needs. Compressed pixels: 32 + 12 + 10 of the sentence above. Pixels as they are: the
# bits are a lower bound that only the most fitting noise reaches, and few places of an image have just that noise.
# Other binary values (tables, numbers, headers): 2**22 bytes of a study at most are not repeated by its instances.
REQUIRED: Final = {Place.STREAM: 54.0, Place.SAMPLES: 50.0, Place.BINARY: 44.0}
# Tables may be ramps: what is likely in a smooth curve is no evidence there.
REQUIRED_AMONG_TABLES: Final = 20.0
# What a spelling needs before binary values are searched for it at all.
WORTH_SEARCHING: Final = 40.0

_GAUSS: Final = math.sqrt(2 * math.pi * math.e)
# Rounding to whole numbers alone makes this much deviation.
_ROUNDING: Final = math.sqrt(1 / 12)


def uniform_bits(content: bytes, *, folded: bool) -> float:
    """Return the bits by which random bytes miss the content; `folded`: either case of its letters will do."""
    letters = sum(65 <= byte <= 90 or 97 <= byte <= 122 for byte in content) if folded else 0
    return 8.0 * len(content) - letters


def sample_bits(content: bytes, width: int) -> float:
    """Return the bits by which an image misses the content, whatever the image is: a lower bound.

    `width`: bytes of a sample. An image is taken for noise around a level, along a ramp, or along a curve; level,
    ramp, curve and strength of the noise are those under which the content is likeliest, and so is the byte of the
    sample that it begins with.
    """
    grey = min(_likeliest(_samples(content, width, shift)) for shift in range(width))
    return min(grey, _noise_bits(_of_each_colour(content))) if width == 1 else grey


def is_evidence(content: bytes, place: Place, *, folded: bool, width: int = 1) -> bool:
    """Say whether content of binary values is there by more than chance; `width`: bytes of a pixel's sample."""
    if place is Place.SAMPLES:
        return sample_bits(content, width) >= REQUIRED[place]
    enough = uniform_bits(content, folded=folded) >= REQUIRED[place]
    return enough and (place is Place.STREAM or sample_bits(content, 1) >= REQUIRED_AMONG_TABLES)


def _samples(content: bytes, width: int, shift: int) -> list[int]:
    """Return the whole samples of the content, if its first byte is the sample's byte `shift` (little endian)."""
    begin = (width - shift) % width
    return [
        int.from_bytes(content[place : place + width], "little")
        for place in range(begin, len(content) - width + 1, width)
    ]


def _likeliest(samples: Sequence[int]) -> float:
    """Return the fewest bits of all models: noise around the samples, their steps, and the changes of their steps."""
    models = [samples]
    for _ in range(2):
        models.append([after - before for before, after in pairwise(models[-1])])
    return min((_noise_bits(model) for model in models if len(model) > 1), default=0.0)


def _of_each_colour(samples: Sequence[int]) -> list[float]:
    """Return the samples without the level of their colour, where colours take turns (PS3.3 C.7.6.3.1.3)."""
    levels = [sum(samples[colour::3]) / max(1, len(samples[colour::3])) for colour in range(3)]
    return [sample - levels[place % 3] for place, sample in enumerate(samples)]


def _noise_bits(samples: Sequence[float]) -> float:
    """Return -log2 of the likelihood of samples under the normal distribution that fits them best."""
    mean = sum(samples) / len(samples)
    deviation = math.sqrt(sum((sample - mean) ** 2 for sample in samples) / len(samples))
    return len(samples) * max(0.0, math.log2(_GAUSS * max(deviation, _ROUNDING)))
