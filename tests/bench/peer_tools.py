"""Runs studypub and its peers over a folder of files, each in its own way, and tells the CPU time on one core."""

import json
import os
import subprocess
import sys
import tempfile
import venv
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import httpx
from tests.peers.orthanc import started

from studypub.config import Pixels
from studypub.deid.profile import load
from studypub.flows.deidentify import deidentify_folder

_PINNED = ("dicognito==0.19.0", "dicom-anonymizer==2.1.0", "pydicom==3.0.2")
_WORKER = Path(__file__).with_name("peer_worker.py")
# What a clinic may choose at most: cover everywhere, and count reading alone as certain.
COVERING = Pixels(captures="mask", photographs="mask", trust_reading=True)


@dataclass(frozen=True)
class Result:
    """CPU seconds, and the new file of each file that was let through."""

    seconds: float
    written: dict[str, Path]


Tool = Callable[[Path, Path], Result]


def tools() -> dict[str, Tool]:
    """Return each tool as a function of a source folder without folders in it, and a target folder."""
    return {
        "studypub, basic": partial(studypub, "basic", Pixels()),
        "studypub, second-opinion": partial(studypub, "second-opinion", Pixels()),
        "studypub, covering all kinds": partial(studypub, "second-opinion", COVERING),
        "dicognito 0.19": partial(peer, "dicognito"),
        "dicom-anonymizer 2.1": partial(peer, "dicom-anonymizer"),
        "Orthanc": orthanc,
    }


def studypub(profile: str, pixels: Pixels, source: Path, target: Path) -> Result:
    """Run our own rules under a profile, as `studypub deidentify` does, the gate included."""
    begun = _seconds()
    report = deidentify_folder(source, target, load(profile), pixels)
    seconds = _seconds() - begun
    kept = [entry["file"] for entry in report if entry["outcome"] != "left_out"]
    folders = sorted({path.parent for path in target.rglob("*.dcm")})
    assert len(folders) == 1, "the files are of one study, numbered in the order of the list"
    return Result(seconds, dict(zip(kept, sorted(folders[0].iterdir()), strict=True)))


def _seconds() -> float:
    """Return the CPU seconds used so far, those of programs that were started and have ended, too."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def peer(tool: str, source: Path, target: Path) -> Result:
    """Run a tool of the environment that is made for it."""
    run = subprocess.run([environment(), _WORKER, tool, source, target], check=True, capture_output=True, text=True)
    told = json.loads(run.stdout.splitlines()[-1])
    return Result(told["seconds"], {path.name: path for path in sorted(target.iterdir())})


@cache
def environment() -> Path:
    """Return the Python of an environment with the peers in it; made by pip where it is not there yet."""
    folder = Path(tempfile.gettempdir()) / f"studypub-bench-{os.getuid()}"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *_PINNED], check=True, stdout=sys.stderr)
    return python


def orthanc(source: Path, target: Path) -> Result:
    """Send each file to an Orthanc and ask for it anonymized; the time is its process's, of anonymizing alone."""
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), synchronous_c_move=True) as server:
        rest = server._rest
        sent = {path.name: rest.post("/instances", content=path.read_bytes()) for path in sorted(source.iterdir())}
        stored = {name: answer.json()["ID"] for name, answer in sent.items() if answer.is_success}
        begun = _seconds_of_orthanc()
        answers = {name: _anonymized(rest, identifier) for name, identifier in stored.items()}
        seconds = _seconds_of_orthanc() - begun
    for name, answer in answers.items():
        if answer.is_success:
            (target / name).write_bytes(answer.content)
    return Result(seconds, {path.name: path for path in sorted(target.iterdir())})


def _anonymized(rest: httpx.Client, identifier: str) -> httpx.Response:
    return rest.post(f"/instances/{identifier}/anonymize", json={})


def _seconds_of_orthanc() -> float:
    """Return the CPU seconds of our child of that name (proc(5): utime and stime are fields 14 and 15)."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        name, _, fields = stat.read_text().partition(" (")[2].rpartition(") ")
        if name == "Orthanc" and int(fields.split()[1]) == os.getpid():
            return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")
    raise AssertionError("no Orthanc runs")


def quiet(tool: Tool, source: Path, target: Path) -> Result:
    """Run a tool without the warnings of what the corpus does on purpose."""
    with warnings.catch_warnings(action="ignore"):
        return tool(source, target)
