"""What `make run` starts publishes a study by itself, ends when it is told to, and goes on from there."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import takewhile
from pathlib import Path
from zipfile import ZipFile

import httpx
from tests.peers.postgres import open_folder

END_SECONDS = 60


@contextmanager
def trial(state: Path) -> Iterator[dict[str, str]]:
    """Run it for as long as the block lasts; give what it prints when it is ready, by the word before the colon."""
    process = subprocess.Popen(
        [sys.executable, "-m", "studypub", "demo", "--state", state],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        printed = takewhile(lambda line: "Ctrl-C" not in line, process.stdout)
        pairs = (line.split(":", 1) for line in printed if ":" in line)
        yield {name.strip(): value.strip() for name, value in pairs}
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=END_SECONDS)
    assert process.returncode == 0


def test_a_study_is_published_and_is_still_there_the_next_time() -> None:
    with open_folder() as folder:
        with trial(folder / "var") as first:
            page = httpx.get(first["Link"], trust_env=False)
            archive = httpx.get(f"{first['Link']}/download", follow_redirects=True, trust_env=False)
        with trial(folder / "var") as second:
            again = httpx.get(f"{second['Panel']}{httpx.URL(first['Link']).path}", trust_env=False)
    assert page.status_code == again.status_code == 200
    names = ZipFile(BytesIO(archive.content)).namelist()
    assert {"DICOMDIR", "README.txt"} < set(names)
    assert len([name for name in names if name.startswith("DICOM/") and not name.endswith("/")]) == 60
    assert (second["Login"], second["Password"]) == (first["Login"], first["Password"])
