"""The panel and the landing page in a real browser: polls, dialogs, copying, and the way from the form to the link."""

import pytest
from playwright.async_api import expect
from tests.e2e.sites import assert_clean, next_poll, sign_in
from tests.peers import panel
from tests.peers.browser import PHONE, OpenTab
from tests.peers.panel import Panel

from studypub.core.task import Event
from studypub.db import tasks

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_registrator_publishes_and_hands_over_the_link(
    fresh: Panel, open_tab: OpenTab, *, scripts: bool
) -> None:
    tab = await open_tab(scripts=scripts)
    page = tab.page
    await sign_in(page, fresh)
    await expect(page.locator(".empty h2")).to_have_text("Очередь пуста")
    await page.click(".empty a")
    await page.fill("[name=patient_id]", "1000001158664")
    await page.fill("[name=accession_number]", "KP125706548L")
    await page.click("main [type=submit]")
    row = page.locator("[data-task-id]")
    await expect(row.locator("[data-field=acsn]")).to_have_text("KP125706548L")
    await expect(row).to_have_attribute("data-status", "QUEUED")
    async with fresh.database.transaction() as tx:
        task = await tasks.newest_of_accession(tx, "KP125706548L", clinic_code=None)
    assert task is not None
    study = await fresh.published(task)
    if not scripts:
        await page.reload()
    await expect(row).to_have_attribute("data-status", "COMPLETED")
    await page.goto(fresh.address + "/studies")
    link = page.locator("[data-study-id] [data-field=arch_link]")
    await expect(link).to_have_attribute("href", f"{fresh.address}/s/{study.token}")
    await link.click()
    await expect(page.locator("h1")).to_have_text("Компьютерная томография")
    assert_clean(tab, fresh)


