"""A real publication as FHIR tells of it: of the de-identified images, and valid."""

import json
from datetime import UTC
from pathlib import Path

from fhir.resources.R4B.imagingstudy import ImagingStudy
from tests.peers.fhir_schema import require_valid
from tests.peers.house import ACCESSION, PATIENT, open_house
from tests.peers.queue import QueueWatch
from tests.peers.studies import make_study

from studypub.db.database import Database
from studypub.flows.companion import Companions
from studypub.flows.imaging_study import described
from studypub.flows.view import Views

BASE_URL = "https://studies.clinic.example"


async def test_it_tells_of_every_image_by_its_new_uid(
    database: Database, queue_watch: QueueWatch, tmp_path: Path
) -> None:
    images_there = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=4500, instances=4)
    async with open_house(database, queue_watch, tmp_path, images_there) as house:
        task, publication = await house.published()
    views = Views(house.store, Companions(house.store))
    whole = described(views, publication, base_url=BASE_URL, zone=UTC)
    ImagingStudy.model_validate(whole)
    require_valid(whole)
    images = [image["uid"] for series in whole["series"] for image in series["instance"]]
    assert len(set(images)) == whole["numberOfInstances"] == publication.instances
    assert whole["contained"][0]["address"] == f"{BASE_URL}/s/{publication.token}/dicomweb"
    assert task.study_instance_uid is not None
    assert task.study_instance_uid not in json.dumps(whole)
    shortened = described(views, publication, base_url=BASE_URL, zone=UTC, shortened=True)
    ImagingStudy.model_validate(shortened)
    require_valid(shortened)
    assert [series["numberOfInstances"] for series in shortened["series"]] == [
        len(series["instance"]) for series in whole["series"]
    ]
    assert not any("instance" in series for series in shortened["series"])
