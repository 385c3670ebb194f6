"""One run: a clinic, random faults, a quiet time, and what must hold is looked at from outside."""

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from tests.chaos.weather import Weather
from tests.peers.bad_pacs import BadPacs
from tests.peers.chaos import chaos
from tests.peers.invariants import violations
from tests.peers.restartable import restartable
from tests.peers.s3 import S3Server
from tests.peers.world import World, eventually, open_nursery, open_world

from studypub.store.s3 import S3Store

_ATTEMPTS = 8
_QUIET_SECONDS = 180.0
_LAST_WORDS = 30_000
_MOST_FILES, _MOST_THREADS = 40, 70  # a daemon that rests: its pools, its sockets, the threads that blocking calls had


@dataclass(frozen=True)
class Outcome:
    """What happened, what became of the tasks, and what does not hold."""

    happened: Mapping[str, int]
    tasks: Mapping[str, int]
    figures: Mapping[str, float]
    violations: list[str]


def run(seconds: float, seed: int, server: S3Server | None = None, logs: Path | None = None) -> Outcome:
    """Let it storm for so long; the same seed gives the same order of faults. `logs`: a folder for what daemons say."""
    with _weather(seed, server) as (weather, bucket):
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            weather.strike()
        weather.clear_up()
        quiet = time.monotonic()
        found = _settle(weather)
        settled = time.monotonic() - quiet
        found += [f"INV 1: task {task_id} is lost" for task_id in sorted(weather.acknowledged - _known(weather.world))]
        found += _resources(weather)
        _sweep(weather)
        if server:  # probes and uploads that broke off are left for an hour
            S3Store(server.config(bucket)).sweep(timedelta(seconds=-5))
        stored = _of_bucket(server, bucket) if server else weather.world.stored()
        found += violations(weather.world.database, stored, weather.studies, max_attempts=_ATTEMPTS)
        found += _leftovers(weather.world, stored)
        statuses = weather.world.rows("SELECT concat_ws(' ', status, error_code), count(*) FROM tasks GROUP BY 1")
        attempts = weather.world.rows("SELECT max(attempt), avg(attempt)::float, max(crashes) FROM tasks")[0]
        figures = dict(zip(("most attempts", "attempts on average", "most crashes"), attempts, strict=True))
        figures |= {"seconds until all had ended": round(settled, 1), "links": len(stored)}
        if logs:
            shutil.copytree(weather.world.installation.folder, logs, ignore=lambda _, names: {*names} - _outputs(names))
        return Outcome(Counter(weather.happened), dict(statuses), figures, found)


@contextmanager
def _weather(seed: int, server: S3Server | None) -> Iterator[tuple[Weather, str]]:
    with (
        restartable() as postgres,
        open_nursery() as nursery,
        open_world(postgres, nursery, pacs=BadPacs) as world,
        chaos(postgres.socket) as database,
        chaos(server.address if server else ("127.0.0.1", 1)) as store,
    ):
        host, port = database.address.split(":")
        through = world.database.partition("?")[0].replace("@/", f"@{host}:{port}/")
        world.environment |= {
            "STUDYPUB_DATABASE__URL": through,
            "STUDYPUB_WORKERS__MAX_ATTEMPTS": str(_ATTEMPTS),
            "STUDYPUB_WORKERS__CONCURRENCY": "3",
            "STUDYPUB_WORKERS__LEASE_SECONDS": "3",
            "STUDYPUB_DICOM__QUIET_SECONDS": "1",
        }
        bucket = server.new_bucket() if server else ""
        if server:
            world.environment |= server.environment(bucket, endpoint=f"http://{store.address}")
        assert isinstance(world.pacs, BadPacs)
        yield (
            Weather(world, world.pacs, database, store if server else None, random.Random(seed), world.start()),
            bucket,
        )


def _settle(weather: Weather) -> list[str]:
    world, output = weather.world, weather.daemon.output
    going_on = (
        "SELECT to_jsonb(t) FROM tasks t"
        " WHERE status IN ('QUEUED', 'SEARCHING', 'RETRIEVING', 'PROCESSING', 'UPLOADING')"
    )
    try:
        eventually(lambda: not world.rows(going_on), within=_QUIET_SECONDS)
    except AssertionError:
        left = [task for (task,) in world.rows(going_on)]
        for task in left:
            print(task, *world.rows("SELECT to_jsonb(e) FROM task_events e WHERE task_id = %s", task["task_id"]))  # noqa: T201
        weather.daemon.send(signal.SIGUSR2)
        eventually(lambda: "Current thread" in output.read_text("utf-8") or weather.daemon.wait(0) is not None)
        print(output.read_text("utf-8")[-_LAST_WORDS:])  # noqa: T201
        return [f"INV 1: {len(left)} tasks have not ended after {_QUIET_SECONDS} s of quiet"]
    return []


def _outputs(names: list[str]) -> set[str]:
    return {name for name in names if name.startswith("output-")}


def _known(world: World) -> set[str]:
    return {task_id for (task_id,) in world.rows("SELECT task_id::text FROM tasks")}


def _resources(weather: Weather) -> list[str]:
    process = Path("/proc") / str(weather.daemon.pid)
    files, threads = len(os.listdir(process / "fd")), len(os.listdir(process / "task"))  # noqa: PTH208
    enough = files <= _MOST_FILES and threads <= _MOST_THREADS
    return [] if enough else [f"INV 8: {files} files and {threads} threads of a daemon that rests"]


def _sweep(weather: Weather) -> None:
    """Restart the daemon when what attempts left behind may be collected, and let it."""
    world = weather.world
    weather.daemon.ends()
    for unfinished in world.unfinished:
        os.utime(unfinished, (0, 0))
    world.rows("UPDATE stored_objects SET created_at = created_at - interval '2 hours'")
    weather.daemon = world.start()
    not_needed = (
        "SELECT count(*) FROM stored_objects o"
        " LEFT JOIN published_studies s ON o.object_key IN (s.object_key, s.companion_key)"
        " WHERE o.deleted_at IS NULL AND s.state IS DISTINCT FROM 'LIVE'"
    )
    eventually(lambda: world.rows(not_needed) == [(0,)] and not world.unfinished, within=90)


def _leftovers(world: World, stored: Mapping[str, bytes]) -> list[str]:
    live = {
        key
        for keys in world.rows("SELECT object_key, companion_key FROM published_studies WHERE state = 'LIVE'")
        for key in keys
    }
    found = [f"INV 5: {key} has no link" for key in sorted(stored.keys() - live)]
    return [*found, *(f"INV 5: {path.name} is left in the spool" for path in world.spool)]


def _of_bucket(server: S3Server, bucket: str) -> dict[str, bytes]:
    client = server.client()
    names = [str(one.object_name) for one in client.list_objects(bucket, recursive=True)]
    return {name: client.get_object(bucket, name).read() for name in names if not name.startswith("machine-")}
