"""Pictures behind a link in a real browser: leafed through by wheel, key, finger and slider; withdrawn meanwhile."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect
from tests.e2e.sites import assert_clean
from tests.peers.browser import DESKTOP, PHONE, OpenTab, Tab
from tests.peers.panel import Panel

from studypub.core.publication import Publication
from studypub.flows import withdraw

pytestmark = pytest.mark.peer

_FIRST_SCREEN = 5_000_000  # bytes


@pytest.fixture
async def study(fresh: Panel) -> Publication:
    return await fresh.published(await fresh.queued("KP125706548L"), preview=True)


async def opened(open_tab: OpenTab, site: Panel, study: Publication, **more: Any) -> Tab:
    tab = await open_tab(**({"viewport": DESKTOP} | more))
    await tab.page.goto(f"{site.address}/s/{study.token}/preview", wait_until="load")
    await shows(tab.page, 21)
    return tab


async def shows(page: Page, number: int) -> None:
    """Wait until the page says and shows an image."""
    await expect(page.locator("[data-count]")).to_have_text(f"Снимок {number} из 400")
    await expect(page.locator(".screen img")).to_have_attribute("alt", f"Снимок {number} из 400")
    await page.wait_for_function(
        "() => { const i = document.querySelector('.screen img'); return i.complete && i.naturalWidth > 0 }"
    )


async def test_keys_wheel_and_slider(open_tab: OpenTab, fresh: Panel, study: Publication) -> None:
    tab = await opened(open_tab, fresh, study)
    page = tab.page
    await page.keyboard.press("ArrowDown")
    await shows(page, 22)
    await page.keyboard.press("PageUp")
    await shows(page, 12)
    await page.keyboard.press("End")
    await shows(page, 40)
    await page.keyboard.press("Home")
    await shows(page, 1)
    await page.hover(".screen")
    await page.mouse.wheel(0, 100)
    await shows(page, 3)
    await page.focus(".leaf")
    await page.keyboard.press("ArrowRight")
    await shows(page, 4)
    assert await page.input_value(".leaf") == "3"
    assert_clean(tab, fresh)


async def test_a_broken_image_is_said(open_tab: OpenTab, fresh: Panel, study: Publication) -> None:
    tab = await opened(open_tab, fresh, study)
    await tab.page.keyboard.press("Home")
    await tab.page.keyboard.press("ArrowDown")
    await expect(tab.page.locator("[data-said]")).to_contain_text("не показан")
    await expect(tab.page.locator(".screen img")).to_be_hidden()
    await tab.page.keyboard.press("ArrowDown")
    await shows(tab.page, 3)
    assert_clean(tab, fresh)


async def test_other_windows_are_other_pictures(open_tab: OpenTab, fresh: Panel, study: Publication) -> None:
    tab = await opened(open_tab, fresh, study)
    before = await tab.page.get_attribute(".screen img", "src")
    await tab.page.check("[value=lung]")
    await shows(tab.page, 5)  # the nearest there is
    assert await tab.page.get_attribute(".screen img", "src") != before
    assert await tab.page.get_attribute(".leaf", "max") == "4"
    assert_clean(tab, fresh)


async def test_a_finger_leafs_on_a_phone(open_tab: OpenTab, fresh: Panel, study: Publication) -> None:
    tab = await opened(open_tab, fresh, study, viewport=PHONE)
    await swipe(tab.page, -140)
    await shows(tab.page, 31)
    await swipe(tab.page, 70)
    await shows(tab.page, 26)
    assert_clean(tab, fresh)


async def swipe(page: Page, by: int) -> None:
    box = await page.locator(".screen").bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    devtools = await page.context.new_cdp_session(page)
    for kind, far in (
        ("touchStart", 0),
        *(("touchMove", by * step // 10) for step in range(1, 11)),
        ("touchEnd", None),
    ):
        points = [] if far is None else [{"x": x + far, "y": y}]
        await devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


async def test_what_is_withdrawn_meanwhile_is_said(open_tab: OpenTab, fresh: Panel, study: Publication) -> None:
    tab = await opened(open_tab, fresh, study)
    await withdraw.withdraw(fresh.database, study.study_id, actor="user:admin", clinic_code=None)
    await tab.page.keyboard.press("End")
    await expect(tab.page.locator("[data-said]")).to_contain_text("больше не открывается")
    await expect(tab.page.locator(".screen img")).to_be_visible()


async def test_without_scripts_it_is_a_list(open_tab: OpenTab, fresh: Panel, study: Publication) -> None:
    tab = await open_tab(viewport=PHONE, scripts=False)
    await tab.page.goto(f"{fresh.address}/s/{study.token}/preview")
    assert await tab.page.locator("main img[alt*=' из 400']").count() == 39
    await tab.page.click(".rail a:not([aria-current])")
    await expect(tab.page).to_have_url(re.compile(r"series=1$"))
    await expect(tab.page.locator(".screen img")).to_have_attribute("alt", "Снимок 1 из 1")
    assert_clean(tab, fresh)


async def test_the_first_screen_is_light(open_tab: OpenTab, fresh: Panel, study: Publication) -> None:
    tab = await open_tab(viewport=PHONE)
    sizes: list[int] = []
    devtools = await tab.page.context.new_cdp_session(tab.page)
    await devtools.send("Network.enable")
    devtools.on("Network.loadingFinished", lambda event: sizes.append(int(event["encodedDataLength"])))
    await tab.page.goto(f"{fresh.address}/s/{study.token}/preview", wait_until="networkidle")
    pictures = [url for url in tab.requests if re.search(r"/preview/\d+$", url)]
    assert len(pictures) < 40  # the rest of the series comes when somebody leafs
    # The pictures of this test are small; those of a study are at most 768 pixels wide, and hardly 100 kB.
    assert sum(sizes) + len(pictures) * 100_000 < _FIRST_SCREEN
