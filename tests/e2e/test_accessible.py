"""Every page fits its window and keeps nobody out, in both languages, light and dark, on a desk and on a phone."""

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from playwright.async_api import ViewportSize
from tests.e2e.pages import every_page
from tests.e2e.sites import assert_clean, open_site, sign_in
from tests.peers import axe, panel
from tests.peers.browser import DESKTOP, PHONE, OpenTab, Tab
from tests.peers.panel import Panel
from tests.peers.postgres import PostgresPeer

from studypub.flows import first_start
from studypub.flows import sign_in as people

pytestmark = pytest.mark.peer

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
Look = tuple[ViewportSize, str, Literal["light", "dark"]]
LOOKS: list[Look] = [(DESKTOP, "ru-RU", "light"), (PHONE, "en-GB", "dark")]
OTHERS: list[Look] = [(PHONE, "ru-RU", "light"), (DESKTOP, "en-GB", "dark")]


def name(look: Look) -> str:
    viewport, locale, scheme = look
    return f"{viewport['width']}-{locale}-{scheme}"


@pytest.fixture(scope="module")
async def full(
    postgres_server: PostgresPeer, schema: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Panel]:
    async with open_site(postgres_server, schema, tmp_path_factory.mktemp("full")) as site:
        yield site


@pytest.fixture(scope="module")
async def pages(full: Panel) -> dict[str, list[str]]:
    return await every_page(full)


async def opened(tab: Tab, site: Panel, pages: dict[str, list[str]], locale: str) -> AsyncIterator[str]:
    """Open page after page; each speaks the language and fits the window, also with everything unfolded."""
    for kind in ("patient", "nobody", "panel"):
        if kind == "panel":
            await sign_in(tab.page, site, panel.ADMINISTRATOR)
        for path in pages[kind]:
            await tab.page.goto(site.address + path)
            assert await tab.page.get_attribute("html", "lang") == locale[:2]
            assert await tab.page.evaluate(OVERFLOW) == 0, path
            await tab.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            assert await tab.page.evaluate(OVERFLOW) == 0, f"{path}, unfolded"
            yield path
    assert [error for error in tab.console_errors if "the server responded with a status of 4" not in error] == []
    assert [url for url in tab.requests if not url.startswith((site.address, "data:"))] == []


async def look_at(open_tab: OpenTab, look: Look) -> Tab:
    viewport, locale, scheme = look
    return await open_tab(viewport=viewport, locale=locale, colour_scheme=scheme)


@pytest.mark.parametrize("look", [pytest.param(look, marks=pytest.mark.long) for look in OTHERS], ids=name)
async def test_every_page_fits(full: Panel, pages: dict[str, list[str]], open_tab: OpenTab, look: Look) -> None:
    seen = [path async for path in opened(await look_at(open_tab, look), full, pages, look[1])]
    assert len(seen) == sum(map(len, pages.values()))


@pytest.mark.parametrize("look", LOOKS, ids=name)
async def test_every_page_fits_and_keeps_nobody_out(
    full: Panel, pages: dict[str, list[str]], open_tab: OpenTab, look: Look
) -> None:
    tab, found = await look_at(open_tab, look), {}
    async for path in opened(tab, full, pages, look[1]):
        if broken := await axe.violations(tab.page):
            found[path] = broken
        for form in await tab.page.locator("main form[method=post][novalidate]").all():
            async with tab.page.expect_navigation():
                await form.evaluate("form => form.requestSubmit()")
            if broken := await axe.violations(tab.page):
                found[f"{path}, refused"] = broken
    assert found == {}


@pytest.mark.parametrize("look", LOOKS, ids=name)
async def test_the_first_start_keeps_nobody_out(fresh_setup: tuple[Panel, str], open_tab: OpenTab, look: Look) -> None:
    site, token = fresh_setup
    tab = await look_at(open_tab, look)
    await tab.page.goto(f"{site.address}/setup/{token}")
    assert await axe.violations(tab.page) == []
    assert_clean(tab, site)
    await tab.page.fill("[name=name]", "anna")
    await tab.page.fill("[name=password]", "short")
    await tab.page.keyboard.press("Enter")
    await tab.page.locator("#fault-password").wait_for()
    assert await axe.violations(tab.page) == []


@pytest.fixture(scope="module")
async def fresh_setup(full: Panel) -> tuple[Panel, str]:
    """The site without an administrator, and the link that makes one."""
    await people.disable_user(full.database, panel.ADMINISTRATOR, actor="test")
    token = await first_start.offer_setup(full.database)
    assert token
    return full, token
