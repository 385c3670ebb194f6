"""Asks dicom3tools' dciodvfy and dcmtk's dcmdump what they think of a file."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

PRESENT = bool(shutil.which("dciodvfy") and shutil.which("dcmdump"))


@cache
def errors(path: Path) -> set[str]:
    """Return what dciodvfy calls errors, without values, item numbers and the names of modules; asked once a path."""
    run = subprocess.run(["dciodvfy", "-new", path], capture_output=True, text=True, errors="replace", check=False)
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith("Error")]
    return {re.sub(r" - (Module|Macro)=<.*|= <.*|\[\d+\]", "", line) for line in lines}


def opens(path: Path) -> bool:
    """Say whether dcmdump reads the file to its end."""
    return subprocess.run(["dcmdump", "-q", path], capture_output=True, check=False).returncode == 0
