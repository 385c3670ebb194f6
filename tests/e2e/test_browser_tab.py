"""A tab notes what goes wrong in its page, and nothing when all is well."""

import pytest
from playwright.async_api import Route
from tests.peers.browser import PHONE, OpenTab, Tab

pytestmark = pytest.mark.peer

ADDRESS = "http://studies.test/"
GOOD = (
    "<!doctype html><title>ok</title><meta name=viewport content='width=device-width'><link rel=icon href=data:,>"
    "<p>Исследование"
)
BAD = "<!doctype html><link rel=icon href=data:,><img src=/gone.png><script>console.error('wrong'); boom()</script>"


async def show(tab: Tab, document: str) -> None:
    async def answer(route: Route) -> None:
        if route.request.url == ADDRESS:
            await route.fulfill(body=document, content_type="text/html; charset=utf-8")
        else:
            await route.fulfill(status=404)

    await tab.page.route("**/*", answer)
    await tab.page.goto(ADDRESS)


async def test_a_good_page_leaves_an_empty_log(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await show(tab, GOOD)
    assert await tab.page.inner_text("p") == "Исследование"
    assert (tab.console_errors, tab.failed_requests, tab.requests) == ([], [], [ADDRESS])


async def test_errors_of_a_page_are_noted(open_tab: OpenTab) -> None:
    tab = await open_tab()
    await show(tab, BAD)
    assert "wrong" in tab.console_errors
    assert any("boom is not defined" in text for text in tab.console_errors)
    assert tab.failed_requests == [f"GET {ADDRESS}gone.png 404"]


async def test_a_tab_is_as_large_and_speaks_as_it_was_asked_to(open_tab: OpenTab) -> None:
    tab = await open_tab(viewport=PHONE, locale="en-US", colour_scheme="dark")
    await show(tab, GOOD)
    seen = await tab.page.evaluate(
        "[innerWidth, innerHeight, navigator.language, matchMedia('(prefers-color-scheme: dark)').matches]"
    )
    assert seen == [390, 844, "en-US", True]


async def test_tabs_share_no_cookies(open_tab: OpenTab) -> None:
    first, second = await open_tab(), await open_tab()
    for tab in (first, second):
        await show(tab, GOOD)
    await first.page.evaluate("document.cookie = 'seen=yes'")
    assert await second.page.evaluate("document.cookie") == ""


async def test_a_page_can_be_opened_without_scripts(open_tab: OpenTab) -> None:
    tab = await open_tab(scripts=False)
    await show(tab, BAD)
    assert "wrong" not in tab.console_errors
