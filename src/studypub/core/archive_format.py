"""In which forms a study can be downloaded; each is the ending of a file's name."""

from enum import StrEnum
from typing import Final


class ArchiveFormat(StrEnum):
    """A form of the archive; all hold the same."""

    ZIP = "zip"
    TAR_ZST = "tar.zst"
    ISO = "iso"

    @property
    def media_type(self) -> str:
        """The media type (RFC 8878 7.1 for what is compressed as a whole)."""
        return _MEDIA_TYPES[self]


_MEDIA_TYPES: Final = {
    ArchiveFormat.ZIP: "application/zip",
    ArchiveFormat.TAR_ZST: "application/zstd",
    ArchiveFormat.ISO: "application/vnd.efi.iso",
}


def format_of(name: str) -> ArchiveFormat | None:
    """Return the form of what has that name; None where it is no archive."""
    return next((form for form in ArchiveFormat if name.endswith(f".{form}")), None)
