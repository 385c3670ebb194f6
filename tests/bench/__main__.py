"""Measures everything and prints one table: `make bench`, or `python -m tests.bench [BENCH ...]`.

It takes the better part of an hour, and a machine that does nothing else.
"""

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import archive, backup, busy, claims, download, gate, growth, huge, pipeline, receive, start, viewing
from tests.bench.rows import Row

BENCHES: dict[str, Callable[[], list[Row]]] = {
    "receive": receive.rows,  # before others delete files, see there
    "pipeline": pipeline.rows,
    "gate": gate.rows,
    "archive": archive.rows,
    "huge": huge.rows,
    "growth": growth.rows,
    "busy": busy.rows,
    "claims": claims.rows,
    "download": download.rows,
    "viewing": viewing.rows,
    "start": start.rows,
    "backup": backup.rows,
}


def main(names: list[str]) -> None:
    """Print the table, row by row."""
    print(f"{_machine()}\n\n| what | wanted | measured | |\n|---|---|---|---|", flush=True)  # noqa: T201
    for name in names or BENCHES:
        for row in BENCHES[name]():
            print(f"| {row.what} | {row.goal} | {row.found} | {'yes' if row.reached else 'no'} |", flush=True)  # noqa: T201


def _machine() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    model = models[0].partition(": ")[2] if models else platform.machine()
    return f"{os.cpu_count()} processors ({model}), Python {platform.python_version()}"


if __name__ == "__main__":
    main(sys.argv[1:])
