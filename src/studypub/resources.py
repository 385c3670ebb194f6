"""Finds the data that ships with the program: SQL, templates, static files, the example configuration."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_data"
_TREE = _PACKAGE.parent.parent


def path(*parts: str) -> Path:
    """Return the path of a shipped file or folder: inside the installed package, else in the source tree."""
    root = _INSTALLED if _INSTALLED.is_dir() else _TREE
    return root.joinpath(*parts)
