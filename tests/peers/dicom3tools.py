"""Asks dicom3tools' dciodvfy and dcmtk's dcmdump what they think of a file."""

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

PRESENT = bool(shutil.which("dciodvfy") and shutil.which("dcmdump"))


def told(path: Path) -> list[str]:
    """Return what dciodvfy calls errors, word for word; that it crashed, too."""
    with tempfile.TemporaryFile("w+", errors="replace") as file:  # it writes sign by sign, too slowly for a pipe
        run = subprocess.run(["dciodvfy", "-new", path], stdout=file, stderr=file, check=False)
        file.seek(0)
        lines = [line.rstrip("\n") for line in file if line.startswith("Error")]
    return lines if run.returncode >= 0 else [*lines, f"Error - dciodvfy ended by signal {-run.returncode}"]


@cache
def errors(path: Path) -> set[str]:
    """Return the errors without values, item numbers and the names of modules; asked once a path."""
    return {re.sub(r" - (Module|Macro)=<.*|= [<(].*|\[\d+\]", "", line) for line in told(path)}


def opens(path: Path) -> bool:
    """Say whether dcmdump reads the file to its end."""
    return subprocess.run(["dcmdump", "-q", path], capture_output=True, check=False).returncode == 0
