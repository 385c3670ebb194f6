"""Runs the installed daemon as its sysadmin does: a configuration file, the command, signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tests.peers.program import free_port

START_SECONDS = 60
END_SECONDS = 30  # what the daemon promises

_CONFIG = """
[server]
port = {port}
[database]
data_dir = "{folder}/data"
[dicom]
host = "127.0.0.1"
port = {scp_port}
quiet_seconds = 5
[backup]
every_hours = 0
[logging]
file = "{folder}/log"
[workers]
search_minutes = 0
retry_base_seconds = 0.2
max_attempts = 2
[[clinics]]
code = "f_Khimki"
name = "Клиника в Химках"
[clinics.pacs]
ae_title = "{pacs}"
host = "127.0.0.1"
port = {pacs_port}
retrieve = "{retrieve}"
"""


@dataclass(frozen=True)
class Installation:
    """A configuration file in a folder of its own, and what it says."""

    folder: Path
    port: int
    scp_port: int

    @property
    def file(self) -> Path:
        return self.folder / "config.toml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command on this installation to its end."""
        name, *rest = arguments
        group = [rest.pop(0)] if name in {"user", "apikey", "audit", "alerts"} else []
        return call(name, *group, "--config", str(self.file), *rest, stdin=stdin)


def call(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run any command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "studypub", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONWARNINGS": "error", **environment},
    )


def install(folder: Path, *, pacs: str, pacs_port: int, retrieve: str = "move", more: str = "") -> Installation:
    """Write a configuration file for a PACS on this machine."""
    installation = Installation(folder, free_port(), free_port())
    text = _CONFIG.format(
        port=installation.port,
        scp_port=installation.scp_port,
        folder=folder,
        pacs=pacs,
        pacs_port=pacs_port,
        retrieve=retrieve,
    )
    installation.file.write_text(text + more, "utf-8")
    return installation


@contextmanager
def serving(installation: Installation, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon while the block lasts; it must end by itself, in time and without a complaint."""
    with started(installation, **environment) as process:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_SECONDS) == 0


@contextmanager
def started(installation: Installation, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon until it says that it has started; however the block ends, it is gone afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "studypub", "serve", "--config", str(installation.file)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
    )
    assert process.stdout
    try:
        for line in process.stdout:
            if "запущен" in json.loads(line)["message"]:
                break
        yield process
    finally:
        process.kill()
        process.communicate(timeout=START_SECONDS)


def client(installation: Installation, key: str) -> httpx.Client:
    """A MIS."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=installation.url, headers=headers, timeout=30, trust_env=False)
