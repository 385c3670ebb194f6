"""What stands out of a picture sharply, as letters do: thin, and brighter or darker than all around."""

from typing import Final

import numpy as np
from scipy import ndimage

from studypub.pixels.arrays import Grey

# Pixels: no stroke of a letter is thicker. 17 holds for bold letters 100 pixels high.
_STROKE: Final = 17
_BLOCK: Final = 32
_QUANTILE: Final = 0.4  # letters, however dense, leave more of a block to what is behind them
_USUAL: Final = 2.6  # times what is typical
_STRICT: Final = 4.0
_LEAST: Final = 8
_MOST: Final = 140  # what stands out more than this is never noise


def relief(grey: Grey, *, bright: bool, strict: bool = False) -> Grey:
    """Return how far each pixel stands out: of what is thin and bright (else dark), and above the grain around it.

    `strict` leaves less of the grain, and of faint letters in it.
    """
    level = grey if bright else np.invert(grey)
    raised = level - ndimage.grey_opening(level, size=(_STROKE, _STROKE))
    return np.where(raised > _floor(raised, _STRICT if strict else _USUAL), raised, 0).astype(np.uint8)


def _floor(raised: Grey, factor: float) -> Grey:
    """Return how far speckle and quantum noise stand out, around each pixel."""
    rows, columns = raised.shape
    padded = np.pad(raised, ((0, -rows % _BLOCK), (0, -columns % _BLOCK)), mode="edge")
    high, wide = padded.shape[0] // _BLOCK, padded.shape[1] // _BLOCK
    blocks = padded.reshape(high, _BLOCK, wide, _BLOCK).swapaxes(1, 2).reshape(high, wide, -1)
    place = int(blocks.shape[2] * _QUANTILE)
    typical = np.partition(blocks, place, axis=2)[:, :, place]
    typical = np.minimum(typical, ndimage.median_filter(typical, size=3))
    floor = np.clip(_LEAST + factor * typical.astype(np.float32), _LEAST, _MOST).astype(np.uint8)
    whole: Grey = floor.repeat(_BLOCK, 0).repeat(_BLOCK, 1)[:rows, :columns]
    return whole
