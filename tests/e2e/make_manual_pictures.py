"""Makes the pictures of docs/ that README.md does not show: a real Orthanc's pages, and ours: `make pictures`."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import ViewportSize
from tests.e2e.make_pictures import take
from tests.e2e.sites import open_site, sign_in
from tests.peers.browser import DESKTOP, OpenTab
from tests.peers.orthanc import Orthanc
from tests.peers.panel import ADMINISTRATOR, REGISTRATOR, Panel
from tests.peers.postgres import PostgresPeer
from tests.peers.studies import make_study

from studypub.config import Pacs
from studypub.dicom.scp import KnownPeers, Senders, StorageScp
from studypub.dicom.spool import Spool

PID, ACSN = "1000001158664", "KP125706655S"
LONG = ViewportSize(width=1280, height=1160)
CALLED = {"PACS of the tests": "Orthanc"}


@pytest.fixture
def pacs(orthanc: Orthanc) -> Orthanc:
    """Hold one study, whose header says no more than a manual may show."""
    instances = make_study(
        patient_id=PID, accession_number=ACSN, seed=41, instances=24, modality="MR", patient_name="Пример^Анна"
    )
    for instance in instances:
        instance.StudyDescription, instance.SeriesDescription = "МРТ коленного сустава", "PD sag"
        instance.InstitutionName, instance.StationName, instance.OperatorsName = "Клиника", "MR1", ""
        instance.ReferringPhysicianName = instance.RequestingPhysician = instance.RequestedProcedureDescription = ""
        instance.PatientBirthDate, instance.StudyDate, instance.SeriesDate = "19800315", "20250201", "20250201"
    orthanc.store(instances)
    return orthanc


@pytest.fixture
def listener(pacs: Orthanc, tmp_path: Path) -> Iterator[StorageScp]:
    senders = Senders.of(Pacs(ae_title=pacs.ae_title, host=pacs.host, port=pacs.port))
    known, titles = KnownPeers(senders.hosts), senders.ae_titles
    scp = StorageScp("STUDYPUB", "127.0.0.1", 0, peers=known, peer_ae_titles=titles, spool=Spool(tmp_path / "spool"))
    scp.start()
    yield scp
    scp.stop()


@pytest.fixture
async def site(postgres_server: PostgresPeer, schema: str, tmp_path: Path, pacs: Orthanc) -> AsyncIterator[Panel]:
    async with open_site(postgres_server, schema, tmp_path, clinics=1, pacs_port=pacs.port) as serving:
        yield serving


async def test_pictures_of_orthanc(site: Panel, pacs: Orthanc, listener: StorageScp, open_tab: OpenTab) -> None:
    pacs.register("studypub", "127.0.0.1", listener.port, "STUDYPUB")
    page = (await open_tab(viewport=DESKTOP)).page
    explorer = f"{pacs.web}/app/explorer.html"
    (study,) = pacs.studies()
    await page.goto(f"{explorer}#study?uuid={study}")
    await page.get_by_text("AccessionNumber").wait_for()
    await take(page, "orthanc-study", site, **CALLED)
    await page.goto(f"{explorer}#query-retrieve")
    await page.locator("#qr-server option").wait_for(state="attached")
    await page.locator(".ui-btn:has(#qr-echo)").click()
    await page.get_by_text("C-Echo has succeeded").wait_for()
    await page.evaluate("scrollTo(0, 0)")
    await take(page, "orthanc-echo", site, **CALLED)


async def test_pictures_of_the_panel(site: Panel, open_tab: OpenTab) -> None:
    task = await site.queued(ACSN, PID, service_title="МРТ коленного сустава")
    published = await site.published(task, modality="MR")
    page = (await open_tab(viewport=DESKTOP)).page
    await sign_in(page, site, ADMINISTRATOR, "/admin/state")
    await page.locator("main button.primary").click()
    await page.locator("#findings li").first.wait_for()
    pacs_section = site.parts.config.clinics[0].pacs
    await take(page, "checked", site, **{f"{pacs_section.host}:{pacs_section.port}": "10.0.0.5:4242"})
    await sign_in(page, site, REGISTRATOR, "/studies")
    await page.locator(f"[data-study-id='{published.study_id}'] a[href='/studies/{published.study_id}']").first.click()
    await page.locator("dialog #sheet").wait_for()
    await take(page, "sheet", site)
    await page.set_viewport_size(LONG)
    await page.goto(f"{site.address}/studies/{published.study_id}/slip")
    await take(page, "slip", site)
