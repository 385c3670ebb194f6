"""What operations and Prometheus are told."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.web.conftest import BASE_URL, Site

from studypub import __version__
from studypub.config import Backup
from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Database
from studypub.web.app import create_app
from studypub.web.parts import Parts


def read_metrics(text: str) -> dict[tuple[str, str], float]:
    """Return each sample of one label, or none, by its name and that label's value."""
    families = text_string_to_metric_families(text)
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
        if len(sample.labels) <= 1
    }


async def test_the_process_says_that_it_lives(steady_site: Site) -> None:
    response = await steady_site.client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_readiness_names_what_is_not_usable(site: Site) -> None:
    ready = await site.client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "parts": dict.fromkeys(site.faults, "ok")}
    site.faults["storage"] = "the archive storage is unavailable"
    response = await site.client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    assert response.json()["parts"]["storage"] == "the archive storage is unavailable"
    assert response.json()["parts"]["database"] == "ok"


async def test_metrics_count_tasks_answers_and_waiting(site: Site) -> None:
    await site.completed(await site.queued("KP1"))
    await site.queued("KP2")
    await site.get("/publish/nothing")
    response = await site.client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    metrics = read_metrics(response.text)
    assert metrics["studypub_build_info", __version__] == 1
    assert metrics["studypub_database_up", ""] == 1
    assert metrics["studypub_tasks", "COMPLETED"] == 1
    assert metrics["studypub_tasks", "QUEUED"] == 1
    assert metrics["studypub_tasks", "FAILED"] == 0
    assert 0 < metrics["studypub_oldest_due_task_seconds", ""] < 60
    assert metrics["studypub_http_responses_total", "2xx"] == 2
    assert metrics["studypub_http_responses_total", "4xx"] == 1
    assert ("studypub_log_lines_dropped_total", "") in metrics


async def test_metrics_tell_how_old_the_newest_backup_is(steady_site: Site, tmp_path: Path) -> None:
    config = msgspec.structs.replace(steady_site.parts.config, backup=Backup(folder=tmp_path))
    app = create_app(replace(steady_site.parts, config=config))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url=BASE_URL) as client:
        assert ("studypub_backup_age_seconds", "") not in read_metrics((await client.get("/metrics")).text)
        (tmp_path / f"studypub-{datetime.now(UTC) - timedelta(hours=2):%Y%m%dT%H%M%SZ}.tar").touch()
        metrics = read_metrics((await client.get("/metrics")).text)
    assert metrics["studypub_backup_age_seconds", ""] == pytest.approx(7200, abs=60)


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("203.0.113.9", {}, 404),
        ("10.0.0.7", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 404),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 404),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 404),
    ],
)
async def test_x41_metrics_are_for_this_machine(
    steady_site: Site, peer: str, headers: dict[str, str], status: int
) -> None:
    transport = httpx.ASGITransport(cast("Any", steady_site.app), client=(peer, 1))
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        assert (await client.get("/metrics", headers=headers)).status_code == status


async def test_without_a_database_it_lives_and_says_what_is_wrong(steady_site: Site) -> None:
    async def readiness() -> dict[str, str | None]:
        return {"database": "the database is unavailable"}

    async with Database("postgresql://nobody@127.0.0.1:9/nothing", size=1, name="none", sees=EVERY_CLINIC) as database:
        app = create_app(Parts(steady_site.parts.config, database, steady_site.store, readiness))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(cast("Any", app)), base_url=BASE_URL) as client:
            alive, ready, metrics, refused, link = await asyncio.gather(
                client.get("/healthz"),
                client.get("/readyz"),
                client.get("/metrics"),
                client.get("/publish?accession_number=1", headers=steady_site.as_mis()),
                client.get(f"/s/{'A' * 22}/download"),
            )
    assert (alive.status_code, ready.status_code) == (200, 503)
    assert read_metrics(metrics.text)["studypub_database_up", ""] == 0
    assert (refused.status_code, link.status_code) == (503, 503)
    assert refused.headers["retry-after"] == "2"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "DATABASE_UNAVAILABLE"
    assert "База данных недоступна" in link.text
