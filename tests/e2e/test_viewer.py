"""OHIF Viewer behind a link, in a real browser: what it shows are the images, and it asks nobody else."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from pydicom.dataset import FileDataset
from tests.e2e.sites import assert_clean
from tests.peers import panel
from tests.peers.browser import DESKTOP, PHONE, OpenTab, Tab
from tests.peers.canvas import Picture, difference, drawn
from tests.peers.database import connection, database, database_url, migrated
from tests.peers.house import open_house
from tests.peers.mixed import SLICES, ct_study, mixed_study, picture
from tests.peers.panel import Panel
from tests.peers.postgres import postgres_server
from tests.peers.queue import QueueWatch, queue_watch
from tests.peers.s3 import S3Server, radosgw
from tests.peers.viewer import viewer_folder

from studypub.core.publication import Publication
from studypub.db.database import Database
from studypub.flows import withdraw
from studypub.store.s3 import S3Store

__all__ = [
    "connection",
    "database",
    "database_url",
    "migrated",
    "postgres_server",
    "queue_watch",
    "radosgw",
    "viewer_folder",
]

pytestmark = pytest.mark.peer

_CANVAS = "canvas.cornerstone-canvas"
_TOLERANCE = 2.0  # levels of 255: what scaling up and down again costs


@dataclass(frozen=True)
class Shown:
    """A publication in the viewer."""

    site: Panel
    publication: Publication
    tab: Tab

    @property
    def page(self) -> Page:
        return self.tab.page

    @property
    def address(self) -> str:
        return f"{self.site.address}/s/{self.publication.token}"

    async def until(self, holds: Callable[[list[Picture]], bool]) -> None:
        """Wait until the viewer shows that."""
        seen: list[Picture] = []
        for _ in range(150):
            seen = await drawn(self.page, _CANVAS)
            if holds(seen):
                return
            await self.page.wait_for_timeout(200)
        await self.page.screenshot(path="/tmp/studypub-viewer.png")
        raise AssertionError(f"the viewer shows something else: {[one.shape for one in seen]}")

    async def until_only(self, expected: Picture) -> None:
        await self.until(lambda seen: len(seen) == 1 and difference(seen[0], expected) < _TOLERANCE)

    def assert_private(self) -> None:
        """Nothing left the host, no policy was broken, and the page keeps nothing that tells of the study."""
        assert_clean(self.tab, self.site)
        assert {url.split("/")[3] for url in self.tab.requests} == {"s", "static", "viewer"}


Look = Callable[..., AbstractAsyncContextManager[Shown]]


@pytest.fixture
def opened(
    request: pytest.FixtureRequest,
    database: Database,
    queue_watch: QueueWatch,
    tmp_path: Path,
    viewer_folder: Path,
    open_tab: OpenTab,
) -> Look:
    """Return what publishes a study in a store, and opens it in the viewer."""
    (tmp_path / "viewer").symlink_to(viewer_folder)

    @asynccontextmanager
    async def open_one(study: list[FileDataset], *, on_s3: bool = False, **tab: object) -> AsyncIterator[Shown]:
        async with open_house(database, queue_watch, tmp_path, study) as house:
            house.set_pixels(trust_reading=True)
            if on_s3:
                server: S3Server = request.getfixturevalue("radosgw")
                house.means = replace(house.means, store=S3Store(server.config(server.new_bucket())))
            task, publication = await house.published()
            assert task.left_out == ()
            async with panel.serve(database, tmp_path, store=house.store) as site:
                yield Shown(site, publication, await open_tab(**tab))

    return open_one


@pytest.mark.parametrize("on_s3", [False, True], ids=["local", "s3"])
async def test_every_kind_of_image_is_shown_as_it_is(opened: Look, *, on_s3: bool) -> None:
    async with opened(mixed_study(), on_s3=on_s3, viewport=DESKTOP) as shown:
        page = shown.page
        await page.goto(shown.address)
        await page.click("text=Просмотр для врача")
        await shown.until_only(picture("CT", SLICES))  # the first by its place in the body
        await page.mouse.move(640, 400)
        await page.mouse.wheel(0, 100)
        await shown.until_only(picture("CT", SLICES - 1))
        thumbnails = page.locator("[data-cy=study-browser-thumbnail]")
        await expect(thumbnails).to_have_count(6)
        for place, name, number in ((1, "J2K", 2), (2, "JLS", 2), (3, "US", 1), (4, "DX", 1)):
            await thumbnails.nth(place).dblclick()
            await shown.until_only(picture(name, number))
        await thumbnails.nth(0).dblclick()
        await shown.until_only(picture("CT", SLICES - 1))
        await page.click("[data-cy=Layout]")
        await page.click("[data-cy=MPR]")
        await shown.until(lambda seen: len(seen) == 3 and all(one.max() > 200 > one.mean() > 5 for one in seen))
        shown.assert_private()
        assert await page.evaluate("document.documentElement.lang") == "ru"
        kept = await page.evaluate("document.cookie + JSON.stringify({...localStorage})")
        study = re.search("StudyInstanceUIDs=([0-9.]+)", page.url)
        assert study
        assert study[1] not in kept
        assert shown.publication.token not in kept
        # What closes meanwhile says so: the rest of a series is asked for when it is opened.
        actor = {"actor": "user:admin", "clinic_code": None}
        await withdraw.withdraw(shown.site.database, shown.publication.study_id, **actor)  # type: ignore[arg-type]
        await thumbnails.nth(5).dblclick()
        await page.wait_for_url(shown.address)
        assert "Ссылка отозвана" in await page.inner_text("main")


async def test_on_a_phone_one_finger_leafs(opened: Look) -> None:
    async with opened(ct_study(), viewport=PHONE) as shown:
        page = shown.page
        await page.goto(f"{shown.address}/view?customization=x&configUrl=https://elsewhere.example/x.js")
        await shown.until_only(picture("CT", SLICES))
        width, height, right = await page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.scrollHeight, innerWidth]"
        )
        assert (width, height, right) == (390, 844, 390)
        await _swipe(page, _CANVAS, 200)
        await shown.until(
            lambda seen: min(difference(seen[0], picture("CT", number)) for number in range(1, SLICES)) < _TOLERANCE
        )
        await page.click("[data-cy=MoreTools-split-button-secondary]")
        await page.click("[data-cy=invert]")
        await page.click(".back-to-link")
        await page.wait_for_url(shown.address)
        assert not await page.is_visible("text=Просмотр для врача")
        shown.assert_private()
        assert "elsewhere" not in json.dumps(shown.tab.requests[1:])


async def _swipe(page: Page, selector: str, by: int) -> None:
    box = await page.locator(selector).bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    devtools = await page.context.new_cdp_session(page)
    for kind, far in (
        ("touchStart", 0),
        *(("touchMove", by * step // 10) for step in range(1, 11)),
        ("touchEnd", None),
    ):
        points = [] if far is None else [{"x": x, "y": y + far}]
        await devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
