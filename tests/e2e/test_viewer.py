"""OHIF Viewer behind a link, in a real browser: what it shows are the images, and it asks nobody else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.peers import panel
from tests.peers.browser import DESKTOP, PHONE, OpenTab, Tab
from tests.peers.database import connection, database, database_url, migrated
from tests.peers.house import House, open_house
from tests.peers.mixed import mixed_study
from tests.peers.panel import Panel
from tests.peers.postgres import postgres_server
from tests.peers.queue import QueueWatch, queue_watch
from tests.peers.s3 import S3Server, radosgw
from tests.peers.viewer import viewer_folder

from studypub.core.publication import Publication
from studypub.db.database import Database
from studypub.store.s3 import S3Store

__all__ = ["connection", "database", "database_url", "migrated", "postgres_server", "queue_watch", "radosgw", "viewer_folder"]

pytestmark = pytest.mark.peer


@dataclass(frozen=True)
class Shown:
    house: House
    site: Panel
    publication: Publication

    @property
    def link(self) -> str:
        return f"{self.site.address}/s/{self.publication.token}"


@pytest.fixture(params=["local", "s3"])
async def shown(
    request: pytest.FixtureRequest, database: Database, queue_watch: QueueWatch, tmp_path: Path, viewer_folder: Path
) -> AsyncIterator[Shown]:
    (tmp_path / "viewer").symlink_to(viewer_folder)
    async with open_house(database, queue_watch, tmp_path, mixed_study()) as house:
        if request.param == "s3":
            server: S3Server = request.getfixturevalue("radosgw")
            house.means = replace(house.means, store=S3Store(server.config(server.new_bucket())))
        task, publication = await house.published()
        print(task)
        async with panel.serve(database, tmp_path, store=house.store) as served:
            yield Shown(house, served, publication)


async def test_try(shown: Shown, open_tab: OpenTab) -> None:
    for name, port in (("desktop", DESKTOP), ("phone", PHONE)):
        tab = await open_tab(viewport=port)
        logs = []
        tab.page.on("console", lambda m: logs.append(m.text[:300]))
        await tab.page.goto(f"{shown.link}/view")
        await tab.page.wait_for_timeout(15000)
        await tab.page.screenshot(path=f"/tmp/ohif/{name}.png")
        print(name, tab.page.url, "\n".join(logs), tab.console_errors, tab.failed_requests)
        print(len(tab.requests), "\n".join(tab.requests))
