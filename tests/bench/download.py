"""Measures downloads from the local store beside nginx with `sendfile`: `python -m tests.bench.download [MEGABYTES]`.

curl fetches the same archive from each in turn, whole and from its middle on; the median of some rounds counts.
"""

import asyncio
import statistics
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.bench.rows import Row, at_least
from tests.peers import panel
from tests.peers.postgres import PostgresPeer, open_folder
from tests.peers.program import free_port, listens, running

from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Database
from studypub.db.embedded import EmbeddedPostgres
from studypub.db.migrate import migrate

_ROUNDS = 7
_NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    sendfile on;
    server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


def rows(megabytes: int = 1024) -> list[Row]:
    """Return how fast ours is, as a share of nginx."""
    with open_folder() as folder:
        server = EmbeddedPostgres(folder)
        try:
            return asyncio.run(_rows(PostgresPeer(server.start()).database(), folder, megabytes << 20))
        finally:
            server.stop()


async def _rows(url: str, folder: Path, size: int) -> list[Row]:
    await migrate(url)
    async with (
        Database(url, size=4, name="bench", sees=EVERY_CLINIC) as database,
        panel.serve(database, folder) as site,
    ):
        published = await site.published(await site.queued("A1"), size=size)
        archive = folder / "storage" / published.object_key
        archive.parent.mkdir(parents=True, exist_ok=True)
        with archive.open("wb") as file:
            for _ in range(size >> 20):
                file.write(bytes(1 << 20))
        (folder / "archive").hardlink_to(archive)
        ours = f"{site.address}/s/{published.token}/download"
        with _nginx(folder, port := free_port()):
            theirs = f"http://127.0.0.1:{port}/archive"
            found = []
            for name, range_ in (("whole", f"0-{size - 1}"), ("the second half, by Range", f"{size // 2}-{size - 1}")):
                rounds = [(await _rate(ours, range_), await _rate(theirs, range_)) for _ in range(_ROUNDS)]
                our_rate, their_rate = (statistics.median(rates) for rates in zip(*rounds, strict=True))
                found.append(at_least(f"download against nginx: {name}", our_rate / their_rate, 0.7))
            return found


async def _rate(address: str, range_: str) -> float:
    """Return bytes a second."""
    arguments = ("--silent", "--fail", "--range", range_, "--output", "/dev/null", "--write-out", "%{speed_download}")
    called = await asyncio.create_subprocess_exec("curl", *arguments, address, stdout=subprocess.PIPE)
    said, _ = await called.communicate()
    assert called.returncode == 0, called.returncode
    return float(said)


def _nginx(folder: Path, port: int) -> AbstractContextManager[Any]:
    settings = folder / "nginx.conf"
    settings.write_text(_NGINX.format(folder=folder, port=port))
    return running(["nginx", "-c", settings], folder / "nginx.out", lambda: listens(port))


if __name__ == "__main__":
    print(*rows(*map(int, sys.argv[1:])), sep="\n")  # noqa: T201
