"""Of several studies under one number exactly the one that a person has picked is published; its story is whole."""

from datetime import timedelta

import pytest
from tests.peers.house import ACCESSION, MIS, PATIENT, House
from tests.peers.studies import make_study

from studypub.core.request import PublishRequest
from studypub.core.task import Status
from studypub.db import events
from studypub.errors import Refused
from studypub.flows.request import request_publication

SEARCH = timedelta(0)


def asked(chosen: str | None) -> PublishRequest:
    return PublishRequest(patient_id=PATIENT, accession_number=ACCESSION, clinic_code="c", chosen_study_uid=chosen)


async def test_exactly_the_chosen_study_is_published(house: House) -> None:
    one = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=1, instances=2)
    other = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=2, instances=3)
    house.pacs.add([*one, *other])
    unchosen = await request_publication(house.database, asked(None), MIS, search_time=SEARCH)
    ambiguous = await house.settled(unchosen.task, Status.FAILED)
    assert ambiguous.error_code == "AMBIGUOUS_ACCESSION"
    uids = [str(study[0].StudyInstanceUID) for study in (one, other)]
    answer = await request_publication(house.database, asked(uids[1]), MIS, search_time=SEARCH)
    task = await house.settled(answer.task, Status.COMPLETED)
    publication = await house.publication(task.task_id)
    assert publication is not None
    assert (publication.instances, task.study_instance_uid) == (3, uids[1])
    with pytest.raises(Refused):
        await request_publication(house.database, asked(uids[0]), MIS, search_time=SEARCH)
    async with house.database.transaction() as tx:
        story = [event.kind for event in await events.of_task(tx, task.task_id)]
    assert story == ["queued", "claimed", "found", "received", "prepared", "stored", "published"]
