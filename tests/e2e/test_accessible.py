"""No page keeps anybody out: axe-core finds nothing, in both languages, light and dark, on a desk and on a phone."""

from datetime import timedelta
from typing import Literal
from uuid import uuid4

import pytest
from playwright.async_api import ViewportSize
from tests.e2e.sites import assert_clean, database_url, full, sign_in
from tests.peers import axe, panel
from tests.peers.browser import DESKTOP, PHONE, OpenTab
from tests.peers.panel import Panel
from tests.peers.postgres import postgres_server

from studypub.core.review import Held
from studypub.errors import Sentence
from studypub.flows import first_start, pin
from studypub.flows import sign_in as people

__all__ = ["database_url", "full", "postgres_server"]

pytestmark = pytest.mark.peer

LOOKS = [
    pytest.param(viewport, locale, scheme, id=f"{viewport['width']}-{locale}-{scheme}")
    for viewport, locale, scheme in (
        (DESKTOP, "ru-RU", "light"),
        (PHONE, "ru-RU", "dark"),
        (PHONE, "en-GB", "light"),
        (DESKTOP, "en-GB", "dark"),
    )
]


@pytest.fixture(scope="module")
async def pages(full: Panel) -> dict[str, list[str]]:
    """Every page there is, by who sees it; for those behind a link, with what closes or locks it."""
    live = await full.published(await full.queued("LIVE"))
    locked = await full.published(await full.queued("LOCKED"))
    await pin.set_pin(full.database, locked.study_id, "271828", actor="test", clinic_code=None)
    over = await full.published(await full.queued("OVER"), keep=timedelta(seconds=-1))
    gone = await full.withdrawn(await full.queued("GONE"))
    held = await full.hold(await full.queued("HELD"), Held("1.2.3", "ultrasound", Sentence("УЗИ", "Ultrasound"), None))
    waiting = await full.queued("WAITING")
    key = await people.add_api_key(full.database, clinic_code=panel.KHIMKI, name="МИС", actor="test")
    study, user = f"/studies/{live.study_id}", f"/admin/users/{panel.REGISTRATOR}"
    return {
        "patient": [f"/s/{one.token}" for one in (live, locked, over, gone)] + ["/s/" + "0" * 22],
        "nobody": ["/login", "/nothing"],
        "panel": [
            *("/queue", "/queue?page=2", f"/queue/{waiting.task_id}/cancel", f"/review/{held.task_id}"),
            *("/studies", "/studies?q=nothing", study, f"{study}/keep", f"{study}/withdraw", f"{study}/pin"),
            *("/publish/new", "/admin/users", f"{user}/disable", f"{user}/password", "/admin/keys"),
            *(
                f"/admin/keys/{key.partition('.')[0]}/revoke",
                "/admin/settings",
                "/admin/audit",
                f"/queue/{uuid4()}/cancel",
            ),
        ],
    }


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
async def test_no_page_keeps_anybody_out(
    full: Panel,
    pages: dict[str, list[str]],
    open_tab: OpenTab,
    viewport: ViewportSize,
    locale: str,
    scheme: Literal["light", "dark"],
) -> None:
    tab = await open_tab(viewport=viewport, locale=locale, colour_scheme=scheme)
    found = {}
    for kind in ("patient", "nobody", "panel"):
        if kind == "panel":
            await sign_in(tab.page, full, panel.ADMINISTRATOR)
        for path in pages[kind]:
            await tab.page.goto(full.address + path)
            await tab.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            if broken := await axe.violations(tab.page):
                found[path] = broken
            for form in await tab.page.locator("main form[method=post][novalidate]").all():
                async with tab.page.expect_navigation():
                    await form.evaluate("form => form.requestSubmit()")
                if broken := await axe.violations(tab.page):
                    found[f"{path}, refused"] = broken
    assert found == {}


@pytest.mark.parametrize(("viewport", "locale", "scheme"), LOOKS)
async def test_the_first_start_keeps_nobody_out(
    fresh_setup: tuple[Panel, str],
    open_tab: OpenTab,
    viewport: ViewportSize,
    locale: str,
    scheme: Literal["light", "dark"],
) -> None:
    site, token = fresh_setup
    tab = await open_tab(viewport=viewport, locale=locale, colour_scheme=scheme)
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
