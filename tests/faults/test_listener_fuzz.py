"""Bytes that a fuzzer makes up, a few; `make fuzz` goes on for millions."""

import subprocess
import sys


def test_x47_the_listener_takes_whatever_a_fuzzer_makes_up() -> None:
    command = [sys.executable, "-m", "tests.fuzz.listener", "20000"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done 20000 runs" in done.stderr