async def test_a_poll_moves_nothing_but_what_changed(fresh: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    task = await fresh.advanced(await fresh.queued("KP125706548L"), Event.FOUND, received=10)
    await page.clock.install()
    await sign_in(page, fresh)
    row = page.locator(f"#task-{task.task_id}")
    await row.locator("a.button").focus()
    await row.evaluate(
        "row => { row.unchanged = true; getSelection().selectAllChildren(row.querySelector('[data-field=acsn]')) }"
    )
    before = await row.bounding_box()
    async with fresh.database.transaction() as tx:
        await tasks.extend_lease(tx, task, lease=panel.HOUR, received=200, received_bytes=200 * panel.SLICE)
    await next_poll(page)
    await expect(row.locator("[data-field=progress]")).to_have_text("200 из 240 · 100 МБ")
    assert await row.evaluate("row => row.unchanged && document.activeElement === row.querySelector('a.button')")
    assert await page.evaluate("String(getSelection())") == "KP125706548L"
    assert await row.bounding_box() == before
    assert_clean(tab, fresh)


async def test_a_task_is_cancelled_in_a_dialog_and_retried(fresh: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab(viewport=PHONE)
    page = tab.page
    await fresh.queued("KP125706548L")
    await sign_in(page, fresh)
    row = page.locator("[data-task-id]")
    await row.get_by_text("Отменить").click()
    dialog = page.locator("dialog[open]")
    await expect(dialog.locator("h1")).to_have_text("Отменить задание?")
    await dialog.get_by_text("Не отменять").click()
    await expect(dialog).to_have_count(0)
    await expect(row).to_have_attribute("data-status", "QUEUED")
    await row.get_by_text("Отменить").click()
    await dialog.get_by_role("button", name="Отменить задание").click()
    await expect(row).to_have_attribute("data-status", "CANCELLED")
    await expect(dialog).to_have_count(0)
    await row.get_by_text("Повторить").click()
    await expect(row).to_have_attribute("data-status", "QUEUED")
    assert_clean(tab, fresh)


async def test_a_refusal_is_shown_on_the_page(fresh: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    task = await fresh.queued("KP125706548L")
    await sign_in(page, fresh)
    await page.locator("[data-task-id]").get_by_text("Отменить").click()
    async with fresh.database.transaction() as tx:
        await tasks.cancel(tx, task)
    await page.locator("dialog[open]").get_by_role("button", name="Отменить задание").click()
    await expect(page.locator("#notice")).to_have_text("Это задание уже завершено.")
    await expect(page.locator("dialog[open]")).to_have_count(0)


async def test_a_date_is_refused_and_then_kept_in_the_dialog(fresh: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    await fresh.published(await fresh.queued("KP125706548L"))
    await sign_in(page, fresh)
    await page.goto(fresh.address + "/studies")
    await page.get_by_role("link", name="Продлить").click()
    field = page.locator("dialog[open] [name=save_till_date]")
    await expect(field).to_be_focused()
    latest = await field.get_attribute("max")
    assert latest is not None
    await field.evaluate("field => { field.form.noValidate = true; field.value = '2020-01-01' }")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open] .fault")).to_contain_text("должен быть в будущем")
    await field.fill(latest)
    await page.locator("dialog[open]").get_by_role("button", name="Сохранить").click()
    await expect(page.locator("dialog[open]")).to_have_count(0)
    moment = page.locator("[data-field=save_till] time")
    await expect(moment).to_have_attribute("datetime", f"{latest}T23:59:59+03:00")


async def test_a_link_is_copied_over_plain_http_too(fresh: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    study = await fresh.published(await fresh.queued("KP125706548L"))
    await sign_in(page, fresh)
    # An address that is not this machine's has no navigator.clipboard without TLS.
    await page.evaluate("Object.defineProperty(window, 'isSecureContext', { value: false })")
    await page.evaluate(
        "() => document.addEventListener('copy', () => { window.copied = String(document.activeElement.value) })"
    )
    button = page.locator("[data-copy]")
    await button.click()
    await expect(button).to_have_text("Скопировано")
    assert await page.evaluate("window.copied") == f"{fresh.address}/s/{study.token}"


async def test_a_hidden_page_does_not_ask_and_asks_at_once_when_it_is_seen(fresh: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    page = tab.page
    await sign_in(page, fresh)
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    await page.evaluate("htmx.trigger('#queue', 'refresh')")
    await fresh.queued("KP125706548L")
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: false })")
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await expect(page.locator("[data-field=acsn]")).to_have_text("KP125706548L")
    assert tab.requests.count(f"{fresh.address}/queue/lines") == 1


async def test_a_page_without_connection_says_so_and_takes_it_back(fresh: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    await fresh.queued("KP125706548L")
    await page.clock.install()
    await sign_in(page, fresh)
    await page.context.set_offline(True)
    await next_poll(page)
    await expect(page.locator("#offline")).to_be_visible()
    await page.context.set_offline(False)
    await next_poll(page)
    await expect(page.locator("#offline")).to_be_hidden()


async def test_the_row_of_a_new_task_is_in_sight(fresh: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    await fresh.fill()
    await sign_in(page, fresh)
    await page.goto(f"{fresh.address}/publish/new")
    await page.fill("[name=patient_id]", "1000001158664")
    await page.fill("[name=accession_number]", "KP125799999Z")
    await page.click("[data-publish]")
    row = page.locator("tr:target")
    await expect(row.locator("[data-field=acsn]")).to_have_text("KP125799999Z")
    box = await row.bounding_box()
    assert box is not None
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    assert await row.evaluate("(row, at) => row.contains(document.elementFromPoint(...at))", middle)


async def test_a_password_is_refused_and_then_set_in_the_dialog(fresh: Panel, open_tab: OpenTab) -> None:
    page = (await open_tab()).page
    await sign_in(page, fresh, panel.ADMINISTRATOR)
    await page.goto(f"{fresh.address}/admin/users")
    await page.locator(f"[data-user={panel.REGISTRATOR}]").get_by_text("Задать пароль").click()
    field = page.locator("dialog[open] [name=password]")
    await expect(field).to_be_focused()
    await page.keyboard.type("short")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open] .fault")).to_contain_text("Пароль слишком простой")
    await field.fill("another horse battery")
    await page.keyboard.press("Enter")
    await expect(page.locator("dialog[open]")).to_have_count(0)
    await expect(page.locator("[data-user]")).to_have_count(3)
    await page.locator(".menu summary").click()
    await expect(page.locator(".menu-items")).to_be_visible()
