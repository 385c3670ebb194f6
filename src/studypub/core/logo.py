"""A clinic's logo as patients see it: a small picture, and what it is known by."""

from dataclasses import dataclass
from typing import Final

LARGEST: Final = 1 << 20  # bytes of what is sent
WIDEST: Final = 600  # pixels of what is kept
HIGHEST: Final = 200
MOST_PIXELS: Final = 25_000_000  # of what is sent: a bomb of a few kilobytes unfolds to far more
MEDIA_TYPE: Final = "image/webp"


@dataclass(frozen=True, slots=True)
class Logo:
    """Its size in pixels, and the SHA-256 of its bytes, by which it has its address."""

    width: int
    height: int
    sha256: bytes

    @property
    def address(self) -> str:
        """Where a browser finds it; another picture has another address."""
        return f"/logo/{self.sha256.hex()}.webp"
