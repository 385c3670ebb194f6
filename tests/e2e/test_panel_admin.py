"""What an administrator does in a browser: grants rights, searches the log, has everything checked now."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.peers import panel
from tests.peers.browser import OpenTab
from tests.peers.panel import Panel
from tests.peers.postgres import PostgresPeer, postgres_server

from studypub.db import audit
from studypub.db.database import Database
from studypub.db.migrate import migrate

__all__ = ["postgres_server"]

pytestmark = pytest.mark.peer


@pytest.fixture
async def site(postgres_server: PostgresPeer, tmp_path: Path) -> AsyncIterator[Panel]:
    url = postgres_server.database()
    await migrate(url)
    async with Database(url, size=4, name="panel") as database, panel.serve(database, tmp_path) as serving:
        yield serving
    postgres_server.drop(url)


async def sign_in(page: Page, site: Panel, name: str, path: str) -> None:
    await page.goto(f"{site.address}/login?next={path}")
    await page.fill("[name=name]", name)
    await page.fill("[name=password]", panel.PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(site.address + path)


async def test_a_right_that_is_taken_is_gone_at_once(site: Panel, open_tab: OpenTab) -> None:
    await site.queued("KP125706548L")
    registrator, administrator = (await open_tab()).page, (await open_tab()).page
    await sign_in(registrator, site, panel.REGISTRATOR, "/queue")
    await expect(registrator.locator("[data-task-id]").get_by_text("Отменить")).to_be_visible()
    await sign_in(administrator, site, panel.ADMINISTRATOR, "/admin/rights")
    await administrator.get_by_label("Отменять задания").uncheck()
    await administrator.get_by_role("button", name="Сохранить").click()
    await expect(administrator.get_by_role("status")).to_have_text("Сохранено.")
    await expect(registrator.locator("[data-task-id]").get_by_text("Отменить")).to_have_count(0)  # by the next poll


async def test_the_log_is_found_while_typing(site: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    async with site.database.transaction() as tx:
        for number in range(9):
            await audit.append(tx, "user:ivanova", "task.queued", f"subject-{number}")
    await sign_in(tab.page, site, panel.ADMINISTRATOR, "/admin/audit")
    await tab.page.locator("#filter-q").press_sequentially("subject-7")
    await expect(tab.page.locator("[data-entry]")).to_have_count(1)
    await expect(tab.page.locator("#filter-q")).to_be_focused()
    assert tab.page.url.endswith("/admin/audit?q=subject-7")
    assert tab.console_errors == tab.failed_requests == []


async def test_the_state_is_shown(site: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await site.published(await site.queued("KP125706548L"))
    await sign_in(tab.page, site, panel.ADMINISTRATOR, "/admin/state")
    await expect(tab.page.locator("[data-field=studies]")).to_have_text("1")
    assert tab.console_errors == tab.failed_requests == []
