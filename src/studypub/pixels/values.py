"""The values that stored samples tell (PS3.5 8.1.1)."""

import numpy as np
from numpy.typing import NDArray

from studypub.pixels.form import Form
from studypub.pixels.native import Stored


def patterns(samples: Stored, form: Form) -> Stored:
    """Return the bits of the values, shifted down; of a negative value its two's complement."""
    kind = samples.dtype.type
    return (samples >> kind(form.low_bit)) & kind((1 << form.stored) - 1)


def values(samples: Stored, form: Form) -> NDArray[np.int64]:
    """Return the values as signed numbers."""
    found = patterns(samples, form).astype(np.int64)
    return _with_sign(found, form)


def all_values(form: Form) -> NDArray[np.int64]:
    """Return the value of every pattern; for samples of no more than 16 bits."""
    return _with_sign(np.arange(1 << form.stored, dtype=np.int64), form)


def _with_sign(found: NDArray[np.int64], form: Form) -> NDArray[np.int64]:
    if form.signed:
        sign = 1 << (form.stored - 1)
        found ^= sign
        found -= sign
    return found
