"""The queue as a registrator lives with it: by keys, narrowed down, still where nothing moves; each task's story."""

import pytest
from playwright.async_api import Page, expect
from tests.e2e.sites import assert_clean, next_poll, sign_in, sign_in_by_keys
from tests.peers import panel
from tests.peers.browser import OpenTab
from tests.peers.panel import Panel

from studypub.core.task import Event
from studypub.db import tasks
from studypub.errors import PhiSuspected

pytestmark = pytest.mark.peer


async def tab_to(page: Page, text: str) -> None:
    """Press Tab until the element with this text has the focus."""
    for _ in range(40):
        await page.keyboard.press("Tab")
        if (await page.evaluate("document.activeElement.textContent.trim()")) == text:
            return
    raise AssertionError(f"no way by keys to {text}")


async def test_a_task_is_cancelled_and_retried_by_keys_alone(fresh: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    await fresh.queued("KP125706548L")
    await sign_in_by_keys(page, fresh)
    row = page.locator("[data-task-id]")
    await tab_to(page, "Отменить")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open] h1")).to_have_text("Отменить задание?")
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog[open]")).to_have_count(0)
    await page.keyboard.press("Enter")  # the focus is where it was
    await expect(page.locator("dialog[open] h1")).to_have_text("Отменить задание?")
    await tab_to(page, "Отменить задание")
    await page.keyboard.press("Enter")
    await expect(row).to_have_attribute("data-status", "CANCELLED")
    await expect(page.locator("dialog[open]")).to_have_count(0)
    await tab_to(page, "Повторить")
    await page.keyboard.press("Enter")
    await expect(row).to_have_attribute("data-status", "QUEUED")


async def test_the_list_narrows_while_one_types_and_stays_so(fresh: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    moving = await fresh.advanced(await fresh.queued("KP125706555G"), Event.FOUND, received=10)
    await fresh.failed(await fresh.queued("KP125706111C"), PhiSuspected())
    await page.clock.install()
    await sign_in(page, fresh)
    search = page.locator("#filter-q")
    await search.focus()
    await page.keyboard.type("555g")
    await expect(page.locator("[data-task-id]")).to_have_count(1)
    await expect(search).to_be_focused()
    await expect(page).to_have_url(f"{fresh.address}/queue?q=555g")  # half of it may have narrowed the list
    async with fresh.database.transaction() as tx:
        await tasks.extend_lease(tx, moving, lease=panel.HOUR, received=200, received_bytes=200 * panel.SLICE)
    await next_poll(page)
    await expect(page.locator("[data-field=progress]")).to_have_text("200 из 240 · 100 МБ")  # a poll keeps the filter
    await expect(page.locator("[data-task-id]")).to_have_count(1)
    await page.reload()
    await expect(search).to_have_value("555g")
    await search.fill("")
    await page.select_option("#filter-state", "failed")
    await expect(page.locator("[data-field=acsn]")).to_have_text("KP125706111C")
    assert_clean(tab, fresh)


async def test_nobody_asks_while_nothing_moves_until_somebody_looks(fresh: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    await fresh.failed(await fresh.queued("KP125706111C"), PhiSuspected())
    await page.clock.install()
    await sign_in(page, fresh)
    tab.requests.clear()
    await page.clock.run_for(300_000)
    assert [url for url in tab.requests if "/queue" in url] == []
    await fresh.queued("KP125706548L")
    await page.mouse.move(200, 200)
    await page.mouse.move(220, 220)
    await expect(page.locator("[data-task-id]")).to_have_count(2)
    await expect(page.locator("#queue")).to_have_attribute("hx-trigger", "every 2s, refresh")
    async with page.expect_request("**/queue/lines"):
        await page.clock.run_for(10_000)


async def test_a_hidden_tab_asks_seldom(fresh: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    await fresh.queued("KP125706548L")
    await page.clock.install()
    await sign_in(page, fresh)
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    tab.requests.clear()
    await page.clock.run_for(25_000)
    assert [url for url in tab.requests if "/queue" in url] == []
    async with page.expect_request("**/queue/lines"):
        await page.clock.run_for(10_000)


async def test_a_tasks_story_grows_while_one_reads_it(fresh: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    task = await fresh.advanced(await fresh.queued("KP125706548L"), Event.FOUND, received=10)
    await page.clock.install()
    await sign_in(page, fresh)
    await page.click(".task-link")
    steps = page.locator("[data-event]")
    await expect(steps).to_have_count(3)
    async with fresh.database.transaction() as tx:
        await tasks.advance(tx, task, Event.RECEIVED, received=240, expected=240)
    await next_poll(page)
    await expect(steps.last).to_contain_text("240 из 240")
    async with fresh.database.transaction() as tx:
        found = await tasks.find(tx, task.task_id, clinic_code=None)
        assert found is not None
        await tasks.end(tx, found, Event.FAIL, why=PhiSuspected())
    await next_poll(page)
    await expect(page.locator("#task")).to_have_attribute("data-status", "FAILED")
    await page.get_by_role("button", name="Повторить").click()
    await expect(steps.last).to_contain_text("Запущено снова")
    assert_clean(tab, fresh)
