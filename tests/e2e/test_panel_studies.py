"""Published studies as a registrator works with them: found while typing, several at once, on paper, as a file."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.e2e.sites import assert_clean, sign_in
from tests.peers import panel
from tests.peers.browser import PHONE, OpenTab
from tests.peers.panel import Panel

from studypub.core.publication import Part
from studypub.flows import pin

pytestmark = pytest.mark.peer

MM = 96 / 25.4  # CSS pixels
A5_POINTS = (419.5, 595.3)


@pytest.fixture
async def site(fresh: Panel) -> Panel:
    await fresh.published(await fresh.queued("B2", "0777"), size=5 * 2**20)
    await fresh.published(await fresh.queued("A1"), size=90 * 2**20)
    await fresh.published(await fresh.queued("C3"), size=50 * 2**20)
    return fresh


async def test_found_while_typing_and_sorted_by_the_heads(site: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    await sign_in(page, site, panel.ADMINISTRATOR, "/studies")
    acsn = page.locator("[data-study-id] [data-field=acsn]")
    await page.get_by_role("link", name="Размер").click()
    await expect(acsn).to_have_text(["A1", "C3", "B2"])
    await expect(page.locator("th.col-size")).to_have_attribute("aria-sort", "descending")
    await page.get_by_role("link", name="Размер").press("Enter")
    await expect(acsn).to_have_text(["B2", "C3", "A1"])
    await page.locator("#filter-q").press_sequentially("0777")
    await expect(acsn).to_have_text(["B2"])
    await expect(page.locator("#filter-q")).to_be_focused()
    await page.locator("#filter-q").fill("")
    await expect(acsn).to_have_text(["B2", "C3", "A1"])  # the order stays
    await page.get_by_text("Фильтры", exact=True).click()
    await page.locator("[name=size_from]").press_sequentially("40")
    await expect(acsn).to_have_text(["C3", "A1"])
    await expect(page.locator("[name=size_from]")).to_be_focused()
    assert page.url.endswith("/studies?size_from=40&sort=size") or page.url.endswith("/studies?sort=size&size_from=40")
    await page.locator("[name=acsn]").fill("nothing")
    await expect(page.locator("#studies h2")).to_have_text("Ничего не найдено")
    await page.locator("[name=acsn]").fill("")
    await expect(acsn).to_have_count(2)
    assert_clean(tab, site)


@pytest.mark.parametrize("scripts", [True, False])
async def test_several_are_withdrawn_at_once(site: Panel, open_tab: OpenTab, *, scripts: bool) -> None:
    tab = await open_tab(scripts=scripts)
    page = tab.page
    await sign_in(page, site, panel.ADMINISTRATOR, "/studies")
    await expect(page.locator("#selected")).to_be_hidden()
    await page.locator("[name=study]").nth(0).check()
    await page.locator("[name=study]").nth(1).check()
    await expect(page.locator("#selected")).to_be_visible()
    if scripts:
        await expect(page.locator("#selected strong")).to_have_text("Отмеченные: 2")
    await page.get_by_role("button", name="Отозвать…").click()
    sheet = page.locator("#sheet")
    await expect(sheet.locator("h1")).to_have_text("Отозвать 2 публикации?")
    await sheet.get_by_role("button", name="Отозвать все").click()
    await expect(page.locator("[data-state=WITHDRAWN]")).to_have_count(2)
    await expect(page.locator("[data-state=LIVE]")).to_have_count(1)
    assert_clean(tab, site)


async def test_all_of_a_page_are_kept_for_longer(site: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab(viewport=PHONE)).page
    await sign_in(page, site, panel.ADMINISTRATOR, "/studies")
    for box in await page.locator("[name=study]").all():
        await box.check()
    await page.get_by_role("button", name="Продлить…").click()
    field = page.locator("dialog[open] [name=save_till_date]")
    await expect(field).to_be_focused()
    latest = await field.get_attribute("max")
    assert latest
    await field.fill(latest)
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open]")).to_have_count(0)
    for moment in await page.locator("[data-field=save_till] time").all():
        await expect(moment).to_have_attribute("datetime", f"{latest}T23:59:59+03:00")


async def test_the_slip_fits_a_sheet_and_its_code_can_be_read(site: Panel, open_tab: OpenTab, tmp_path: Path) -> None:
    tab = await open_tab()
    page = tab.page
    study = await site.published(await site.queued("D4", service_title=panel.LONG_TITLE), part=Part(missing=2))
    await pin.set_pin(site.database, study.study_id, "271828182845", actor="user:admin", clinic_code=None)
    await sign_in(page, site, panel.ADMINISTRATOR, "/studies")
    await page.locator("[data-study-id]").first.get_by_label("Печать памятки").click()
    await expect(page.locator("[data-print]")).to_be_focused()
    await page.fill("#field-name", "Иванов П. С.")
    await page.fill("#field-pin", "271828182845")
    await page.keyboard.press("Enter")
    await expect(page.locator(".slip-for")).to_have_text("Иванов П. С.")
    await expect(page.locator(".slip-pin")).to_have_text("271828182845")
    await expect(page.locator(".slip [data-field=part]")).to_have_text("Опубликовано 240 из 242 снимков.")
    await page.emulate_media(media="print")
    code = await page.locator(".slip-link img").bounding_box()
    assert code is not None
    # Around the 33 or 37 modules stand four empty ones on each side (ISO/IEC 18004).
    assert code["width"] * 33 / 41 >= 35 * MM
    await expect(page.locator(".top")).to_be_hidden()
    paper = await page.pdf(path=tmp_path / "slip.pdf", prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper)
    assert len(boxes) == 1
    assert [float(side) for side in boxes[0]] == pytest.approx(A5_POINTS, abs=1)
    assert_clean(tab, site)


async def test_the_table_is_downloaded(site: Panel, open_tab: OpenTab, tmp_path: Path) -> None:
    page = (await open_tab()).page
    await sign_in(page, site, panel.ADMINISTRATOR, "/studies")
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Скачать таблицу").click()
    file = tmp_path / "studies.csv"
    await (await downloading.value).save_as(file)
    lines = file.read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("acsn;pid;emk_record_id")
    assert [line.partition(";")[0] for line in lines[1:]] == ["C3", "A1", "B2"]
