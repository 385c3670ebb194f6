"""What an administrator does in a browser: grants rights, searches the log, has everything checked now."""

import pytest
from playwright.async_api import expect
from tests.e2e.sites import assert_clean, next_poll, sign_in
from tests.peers import panel
from tests.peers.browser import OpenTab
from tests.peers.panel import Panel

from studypub.db import audit

pytestmark = pytest.mark.peer


async def test_a_right_that_is_taken_is_gone_at_once(fresh: Panel, open_tab: OpenTab) -> None:
    await fresh.queued("KP125706548L")
    registrator, administrator = (await open_tab()).page, (await open_tab()).page
    await registrator.clock.install()
    await sign_in(registrator, fresh, panel.REGISTRATOR, "/queue")
    await expect(registrator.locator("[data-task-id]").get_by_text("Отменить")).to_be_visible()
    await sign_in(administrator, fresh, panel.ADMINISTRATOR, "/admin/rights")
    await administrator.get_by_label("Отменять задания").uncheck()
    await administrator.get_by_role("button", name="Сохранить").click()
    await expect(administrator.get_by_role("status")).to_have_text("Сохранено.")
    await next_poll(registrator)
    await expect(registrator.locator("[data-task-id]").get_by_text("Отменить")).to_have_count(0)


async def test_the_log_is_found_while_typing(fresh: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    async with fresh.database.transaction() as tx:
        for number in range(9):
            await audit.append(tx, "user:ivanova", "task.queued", f"subject-{number}")
    await sign_in(tab.page, fresh, panel.ADMINISTRATOR, "/admin/audit")
    await tab.page.locator("#filter-q").press_sequentially("subject-7")
    await expect(tab.page.locator("[data-entry]")).to_have_count(1)
    await expect(tab.page.locator("#filter-q")).to_be_focused()
    assert tab.page.url.endswith("/admin/audit?q=subject-7")
    assert_clean(tab, fresh)


async def test_the_state_is_shown(fresh: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await fresh.published(await fresh.queued("KP125706548L"))
    await sign_in(tab.page, fresh, panel.ADMINISTRATOR, "/admin/state")
    await expect(tab.page.locator("[data-field=studies]")).to_have_text("1")
    assert_clean(tab, fresh)
