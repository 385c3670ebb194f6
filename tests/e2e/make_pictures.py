"""Makes the pictures of README.md, from the pages as they are: `make pictures`."""

from pathlib import Path

from tests.peers import panel
from tests.peers.browser import DESKTOP, PHONE, OpenTab
from tests.peers.database import database, database_url, migrated
from tests.peers.panel import ADMINISTRATOR, PASSWORD, Panel
from tests.peers.postgres import postgres_server

from studypub.core.publication import link
from studypub.core.task import Event
from studypub.db.database import Database
from studypub.errors import IncompleteRetrieve, PacsUnreachable

__all__ = ["database", "database_url", "migrated", "postgres_server"]

FOLDER = Path(__file__).parents[2] / "docs/pictures"


async def test_pictures(database: Database, open_tab: OpenTab, tmp_path: Path) -> None:
    async with panel.serve(database, tmp_path, clinics=1) as site:
        address = await fill(site)
        await picture_of_the_queue(site, open_tab)
        phone = await open_tab(viewport=PHONE)
        await phone.page.goto(address)
        await phone.page.screenshot(path=FOLDER / "landing.png")


async def fill(site: Panel) -> str:
    """Make a queue such as a morning's; return the link of its published study."""
    ct = await site.queued("KP125706391K", by="hand", service_title="КТ головного мозга")
    await site.published(ct, size=161_061_273)
    mr = await site.queued("KP125706548L", service_title="МРТ коленного сустава")
    publication = await site.published(mr, modality="MR")
    short = IncompleteRetrieve(received=118, expected=120)
    await site.failed(await site.queued("KP125706602M", "1000001158702"), short)
    silent = PacsUnreachable(pacs="ORTHANC", address="10.0.0.5:4242")
    await site.postponed(await site.queued("KP125706617N", "1000001158745", by="hand"), silent)
    await site.advanced(await site.queued("KP125706631P", "1000001158811"), Event.FOUND, received=84)
    await site.queued("KP125706640R", "1000001158839", by="hand")
    return link(site.address, publication.token)


async def picture_of_the_queue(site: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab(viewport=DESKTOP)
    await tab.page.goto(f"{site.address}/login")
    await tab.page.fill("[name=name]", ADMINISTRATOR)
    await tab.page.fill("[name=password]", PASSWORD)
    await tab.page.press("[name=password]", "Enter")
    await tab.page.wait_for_url("**/queue")
    await tab.page.screenshot(path=FOLDER / "queue.png")
