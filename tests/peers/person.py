"""A person in front of the panel: a browser without scripts."""

from dataclasses import dataclass
from typing import Any, cast

import httpx
from litestar import Litestar
from tests.peers import html, panel


@dataclass
class Person:
    """Keeps cookies, and sends every form with the token that stands in the page."""

    client: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def page(self, path: str, status: int = 200) -> html.Element:
        response = await self.client.get(path)
        assert response.status_code == status, response.text
        return html.read(response.text)

    async def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form as a page of ours does."""
        token = (await self.page("/publish/new")).all("input", name="csrf_token")[0].attributes["value"]
        return await self.client.post(path, data={"csrf_token": token, **fields})

    async def post_many(self, path: str, **fields: list[str]) -> httpx.Response:
        """Send a form whose fields may have several values."""
        token = (await self.page("/publish/new")).all("input", name="csrf_token")[0].attributes["value"]
        return await self.client.post(path, data={"csrf_token": token, **fields})

    async def rows(self, path: str, key: str) -> dict[str, html.Element]:
        """Return a table's rows by one of their fields."""
        return {row.one(data_field=key).text: row for row in (await self.page(path)).one("tbody").all("tr")}


def stranger(app: Litestar, base_url: str, language: str = "ru") -> Person:
    """Return somebody who is not signed in."""
    transport = httpx.ASGITransport(cast("Any", app))
    headers = {"Accept-Language": language}
    return Person(httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers))


async def signed_in(app: Litestar, base_url: str, name: str, language: str = "ru") -> Person:
    """Return the person of that account."""
    person = stranger(app, base_url, language)
    response = await person.client.post("/login", data={"name": name, "password": panel.PASSWORD})
    assert response.status_code == 303, response.text
    return person
