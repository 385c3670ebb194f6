"""What is known of the places in a frame that may show text."""

from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle in pixels of the stored frame; the first pixel is 0, 0."""

    x: int
    y: int
    width: int
    height: int
