"""A test's port is that test's alone."""

import subprocess
import sys
from pathlib import Path

from tests.peers.program import free_port

ANOTHER = """
from tests.peers import program
program._PORTS = range({port}, {port} + 1)
program.free_port()
"""


def test_nobody_else_gets_it_though_nothing_listens_there_yet() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ANOTHER.format(port=free_port())], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "no free port" in done.stderr


def test_the_kernel_gives_it_to_nobody() -> None:
    low, _ = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()
    assert free_port() < int(low)
