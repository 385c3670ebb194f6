"""Sites for a browser: databases of their own, and a person who signs in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.peers import panel
from tests.peers.browser import Tab
from tests.peers.database import PATIENCE
from tests.peers.panel import Panel
from tests.peers.postgres import PostgresPeer

from studypub.config import Oidc
from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Database


@pytest.fixture(scope="module")
async def full(
    postgres_server: PostgresPeer, schema: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Panel]:
    """A site whose queue holds one task of every kind."""
    async with open_site(postgres_server, schema, tmp_path_factory.mktemp("full")) as site:
        await site.fill()
        yield site


@pytest.fixture
async def fresh(postgres_server: PostgresPeer, schema: str, tmp_path: Path) -> AsyncIterator[Panel]:
    """A site with an empty queue."""
    async with open_site(postgres_server, schema, tmp_path) as site:
        yield site


@asynccontextmanager
async def open_site(
    postgres: PostgresPeer,
    schema: str,
    folder: Path,
    *,
    clinics: int = 2,
    pacs_port: int = 4242,
    oidc: Oidc | None = None,
) -> AsyncIterator[Panel]:
    """Serve a site over a database of its own."""
    url = postgres.database(schema)
    try:
        async with (
            Database(url, size=4, name="panel", sees=EVERY_CLINIC, loan_seconds=PATIENCE) as database,
            panel.serve(database, folder, clinics=clinics, pacs_port=pacs_port, oidc=oidc) as site,
        ):
            yield site
    finally:
        postgres.drop(url)


async def sign_in(page: Page, site: Panel, name: str = panel.REGISTRATOR, path: str = "/queue") -> None:
    """Open a page as somebody who has signed in."""
    form: dict[str, str | float | bool] = {"name": name, "password": panel.PASSWORD}
    answer = await page.context.request.post(f"{site.address}/login", form=form, max_redirects=0)
    assert answer.status == 303, answer.status
    await page.goto(site.address + path)


async def sign_in_by_keys(page: Page, site: Panel, path: str = "/queue") -> None:
    """Open a page as a registrator does who signs in first."""
    await page.goto(f"{site.address}/login?next={path}")
    # The first field has the focus, and Enter does the obvious.
    await expect(page.locator("[name=name]")).to_be_focused()
    await page.keyboard.type(panel.REGISTRATOR)
    await page.keyboard.press("Tab")
    await page.keyboard.type(panel.PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url(site.address + path)


async def next_poll(page: Page) -> None:
    """Let the page ask again now; its clock must be ours: `await page.clock.install()` before it is opened."""
    await page.clock.fast_forward(2_100)


def assert_clean(tab: Tab, site: Panel) -> None:
    """Nothing went wrong, and nothing was asked of another origin."""
    assert tab.console_errors == []
    assert tab.failed_requests == []
    assert [url for url in tab.requests if not url.startswith((site.address, "data:"))] == []
