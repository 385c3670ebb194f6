"""Sites for a browser: databases of their own, and a person who signs in."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.peers import panel
from tests.peers.browser import Tab
from tests.peers.panel import Panel
from tests.peers.postgres import PostgresPeer

from studypub.db.database import Database
from studypub.db.migrate import migrate


@pytest.fixture(scope="module")
def database_url(postgres_server: PostgresPeer) -> Iterator[str]:
    url = postgres_server.database()
    asyncio.run(migrate(url))
    yield url
    postgres_server.drop(url)


@pytest.fixture(scope="module")
async def full(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Panel]:
    """A site whose queue holds one task of every kind."""
    async with open_site(database_url, tmp_path_factory.mktemp("full")) as site:
        await site.fill()
        yield site


@pytest.fixture
async def fresh(postgres_server: PostgresPeer, tmp_path: Path) -> AsyncIterator[Panel]:
    """A site with an empty queue."""
    url = postgres_server.database()
    await migrate(url)
    async with open_site(url, tmp_path) as site:
        yield site
    postgres_server.drop(url)


@asynccontextmanager
async def open_site(url: str, folder: Path) -> AsyncIterator[Panel]:
    async with Database(url, size=4, name="panel") as database, panel.serve(database, folder) as site:
        yield site


async def sign_in(page: Page, site: Panel, name: str = panel.REGISTRATOR) -> None:
    await page.goto(f"{site.address}/login")
    # The first field has the focus, and Enter does the obvious.
    await expect(page.locator("[name=name]")).to_be_focused()
    await page.keyboard.type(name)
    await page.fill("[name=password]", panel.PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/queue")


def assert_clean(tab: Tab, site: Panel) -> None:
    """Nothing went wrong, and nothing was asked of another origin."""
    assert tab.console_errors == []
    assert tab.failed_requests == []
    assert [url for url in tab.requests if not url.startswith((site.address, "data:"))] == []
