"""How unlikely it is that bytes are in a study by chance, and how unlikely they must be to be evidence.

A study of 4 GiB has 2**32 places where chance may begin to spell one of some 2**12 texts. False alarms shall come in
less than one study of 1000.
"""

import math
import string
from collections.abc import Sequence
from operator import mul, sub
from typing import Final

from studypub.gate.clue import Place

# Bits of evidence that a hit needs. Compressed pixels: 32 + 12 + 10 of the sentence above. Pixels as they are: the
# bits are a lower bound that only the most fitting noise reaches, and few places of an image have just that noise.
# Other binary values (tables, numbers, headers): 2**22 bytes of a study at most are not repeated by its instances.
REQUIRED: Final = {Place.STREAM: 54.0, Place.SAMPLES: 50.0, Place.BINARY: 44.0}
# Tables may be ramps, and even surfaces compress to a few bytes that come again and again.
REQUIRED_OF_CURVES: Final = 20.0
# What a spelling needs before binary values are searched for it at all; neighbours may complete it to evidence.
_WORTH_SEARCHING: Final = 40.0

# No likeness in an image is as long as this.
_LONG: Final = 20

_LETTERS: Final = string.ascii_letters.encode()
# Bits of a value of the normal distribution of deviation 1: on average, and at its peak.
_TYPICAL: Final = math.log2(2 * math.pi * math.e) / 2
_LIKELIEST: Final = math.log2(2 * math.pi) / 2
# Rounding to whole numbers alone makes this much deviation.
_ROUNDING: Final = math.sqrt(1 / 12)


def uniform_bits(content: bytes, *, folded: bool) -> float:
    """Return the bits by which random bytes miss the content; `folded`: either case of its letters will do."""
    letters = len(content) - len(content.translate(None, _LETTERS)) if folded else 0
    return 8.0 * len(content) - letters


def sample_bits(content: bytes, width: int) -> float:
    """Return the bits by which an image misses the content, whatever the image is: a lower bound.

    `width`: bytes of a sample. An image is taken for noise around a level, along a ramp, or along a curve; level,
    ramp, curve and strength of the noise are those under which the content is likeliest, and so is the byte of the
    sample that it begins with.
    """
    if len(content) < 2 * width:
        return 0.0
    grey = min(_likeliest(_samples(content, width, shift)) for shift in range(width))
    return min(grey, _noise_bits(content, levels=3)) if width == 1 else grey


def is_evidence(content: bytes, place: Place, *, folded: bool, width: int = 1, doubt: float = 0.0) -> bool:
    """Say whether content of binary values is there by more than chance.

    `width`: bytes of a pixel's sample. `doubt`: bits of the choice between contents that would have done as well.
    """
    if place is Place.SAMPLES:
        return sample_bits(content, width) - doubt >= REQUIRED[place]
    enough = uniform_bits(content, folded=folded) - doubt >= REQUIRED[place]
    return enough and sample_bits(content, 1) >= REQUIRED_OF_CURVES


def is_worth_searching(content: bytes, *, folded: bool) -> bool:
    """Say whether chance spells the content so rarely that a look at every occurrence in binary values costs little."""
    bits = uniform_bits(content, folded=folded)
    if bits < _WORTH_SEARCHING:
        return False
    if len(content) >= _LONG:
        return True
    # Among compressed pixels it may be evidence, whatever it would be as samples of 16 bits.
    wide_enough = bits >= REQUIRED[Place.STREAM] or sample_bits(content, 2) >= REQUIRED_OF_CURVES
    return wide_enough and sample_bits(content, 1) >= REQUIRED_OF_CURVES


def _samples(content: bytes, width: int, shift: int) -> Sequence[int]:
    """Return the whole samples of the content, if its first byte is the sample's byte `shift` (little endian)."""
    if width == 1:
        return content
    begin = (width - shift) % width
    places = range(begin, len(content) - width + 1, width)
    return [int.from_bytes(content[place : place + width], "little") for place in places]


def _likeliest(samples: Sequence[int]) -> float:
    """Return the fewest bits of all models: noise around the samples, their steps, and the changes of their steps."""
    steps = list(map(sub, samples[1:], samples))
    changes = list(map(sub, steps[1:], steps))
    models = (
        _noise_bits(model, unseen=order) for order, model in enumerate((samples, steps, changes)) if len(model) > 1
    )
    return min(models, default=0.0)


def _noise_bits(samples: Sequence[int], levels: int = 1, unseen: int = 0) -> float:
    """Return -log2 of the likelihood of samples under the normal distribution that fits them best.

    `levels`: how many levels take turns, as those of red, green and blue do (PS3.3 C.7.6.3.1.3). `unseen`: how many
    steps led to the first sample; they are taken to be the likeliest ones.
    """
    count = len(samples)
    explained = sum(sum(part) ** 2 / len(part) for level in range(levels) if (part := samples[level::levels]))
    deviation = math.sqrt(max(0.0, sum(map(mul, samples, samples)) - explained) / count)
    spread = math.log2(max(deviation, _ROUNDING))
    return count * max(0.0, _TYPICAL + spread) + unseen * max(0.0, _LIKELIEST + spread)
