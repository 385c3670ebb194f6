"""A study is queued by hand."""

import argparse
import asyncio
from datetime import UTC, datetime, timedelta

import msgspec

from studypub.commands.console import actor, with_database
from studypub.commands.language import language
from studypub.config import Config
from studypub.core.request import read_request
from studypub.core.task import IN_PROGRESS, Origin, Status
from studypub.core.task_document import task_document
from studypub.db import tasks
from studypub.db.database import Database
from studypub.flows.request import Answer, Asker, answer_of, request_publication

_WAIT_SECONDS = 1.0


def publish(options: argparse.Namespace) -> int:
    """Queue a study and print its task; 1 where it ended badly."""
    document = {"patient_id": options.patient_id, "accession_number": options.accession_number}
    if options.clinic:
        document["clinic_code"] = options.clinic

    async def publish(settings: Config, database: Database) -> tuple[Answer, str]:
        request = read_request(
            document,
            zones={clinic.code: clinic.zone for clinic in settings.clinics},
            default_clinic=settings.clinics[0].code,
            now=datetime.now(UTC),
            longest=timedelta(days=settings.retention.max_days),
        )
        asker = Asker(actor(), Origin.COMMAND)
        search_time = timedelta(minutes=settings.workers.search_minutes)
        answer = await request_publication(database, request, asker, search_time=search_time)
        while options.wait and answer.task.status in IN_PROGRESS:
            await asyncio.sleep(_WAIT_SECONDS)
            async with database.transaction() as tx:
                task = await tasks.find(tx, answer.task.task_id, clinic_code=None)
                answer = await answer_of(tx, task) if task else answer
        clinic = settings.clinic(answer.task.clinic_code) or settings.clinics[0]
        task_as_json = task_document(
            answer.task,
            answer.publication,
            base_url=settings.server.base_url,
            zone=clinic.zone,
            now=datetime.now(UTC),
            language=language(),
        )
        return answer, msgspec.json.format(msgspec.json.encode(task_as_json)).decode()

    answer, text = with_database(options, publish)
    print(text)
    return 1 if answer.task.status in (Status.FAILED, Status.CANCELLED) else 0
