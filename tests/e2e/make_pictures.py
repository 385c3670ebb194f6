"""Makes the pictures of README.md, from the pages as they are: `make pictures`."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Page
from tests.e2e.sites import open_site, sign_in
from tests.peers.browser import DESKTOP, PHONE, OpenTab
from tests.peers.panel import ADMINISTRATOR, HOUR, Panel
from tests.peers.postgres import PostgresPeer
from tests.peers.studies import make_study, scan_with_banner

from studypub.core.publication import Part, Publication, link
from studypub.core.review import Held
from studypub.core.task import Event, Task
from studypub.db import tasks
from studypub.deid.reasons import Reason
from studypub.dicom.demo_pacs import DemoPacs
from studypub.errors import IncompleteRetrieve, PacsUnreachable
from studypub.flows import cancel, pin
from studypub.flows.publish_received import publish_received

FOLDER = Path(__file__).parents[2] / "docs/pictures"
PID, ACSN = "1000001158664", "KP125706655S"
COLOURS = 128
_RENAME = """places => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode())
        for (const [from, to] of Object.entries(places))
            texts.currentNode.data = texts.currentNode.data.replace(from, to);
}"""
BY: dict[str, Any] = {"actor": "user:ivanova", "clinic_code": None}


@pytest.fixture
def pacs() -> Iterator[DemoPacs]:
    """Holds the study that the form finds."""
    instances = make_study(patient_id=PID, accession_number=ACSN, seed=1, instances=24, modality="MR")
    for instance in instances:
        instance.PatientBirthDate, instance.StudyDescription = "19800315", "Коленный сустав"
        instance.StudyDate, instance.StudyTime = "20250201", "161802"
    serving = DemoPacs("ORTHANC", destinations={}, instances=instances)
    serving.start()
    yield serving
    serving.stop()


@pytest.fixture
async def site(postgres_server: PostgresPeer, schema: str, tmp_path: Path, pacs: DemoPacs) -> AsyncIterator[Panel]:
    async with open_site(postgres_server, schema, tmp_path, clinics=1, pacs_port=pacs.port) as serving:
        yield serving


async def test_pictures(site: Panel, open_tab: OpenTab) -> None:
    patients = await a_week(site)
    story, held = await a_morning(site)
    await spread(site)
    phone = await open_tab(viewport=PHONE)
    await phone.page.goto(link(site.address, patients.token))
    await take(phone.page, "landing", site)
    page = (await open_tab(viewport=DESKTOP)).page
    pages = {"queue": "", "studies": "", "task": story.task_id, "review": held.task_id, "state": "", "publish": ""}
    await sign_in(page, site, ADMINISTRATOR)
    for name, task_id in pages.items():
        address = {"task": f"/queue/{task_id}", "review": f"/review/{task_id}", "state": "/admin/state"}
        await page.goto(site.address + address.get(name, "/publish/new" if name == "publish" else f"/{name}"))
        if name == "publish":
            await page.fill("[name=patient_id]", PID)
            await page.fill("[name=accession_number]", ACSN)
            await page.press("[name=accession_number]", "Enter")
            await page.locator("#found[data-outcome=FOUND]").wait_for()
        await page.wait_for_load_state("networkidle")
        await take(page, name, site)


async def take(page: Page, name: str, site: Panel, **renamed: str) -> None:
    """Take a picture as of an installation, in few colours: it is small, and stays sharp."""
    places = {
        site.address: "https://studies.clinic.example",
        str(site.parts.config.database.data_dir): "/var/lib/studypub",
        **renamed,
    }
    await page.evaluate(_RENAME, places)
    picture = Image.open(BytesIO(await page.screenshot())).convert("RGB")
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE)
    few.save(FOLDER / f"{name}.png", optimize=True)


async def a_week(site: Panel) -> Publication:
    """Publish what stands in the list; return what the patient is shown."""
    gone = await site.queued("KP125704410C", "1000001150127", service_title="КТ придаточных пазух")
    await site.withdrawn(gone)
    late = await site.queued("KP125705127D", "1000001151903", service_title="Рентгенография кисти")
    await site.published(late, size=9_437_184, keep=timedelta(seconds=-1), modality="CR")
    part = await site.queued("KP125705882F", "1000001155310", service_title="КТ органов брюшной полости")
    await site.published(part, size=148_897_792, part=Part(missing=2))
    ct = await site.queued("KP125706391K", "1000001157466", by="hand", service_title="КТ головного мозга")
    locked = await site.published(ct, size=161_061_273)
    await pin.set_pin(site.database, locked.study_id, "271828", **BY)
    mr = await site.queued("KP125706548L", service_title="МРТ коленного сустава")
    return await site.published(mr, modality="MR")


async def a_morning(site: Panel) -> tuple[Task, Task]:
    """Make a queue; return the task with a story, and the one that waits for a person."""
    story = await site.queued("KP125706588A", "1000001158690", service_title="КТ грудной клетки")
    await _incomplete(site, story)
    await cancel.try_again(site.database, story.task_id, search_time=HOUR, **BY)
    await _incomplete(site, story)
    by_admin = {**BY, "actor": "user:admin"}
    await publish_received(site.database, story.task_id, "Две серии испорчены", search_time=HOUR, **by_admin)
    await site.published(story, size=61_865_984, part=Part(missing=2))
    await _incomplete(site, await site.queued("KP125706602M", "1000001158702", service_title="КТ почек"))
    silent = PacsUnreachable(pacs="ORTHANC", address="10.0.0.5:4242")
    await site.postponed(await site.queued("KP125706617N", "1000001158745", by="hand"), silent)
    held = await site.hold(
        await site.queued("KP125706625Q", "1000001158790", service_title="УЗИ брюшной полости"), *_scans()
    )
    await site.advanced(await site.queued("KP125706631P", "1000001158811"), Event.FOUND, received=84)
    await site.queued("KP125706640R", "1000001158839", by="hand", service_title="МРТ плечевого сустава")
    return story, held


async def _incomplete(site: Panel, task: Task) -> None:
    running = await site.advanced(task, Event.FOUND, received=118, expected=120)
    async with site.database.transaction() as tx:
        await tasks.end(tx, running, Event.FAIL, why=IncompleteRetrieve(received=118, expected=120))


def _scans() -> Iterator[Held]:
    study = make_study(patient_id=PID, accession_number=ACSN, seed=2, instances=1)
    for number, printed in enumerate(("ИВАНОВА А. П.  12.05.1964", "ID 4471902  17/01/2025", "ИВАНОВА А. П.")):
        scan = scan_with_banner(study, printed=printed, number=904 + number)
        picture = Image.frombytes("L", (scan.Columns, scan.Rows), scan.PixelData)
        picture.thumbnail((320, 320))
        file = BytesIO()
        picture.save(file, "PNG", optimize=True)
        yield Held(f"1.2.{number}", Reason.ULTRASOUND.value, Reason.ULTRASOUND.sentence, file.getvalue())


async def spread(site: Panel) -> None:
    """Let what was done within a second have been done in the course of a morning, or of a week."""
    async with site.database.transaction() as tx:
        for statement in _SPREAD:
            await tx._ask(statement)


_SPREAD = (
    b"""
    UPDATE tasks t SET created_at = t.created_at - n * interval '17 minutes' - interval '2 minutes'
    FROM (SELECT task_id, row_number() OVER (ORDER BY created_at DESC) - 1 AS n FROM tasks) o
    WHERE o.task_id = t.task_id
    """,
    b"""
    UPDATE task_events e SET at = t.created_at + n * interval '90 seconds'
    FROM (SELECT event_id, row_number() OVER (PARTITION BY task_id ORDER BY event_id) - 1 AS n FROM task_events) o,
        tasks t
    WHERE o.event_id = e.event_id AND t.task_id = e.task_id
    """,
    b"""
    UPDATE published_studies s SET upload_date = s.upload_date - n * interval '23 hours'
    FROM (SELECT study_id, row_number() OVER (ORDER BY upload_date DESC) - 1 AS n FROM published_studies) o
    WHERE o.study_id = s.study_id
    """,
)
