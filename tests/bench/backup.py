"""Measures how long it takes to make a backup of 100,000 tasks, and to serve from it: `python -m tests.bench.backup`.

What is lost at most is what came since the last backup; the time to go back is that of `studypub restore` and of the
start of the daemon on what it made.
"""

import sys
import time
from pathlib import Path

import psycopg
from tests.bench.pages import FILL
from tests.peers.daemon import Installation, install, serving
from tests.peers.postgres import open_folder

from studypub.data_dir import embedded


def main(tasks: int) -> None:
    """Print the seconds of each step, and the size of the backup."""
    with open_folder() as one, open_folder() as other:
        ours, empty = (install(folder, pacs="NOBODY", pacs_port=1) for folder in (one, other))
        assert ours.command("migrate").returncode == 0
        with embedded(one / "data", alone=True) as (url, _), psycopg.connect(url, autocommit=True) as connection:
            connection.execute(FILL, {"number": tasks})
        path, making = _made(ours)
        begun = time.monotonic()
        done = empty.command("restore", str(path))
        restored = time.monotonic()
        assert done.returncode == 0, done.stderr
        with serving(empty):
            served = time.monotonic()
        print(f"{tasks} tasks: {path.stat().st_size / 2**20:.0f} MiB, made and tried out in {making:.1f} s")  # noqa: T201
        print(f"restored in {restored - begun:.1f} s, served {served - restored:.1f} s later")  # noqa: T201


def _made(installation: Installation) -> tuple[Path, float]:
    begun = time.monotonic()
    done = installation.command("backup", str(installation.folder / "backups"))
    assert done.stdout, done.stderr  # 1: the archives of what was filled in are not there
    return Path(done.stdout.splitlines()[0]), time.monotonic() - begun


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
