"""Lets a day's work come in bursts, again and again, and says what grows: `python -m tests.bench.soak MINUTES`.

Twenty studies are asked for at once, published, withdrawn, and asked for anew, while a hundred people have the queue
open, whose page asks for news every two seconds. Memory, threads and open files are those of the daemon; the first
burst is to warm it up and does not count.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from tests.bench.busy import fill
from tests.bench.phantoms import study
from tests.bench.rows import percentile
from tests.peers import daemon, orthanc, panel
from tests.peers.daemon import Installation
from tests.peers.restartable import restartable

_POLL_SECONDS = 2.0
_LOOK_SECONDS = 0.25
_LONGEST_BURST = 300.0
_PAUSE_SECONDS = 5.0  # between two bursts


class Sample(NamedTuple):
    """Seconds since the start; memory in MB; threads; open files."""

    at: float
    memory: float
    threads: int
    files: int


@dataclass
class Soaked:
    """What was seen."""

    samples: list[Sample] = field(default_factory=list)
    polls: list[float] = field(default_factory=list)
    bursts: list[float] = field(default_factory=list)
    put_off: int = 0  # requests that were told to come again
    errors: int = 0
    published: int = 0


def main(minutes: float) -> None:
    """Print what was seen."""
    seen = soak(60 * minutes, people=100, studies=20, instances=20)
    first, middle, last = (seen.samples[place] for place in (0, len(seen.samples) // 2, -1))
    print(f"{'':10} {'start':>8} {'middle':>8} {'end':>8} {'per hour':>9}")  # noqa: T201
    for name in ("memory", "threads", "files"):
        values = [getattr(one, name) for one in (first, middle, last)]
        print(f"{name:10} {values[0]:8.0f} {values[1]:8.0f} {values[2]:8.0f} {slope(seen.samples, name):9.1f}")  # noqa: T201
    print(  # noqa: T201
        f"{seen.published} publications in {len(seen.bursts)} bursts, the median one in "
        f"{statistics.median(seen.bursts):.1f} s; {len(seen.polls)} polls, p50 {percentile(seen.polls, 50):.0f} ms, "
        f"p99 {percentile(seen.polls, 99):.0f} ms; {seen.put_off} told to come again; "
        f"{seen.errors} errors"
    )


def slope(samples: list[Sample], name: str) -> float:
    """Return by how much it grows in an hour, by least squares."""
    times, values = [one.at for one in samples], [getattr(one, name) for one in samples]
    return 3600 * statistics.linear_regression(times, values).slope


def soak(seconds: float, *, people: int, studies: int, instances: int) -> Soaked:
    """Do it for so long, and twice at least, after the first burst."""
    with _site(studies, instances) as (installation, pid, key):
        return asyncio.run(_soaked(installation, pid, key, seconds, people, studies))


@contextmanager
def _site(studies: int, instances: int) -> Iterator[tuple[Installation, int, str]]:
    with tempfile.TemporaryDirectory(prefix="studypub-soak-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "pacs").mkdir()
        with orthanc.started(folder / "pacs", synchronous_c_move=True) as pacs, restartable() as postgres:
            for number in range(studies):
                pacs.store(study("MR", instances, f"SOAK{number}", number + 1))
            url = postgres.database()
            fill(url, tasks=1000)
            installation = daemon.install(folder, pacs=pacs.ae_title, pacs_port=pacs.port)
            pacs.register("STUDYPUB", "127.0.0.1", installation.scp_port)
            with daemon.serving(installation, STUDYPUB_DATABASE__URL=url) as process:
                yield installation, process.pid, postgres.key


async def _soaked(installation: Installation, pid: int, key: str, seconds: float, people: int, studies: int) -> Soaked:
    seen, over = Soaked(), asyncio.Event()
    # What the server is about to close is not used any more: a browser would ask again, this client does not.
    limits = httpx.Limits(max_connections=people + 10, max_keepalive_connections=people + 10, keepalive_expiry=3.0)
    async with httpx.AsyncClient(base_url=installation.url, timeout=60, trust_env=False, limits=limits) as client:
        form = {"name": panel.REGISTRATOR, "password": panel.PASSWORD}
        cookies = []
        for _ in range(people):
            cookies.append(dict((await client.post("/login", data=form)).cookies))
            client.cookies.clear()  # the next one is somebody else's browser
        polling = [
            asyncio.create_task(_poll(client, one, seen, over, _POLL_SECONDS * place / people))
            for place, one in enumerate(cookies)
        ]
        mis = {"Authorization": f"Bearer {key}"}
        await _burst(client, mis, studies, Soaked())
        begun = time.monotonic()
        sampling = asyncio.create_task(_sample(pid, seen, over, begun))
        while time.monotonic() - begun < seconds or len(seen.bursts) < 2:
            await _burst(client, mis, studies, seen)
            await asyncio.sleep(min(_PAUSE_SECONDS, seconds / 10))
        over.set()
        await asyncio.gather(*polling, sampling)
    return seen


async def _burst(client: httpx.AsyncClient, mis: dict[str, str], studies: int, seen: Soaked) -> None:
    """Ask for all studies at once, wait until each is published, and withdraw them."""
    begun = time.monotonic()
    asked = [{"patient_id": "P1", "accession_number": f"SOAK{number}"} for number in range(studies)]
    waiting = set()
    while asked:
        assert time.monotonic() - begun < _LONGEST_BURST, asked
        answers = (await _ask(client, "POST", "/publish/batch", seen, json=asked, headers=mis)).json()["answers"]
        waiting |= {answer["task"]["task_id"] for answer in answers if "task" in answer}
        # Of so many at once some may be told to come again.
        asked = [one for one, answer in zip(asked, answers, strict=True) if "task" not in answer]
    tasks = set(waiting)
    while waiting:
        assert time.monotonic() - begun < _LONGEST_BURST, waiting
        await asyncio.sleep(_LOOK_SECONDS)
        wanted = {"status": "COMPLETED,FAILED", "limit": 50}
        listed = await _ask(client, "GET", "/publish", seen, params=wanted, headers=mis)
        for task in listed.json()["tasks"]:
            if task["task_id"] in waiting:
                waiting.discard(task["task_id"])
                seen.errors += task["status"] == "FAILED"
    seen.bursts.append(time.monotonic() - begun)
    seen.published += studies
    for task_id in tasks:
        await _ask(client, "DELETE", f"/publish/{task_id}", seen, headers=mis)


async def _ask(client: httpx.AsyncClient, method: str, path: str, seen: Soaked, **given: Any) -> httpx.Response:
    """Ask as a MIS does that comes again when it is told to."""
    until = time.monotonic() + _LONGEST_BURST
    while (answer := await client.request(method, path, **given)).status_code == 503:
        assert time.monotonic() < until
        seen.put_off += 1
        await asyncio.sleep(float(answer.headers["retry-after"]))
    return answer.raise_for_status()


async def _poll(
    client: httpx.AsyncClient, cookies: dict[str, str], seen: Soaked, over: asyncio.Event, delay: float
) -> None:
    """Ask for news as the page of the queue does."""
    header = "; ".join(f"{name}={value}" for name, value in cookies.items())
    await asyncio.sleep(delay)
    while not over.is_set():
        begun = time.perf_counter()
        try:
            answer = await client.get("/queue/lines", headers={"Cookie": header, "HX-Request": "true"})
            seen.put_off += answer.status_code == 503
            seen.errors += answer.status_code not in {200, 503}
        except httpx.TransportError:
            seen.errors += 1
        seen.polls.append(1000 * (time.perf_counter() - begun))
        try:
            await asyncio.wait_for(over.wait(), _POLL_SECONDS)
        except TimeoutError:
            continue


async def _sample(pid: int, seen: Soaked, over: asyncio.Event, begun: float) -> None:
    while not over.is_set():
        seen.samples.append(sample(pid, time.monotonic() - begun))
        try:
            await asyncio.wait_for(over.wait(), 1.0)
        except TimeoutError:
            continue


def sample(pid: int, at: float) -> Sample:
    """Look at a process."""
    folder = Path(f"/proc/{pid}")
    told = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    return Sample(at, int(told["VmRSS"].split()[0]) / 1024, int(told["Threads"]), len(list((folder / "fd").iterdir())))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:] or ["30"]))
