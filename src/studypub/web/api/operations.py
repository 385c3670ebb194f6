"""What operations watch: does it live, is it ready, how much does it do."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.types import Message, Scope

from studypub import __version__, log
from studypub.config import Config
from studypub.core.task import Status
from studypub.db import tasks
from studypub.db.database import Database
from studypub.errors import DatabaseUnavailable, Sentence
from studypub.flows import backup
from studypub.web.client import is_loopback
from studypub.web.errors import Problem
from studypub.web.given import GivenParts

_METRICS_MEDIA_TYPE = "text/plain; version=0.0.4"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_NOTHING = Sentence("Здесь ничего нет. Проверьте адрес.", "There is nothing here. Check the address.")


class RequestCounter:
    """Counts answers by the class of their status; a hook for Litestar's `before_send`."""

    def __init__(self) -> None:
        self.answers: Counter[str] = Counter({f"{number}xx": 0 for number in range(2, 6)})

    async def __call__(self, message: Message, _: Scope) -> None:
        """Count a response that begins."""
        if message["type"] == "http.response.start":
            self.answers[f"{message['status'] // 100}xx"] += 1


@get("/healthz")
async def healthz() -> dict[str, str]:
    """Tell that the process lives."""
    return {"status": "ok"}


@get("/readyz")
async def readyz(parts: GivenParts) -> Response[dict[str, Any]]:
    """Tell whether everything that the work needs is usable, and what is not."""
    found = await parts.readiness()
    ready = all(trouble is None for trouble in found.values())
    document = {
        "status": "ready" if ready else "not ready",
        "parts": {name: trouble or "ok" for name, trouble in found.items()},
    }
    return Response(document, status_code=200 if ready else 503)


@get("/metrics")
async def metrics(request: Request[Any, Any, Any], parts: GivenParts, state: State) -> Response[str]:
    """Tell Prometheus, on this machine only: 404 to other machines and to whatever came through a proxy."""
    if not _came_from_here(request):
        raise Problem(404, _NOTHING)
    counter: RequestCounter = state.requests
    lines = [
        *_metric("build_info", "gauge", {f'{{version="{__version__}"}}': 1}),
        *_metric("log_lines_dropped_total", "counter", {"": log.dropped()}),
        *_metric("http_responses_total", "counter", _labelled("status", counter.answers)),
        *await _of_backups(parts.config),
        *_metric("certificate_days", "gauge", _labelled("use", _days_left(parts.certificates()))),
        *_metric("dicom_refused_total", "counter", _labelled("what", parts.refused())),
        *await _of_database(parts.database),
    ]
    return Response("\n".join(lines) + "\n", media_type=_METRICS_MEDIA_TYPE)


def _came_from_here(request: Request[Any, Any, Any]) -> bool:
    peer = request.client.host if request.client else ""
    return is_loopback(peer) and not any(name in request.headers for name in _FORWARDED)


async def _of_backups(config: Config) -> list[str]:
    """Tell how old the newest backup is, where there is one."""
    newest = await asyncio.to_thread(backup.newest, config.backup_dir)
    age = {} if newest is None else {"": (datetime.now(UTC) - newest).total_seconds()}
    return _metric("backup_age_seconds", "gauge", age)


async def _of_database(database: Database) -> list[str]:
    try:
        async with database.transaction() as tx:
            by_status = await tasks.count_by_status(tx)
            overdue = await tasks.longest_wait(tx)
    except DatabaseUnavailable:
        return _metric("database_up", "gauge", {"": 0})
    return [
        *_metric("database_up", "gauge", {"": 1}),
        *_metric("tasks", "gauge", {f'{{status="{status}"}}': by_status.get(status, 0) for status in Status}),
        *_metric("oldest_due_task_seconds", "gauge", {"": overdue.total_seconds()}),
    ]


def _days_left(certificates: Mapping[str, datetime]) -> dict[str, float]:
    now = datetime.now(UTC)
    return {use: round((ends - now).total_seconds() / 86_400, 2) for use, ends in certificates.items()}


def _labelled(label: str, counts: Mapping[str, float]) -> dict[str, float]:
    return {f'{{{label}="{name}"}}': times for name, times in sorted(counts.items())}


def _metric(name: str, kind: str, samples: dict[str, float]) -> list[str]:
    """Return a metric in Prometheus' text format."""
    full = f"studypub_{name}"
    return [f"# TYPE {full} {kind}", *(f"{full}{labels} {value}" for labels, value in samples.items())]


routes = (healthz, readyz, metrics)
