"""From values to what a person sees (PS3.3 C.7.6.3.1.2, C.11.1, C.11.2; PS3.4 N.2)."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi

Numbers = NDArray[np.float64]
Bytes = NDArray[np.uint8]

_RESCALE: Final = ("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept")
_WINDOW: Final = ("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction")
_GROUPS: Final = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
# Height and width of a pixel, in any unit.
_SIDES: Final = ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio")
_MOST_STRETCHED: Final = 8.0
# What a value that is no number, or a table without its parts, raises.
_MALFORMED: Final = (ArithmeticError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)


def rules(header: Dataset, number: int) -> Dataset:
    """Return rescale and window of a frame: its own, that of all frames, or the image's; nothing if malformed."""
    found = Dataset()
    try:
        shared = header.get("SharedFunctionalGroupsSequence") or []
        frames = header.get("PerFrameFunctionalGroupsSequence") or []
        groups = [*shared[:1], *frames[number : number + 1]]
        sources = [header, *(item for group in groups for name in _GROUPS for item in group.get(name) or [])]
        for source in sources:
            found.update({source[name].tag: source[name] for name in _RESCALE + _WINDOW if source.get(name)})
    except _MALFORMED:
        return Dataset()
    return found


def has_window(rules: Dataset) -> bool:
    """Tell whether the header says which values are seen."""
    return "VOILUTSequence" in rules or _window(rules) is not None


def stretch(header: Dataset) -> float:
    """Return how many times as high as wide a pixel is; 1 where nothing sensible is told (PS3.3 C.7.6.3.1.7, 10.7)."""
    for source in (header, _measures(header)):
        for name in _SIDES:
            try:
                high, wide = map(float, source[name].value)
                found = high / wide
            except _MALFORMED:
                continue
            if 1 / _MOST_STRETCHED <= found <= _MOST_STRETCHED:
                return found
    return 1.0


def _measures(header: Dataset) -> Dataset:
    try:
        measures: Dataset = header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    except _MALFORMED:
        return Dataset()
    return measures


def through(rules: Dataset, centre: float, width: float, function: str = "LINEAR") -> Dataset:
    """Return the rules with another window, in the units to which they rescale."""
    found = Dataset()
    found.update({rules[name].tag: rules[name] for name in _RESCALE if name in rules})
    found.WindowCenter, found.WindowWidth, found.VOILUTFunction = centre, width, function
    return found


def grey(values: NDArray[np.int64], rules: Dataset, lowest: int, highest: int) -> Bytes:
    """Return the brightness of values: windowed, or from the lowest to the highest value that is there."""
    rescaled = _rescaled(values, rules)
    table = _by_table(rescaled, rules)
    if table is not None:
        return table
    window = _window(rules)
    if window is None:
        ends = _rescaled(np.array([lowest, highest]), rules)
        return _bytes(_line(rescaled, float(ends.min()), float(ends.max())))
    centre, width = window
    return _bytes(_FUNCTIONS[str(rules.get("VOILUTFunction") or "LINEAR")](rescaled, centre, width))


def _rescaled(values: NDArray[np.int64], rules: Dataset) -> Numbers:
    try:
        return np.asarray(apply_modality_lut(values, rules), np.float64)
    except _MALFORMED:
        return values.astype(np.float64)


def _by_table(rescaled: Numbers, rules: Dataset) -> Bytes | None:
    if "VOILUTSequence" not in rules:
        return None
    try:
        shown = apply_voi(rescaled.astype(np.int64), rules).astype(np.float64)
        return _bytes(_line(shown, 0, float((1 << int(rules.VOILUTSequence[0].LUTDescriptor[2])) - 1)))
    except _MALFORMED:
        return None


def _window(rules: Dataset) -> tuple[float, float] | None:
    """Return centre and width of the first window."""
    try:
        centre, width = (np.atleast_1d(rules[name].value)[0] for name in ("WindowCenter", "WindowWidth"))
        known = str(rules.get("VOILUTFunction") or "LINEAR") in _FUNCTIONS
        return (float(centre), float(width)) if float(width) > 0 and known else None
    except _MALFORMED:
        return None


def _line(numbers: Numbers, low: float, high: float) -> Numbers:
    if high <= low:
        return np.where(numbers > low, 1.0, 0.0)
    return (numbers - low) / (high - low)


def _linear(numbers: Numbers, centre: float, width: float) -> Numbers:
    return _line(numbers, centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2)


def _linear_exact(numbers: Numbers, centre: float, width: float) -> Numbers:
    return _line(numbers, centre - width / 2, centre + width / 2)


def _sigmoid(numbers: Numbers, centre: float, width: float) -> Numbers:
    return 1 / (1 + np.exp(np.clip(-4 * (numbers - centre) / width, -500, 500)))


# PS3.3 C.11.2.1.2, C.11.2.1.3
_FUNCTIONS: Final = {"LINEAR": _linear, "LINEAR_EXACT": _linear_exact, "SIGMOID": _sigmoid}


def _bytes(shares: Numbers) -> Bytes:
    return (np.clip(shares, 0, 1) * 255 + 0.5).astype(np.uint8)
