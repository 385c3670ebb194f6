"""The second factor in a browser: set up, signed in with, turned off; every page fits and keeps nobody out."""

import pytest
from playwright.async_api import Page
from tests.e2e.sites import assert_clean, sign_in
from tests.e2e.test_accessible import LOOKS, OVERFLOW, Look, look_at, name
from tests.peers import axe, panel
from tests.peers.browser import OpenTab
from tests.peers.panel import Panel

from studypub.core import totp

pytestmark = pytest.mark.peer


async def keeps_nobody_out(page: Page) -> None:
    assert await page.evaluate(OVERFLOW) == 0, page.url
    assert await axe.violations(page) == [], page.url


async def enter(page: Page, **fields: str) -> None:
    """Fill in the form and send it as Enter does."""
    for field, value in fields.items():
        await page.fill(f"main [name={field}]", value)
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def code(site: Panel, secret: str, off: int = 0) -> str:
    async with site.database.transaction() as tx:
        return totp.code(secret, totp.step_at(await tx.now()) + off)


@pytest.mark.parametrize("look", [pytest.param(LOOKS[0], marks=pytest.mark.long), LOOKS[1]], ids=name)
async def test_from_the_menu_to_signing_in_with_it_and_off_again(fresh: Panel, open_tab: OpenTab, look: Look) -> None:
    tab = await look_at(open_tab, look)
    page = tab.page
    await sign_in(page, fresh, panel.REGISTRATOR)
    await page.locator("details.menu summary").click()
    await page.locator("details.menu a[href='/security']").click()
    await page.wait_for_url(f"{fresh.address}/security")
    await keeps_nobody_out(page)
    await page.locator("main form button").click()
    await page.wait_for_url(f"{fresh.address}/security/totp")
    secret = (await page.locator("#secret").inner_text()).replace(" ", "")
    await keeps_nobody_out(page)
    assert_clean(tab, fresh)
    await enter(page, code="000000")
    await page.locator("#fault-code").wait_for()
    await keeps_nobody_out(page)
    await enter(page, code=await code(fresh, secret))
    codes = await page.locator("[data-field=recovery]").all_inner_texts()
    assert len(codes) == 10
    await keeps_nobody_out(page)
    await page.context.clear_cookies()
    await page.goto(f"{fresh.address}/login")
    await enter(page, name=panel.REGISTRATOR, password=panel.PASSWORD)
    await keeps_nobody_out(page)
    await enter(page, code="000000")
    await page.locator("#fault-code").wait_for()
    await keeps_nobody_out(page)
    await enter(page, code=codes[0])
    assert page.url == f"{fresh.address}/queue"
    for path in ("/security", "/security/codes", "/security/off"):
        await page.goto(fresh.address + path)
        await keeps_nobody_out(page)
    await enter(page, password=panel.PASSWORD, code=codes[1])
    assert page.url == f"{fresh.address}/security"
