"""Publishing as a registrator does it, with the keyboard or a bar-code scanner, over a PACS that answers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.e2e.sites import assert_clean, open_site, sign_in, sign_in_by_keys
from tests.peers.browser import PHONE, OpenTab
from tests.peers.panel import Panel
from tests.peers.postgres import PostgresPeer
from tests.peers.studies import make_study

from studypub.db import tasks
from studypub.dicom.demo_pacs import DemoPacs

pytestmark = pytest.mark.peer

PID, ONE, TWO, FOREIGN = "1000001158664", "KP125706548L", "KP125706549M", "KP125706550N"


@pytest.fixture(scope="module")
def pacs() -> Iterator[DemoPacs]:
    """Holds one study under the first number, two under the second, another patient's under the third."""
    instances = [
        *make_study(patient_id=PID, accession_number=ONE, seed=1, instances=2),
        *make_study(patient_id=PID, accession_number=TWO, seed=2, instances=2, modality="CT"),
        *make_study(patient_id=PID, accession_number=TWO, seed=3, instances=2, modality="MR"),
        *make_study(patient_id="2000002", accession_number=FOREIGN, seed=4, instances=2),
    ]
    serving = DemoPacs("ORTHANC", destinations={}, instances=instances)
    serving.start()
    yield serving
    serving.stop()


@pytest.fixture
async def site(postgres_server: PostgresPeer, schema: str, tmp_path: Path, pacs: DemoPacs) -> AsyncIterator[Panel]:
    async with open_site(postgres_server, schema, tmp_path, clinics=1, pacs_port=pacs.port) as serving:
        yield serving


async def scan(page: Page, *codes: str) -> None:
    for code in codes:
        await page.keyboard.type(code)
        await page.keyboard.press("Enter")


async def test_a_scanner_and_two_keys_publish(site: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    await sign_in_by_keys(page, site, "/publish/new")
    await scan(page, PID, ONE)
    await expect(page.locator("#found h2")).to_have_text("Нашлось в PACS")
    await expect(page.locator("#found [data-field=patient]")).to_contain_text("К. С. Ю.")
    await expect(page.locator("[data-publish]")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/queue#task-*")
    await expect(page.locator("tr:target [data-field=acsn]")).to_have_text(ONE)
    assert_clean(tab, site)


async def test_leaving_the_second_number_asks_too_and_takes_no_focus(site: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab(viewport=PHONE)).page
    await sign_in(page, site, path="/publish/new")
    await page.keyboard.type(PID)
    await page.keyboard.press("Tab")
    await page.keyboard.type(ONE)
    await page.keyboard.press("Tab")
    await expect(page.locator("#found h2")).to_have_text("Нашлось в PACS")
    await expect(page.locator("summary", has_text="Срок хранения")).to_be_focused()


async def test_another_number_forgets_what_was_found(site: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    await sign_in(page, site, path="/publish/new")
    await scan(page, PID, FOREIGN)
    await expect(page.locator("#found h2")).to_have_text("Это исследование другого пациента")
    await expect(page.locator("[data-publish]")).to_have_count(0)
    await page.locator("[name=accession_number]").select_text()
    await page.keyboard.type(ONE)
    await expect(page.locator("#found h2")).to_have_count(0)
    await expect(page.locator("[data-publish]")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.locator("#found h2")).to_have_text("Нашлось в PACS")


async def test_one_of_several_is_chosen_by_keys(site: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    await sign_in(page, site, path="/publish/new")
    await scan(page, PID, TWO)
    first = page.locator("[name=study_instance_uid]").first
    await expect(first).to_be_focused()
    await page.keyboard.press("ArrowDown")
    chosen = await page.locator("[name=study_instance_uid]:checked").get_attribute("value")
    await page.keyboard.press("Tab")
    await expect(page.locator("[data-publish]")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/queue#task-*")
    async with site.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, TWO, clinic_code=None)
    assert task is not None
    assert task.chosen_study_uid == chosen


async def test_what_is_published_gives_its_link_at_once(site: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    study = await site.published(await site.queued(ONE))
    await sign_in(page, site, path="/publish/new")
    await scan(page, PID, ONE)
    copy = page.locator("#found [data-copy]")
    await expect(copy).to_be_focused()
    assert await copy.get_attribute("data-copy") == f"{site.address}/s/{study.token}"


async def test_it_works_without_scripts(site: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab(scripts=False)).page
    await sign_in(page, site, path="/publish/new")
    await page.fill("[name=patient_id]", PID)
    await page.fill("[name=accession_number]", TWO)
    await page.get_by_text("Проверить в PACS").click()
    await expect(page.locator("[name=study_instance_uid]")).to_have_count(2)
    await page.click("[data-publish]")
    await expect(page.locator(".summary")).to_contain_text("выберите одно")
    await page.locator("[name=study_instance_uid]").last.check()
    await page.click("[data-publish]")
    await expect(page.locator("[data-task-id] [data-field=acsn]")).to_have_text(TWO)


async def test_a_slow_pacs_leaves_the_button_where_it_is(site: Panel, open_tab: OpenTab) -> None:
    """Whoever presses the button has decided: nothing is looked for, nothing moves under the pointer."""
    tab = await open_tab()
    page = tab.page
    await sign_in(page, site, path="/publish/new")
    await page.keyboard.type(PID)
    await page.keyboard.press("Tab")
    await page.keyboard.type(ONE)
    await page.click("[data-publish]")
    await page.wait_for_url("**/queue#task-*")
    assert not [url for url in tab.requests if url.endswith("/look")]
    await expect(page.locator("tr:target")).to_be_visible()
