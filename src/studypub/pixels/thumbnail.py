"""A small picture for a person who has to decide."""

from io import BytesIO

from PIL import Image

from studypub.pixels.frames import Frames


def thumbnail(frames: Frames, number: int = 0, size: int = 320) -> bytes:
    """Return a PNG of one frame, its longer side no more than `size` pixels. Raises Unreadable."""
    picture = Image.fromarray(frames.colour(number))
    picture.thumbnail((size, size), Image.Resampling.LANCZOS)
    target = BytesIO()
    picture.save(target, "PNG", optimize=True)
    return target.getvalue()
