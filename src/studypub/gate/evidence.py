"""How unlikely it is that bytes are in a study by chance, and how unlikely they must be to be evidence.

A study of 4 GiB has 2**32 places where chance may begin to spell one of some 2**12 texts. False alarms shall come in
less than one study of 1000.
"""

import math
import string
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

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

# Contents of one length, a row each; samples, a row for each content; bits, one number for each.
_Contents = NDArray[np.uint8]
_Samples = NDArray[np.int64]
_Bits = NDArray[np.float64]

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
    return float(_sample_bits(np.frombuffer(content, np.uint8)[np.newaxis], width)[0])


def is_evidence(content: bytes, place: Place, *, folded: bool, width: int = 1, doubt: float = 0.0) -> bool:
    """Say whether content of binary values is there by more than chance.

    `width`: bytes of a pixel's sample. `doubt`: bits of the choice between contents that would have done as well.
    """
    if place is Place.SAMPLES:
        return sample_bits(content, width) - doubt >= REQUIRED[place]
    enough = uniform_bits(content, folded=folded) - doubt >= REQUIRED[place]
    return enough and sample_bits(content, 1) >= REQUIRED_OF_CURVES


def are_worth_searching(contents: Iterable[tuple[bytes, bool]]) -> list[bool]:
    """Say which contents chance spells so rarely that a look at each occurrence in binary values costs little.

    Each comes with whether either case of its letters will do.
    """
    worth: list[bool] = []
    doubtful: defaultdict[int, list[tuple[int, bytes, float]]] = defaultdict(list)
    for number, (content, folded) in enumerate(contents):
        bits = uniform_bits(content, folded=folded)
        worth.append(bits >= _WORTH_SEARCHING)
        if worth[-1] and len(content) < _LONG:
            doubtful[len(content)].append((number, content, bits))
    for length, alike in doubtful.items():
        numbers, short, bits_of = zip(*alike, strict=True)
        for number, is_worth in zip(numbers, _are_no_curves(b"".join(short), length, bits_of), strict=True):
            worth[number] = bool(is_worth)
    return worth


def _are_no_curves(joined: bytes, length: int, bits: Iterable[float]) -> NDArray[np.bool_]:
    contents = np.frombuffer(joined, np.uint8).reshape(-1, length)
    # Among compressed pixels it may be evidence, whatever it would be as samples of 16 bits.
    in_streams = np.fromiter(bits, np.float64) >= REQUIRED[Place.STREAM]
    wide_enough = in_streams | (_sample_bits(contents, 2) >= REQUIRED_OF_CURVES)
    return wide_enough & (_sample_bits(contents, 1) >= REQUIRED_OF_CURVES)


def _sample_bits(contents: _Contents, width: int) -> _Bits:
    count, length = contents.shape
    if length < 2 * width:
        return np.zeros(count)
    grey: _Bits = np.min([_likeliest(_samples(contents, width, shift)) for shift in range(width)], axis=0)
    return np.minimum(grey, _noise_bits(_samples(contents, 1, 0), levels=3)) if width == 1 else grey


def _samples(contents: _Contents, width: int, shift: int) -> _Samples:
    """Return the whole samples of the contents, if their first byte is a sample's byte `shift` (little endian)."""
    begin = (width - shift) % width
    end = begin + (contents.shape[1] - begin) // width * width
    return np.ascontiguousarray(contents[:, begin:end]).view(f"<u{width}").astype(np.int64)


def _likeliest(samples: _Samples) -> _Bits:
    """Return the fewest bits of all models: noise around the samples, their steps, and the changes of their steps."""
    models = (np.diff(samples, order) for order in range(3))
    found = [_noise_bits(model, unseen=order) for order, model in enumerate(models) if model.shape[1] > 1]
    return np.min(np.array(found), axis=0) if found else np.zeros(len(samples))


def _noise_bits(samples: _Samples, levels: int = 1, unseen: int = 0) -> _Bits:
    """Return -log2 of the likelihood of samples under the normal distribution that fits them best.

    `levels`: how many levels take turns, as those of red, green and blue do (PS3.3 C.7.6.3.1.3). `unseen`: how many
    steps led to the first sample; they are taken to be the likeliest ones.
    """
    count = samples.shape[1]
    explained = np.zeros(len(samples))
    for level in range(min(levels, count)):
        part = samples[:, level::levels]
        explained += part.sum(axis=1) ** 2 / part.shape[1]
    deviation = np.sqrt(np.maximum(0.0, (samples**2).sum(axis=1) - explained) / count)
    spread = np.log2(np.maximum(deviation, _ROUNDING))
    found: _Bits = count * np.maximum(0.0, _TYPICAL + spread) + unseen * np.maximum(0.0, _LIKELIEST + spread)
    return found
