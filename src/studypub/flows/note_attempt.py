"""Counts what an attempt at a task came to."""

from studypub.core import attempt
from studypub.core.task import Task
from studypub.db import watch
from studypub.db.database import Database
from studypub.metrics import Metrics


async def note_attempt(metrics: Metrics, database: Database, task: Task) -> None:
    """Count it from the steps that the task has written down, whoever took them."""
    async with database.transaction() as tx:
        steps = await watch.steps(tx, task.task_id)
    found = attempt.newest(steps)
    if found is None:
        return
    metrics.attempts.inc()
    metrics.rescues.inc(found.taken_over)
    metrics.publications.labels(found.outcome or "lost").inc()
    metrics.missing.inc(found.missing)
    if found.code:
        metrics.failures.labels(found.code).inc()
    for status, seconds in found.stays:
        metrics.state_seconds.labels(status).observe(seconds)
