"""The first administrator is made by a link that works once, for a day, and only while there is none."""

import asyncio

import pytest
from tests.peers import html, panel, person
from tests.web.conftest import BASE_URL, TVER, Site

from studypub.core.people import Role
from studypub.db import audit, people
from studypub.flows import first_start, sign_in

FIELDS = {"name": "anna", "password": panel.PASSWORD}


@pytest.fixture
async def token(site: Site) -> str:
    offered = await first_start.offer_setup(site.database)
    assert offered is not None
    return offered


async def test_the_link_makes_the_administrator_once(site: Site, token: str) -> None:
    somebody = person.stranger(site.app, BASE_URL)
    for _ in range(2):  # looking changes nothing
        assert (await somebody.page(f"/setup/{token}")).one("h1").text == "Первый администратор"
    response = await somebody.client.post(f"/setup/{token}", data=FIELDS)
    assert (response.status_code, response.headers["location"]) == (303, "/queue")
    assert (await somebody.get("/admin/users")).status_code == 200
    async with site.database.transaction() as tx:
        (anna,) = await people.users(tx)
        entries = [(entry.actor, entry.action) for entry in await audit.newest(tx, limit=9, offset=0)]
    assert (anna.name, anna.role, anna.clinic_code) == ("anna", Role.ADMINISTRATOR, None)
    assert ("system:setup", "user.added") in entries
    for method in ("GET", "HEAD", "POST"):
        again = await somebody.client.request(method, f"/setup/{token}", data={**FIELDS, "name": "boris"})
        assert again.status_code == 404
    assert await first_start.offer_setup(site.database) is None


async def test_two_at_the_same_instant_make_one(site: Site, token: str) -> None:
    async def attempt(name: str) -> int:
        somebody = person.stranger(site.app, BASE_URL)
        return (await somebody.client.post(f"/setup/{token}", data={**FIELDS, "name": name})).status_code

    statuses = await asyncio.gather(attempt("anna"), attempt("boris"), attempt("vera"))
    assert sorted(statuses).count(303) == 1
    async with site.database.transaction() as tx:
        assert len(await people.users(tx)) == 1


@pytest.mark.parametrize(
    ("name", "password", "field"),
    [("a b", panel.PASSWORD, "name"), ("anna", "short", "password"), ("anna", "Password12345", "password")],
)
async def test_what_cannot_be_used_is_told_and_leaves_the_link_open(
    site: Site, token: str, name: str, password: str, field: str
) -> None:
    somebody = person.stranger(site.app, BASE_URL)
    response = await somebody.client.post(f"/setup/{token}", data={"name": name, "password": password})
    assert response.status_code == 422
    assert html.read(response.text).all(id=f"fault-{field}")
    assert password not in response.text
    assert (await somebody.get(f"/setup/{token}")).status_code == 200


async def test_it_ends_with_its_day_and_with_the_next_link(site: Site, token: str) -> None:
    newer = await first_start.offer_setup(site.database)
    assert newer
    assert not await first_start.is_open(site.database, token)
    assert await first_start.is_open(site.database, newer)


async def test_it_is_there_again_when_no_administrator_is_left(site: Site, token: str) -> None:
    for name, clinic in (("anna", None), ("boris", TVER)):
        await panel.add_user(site.database, name, Role.ADMINISTRATOR, clinic)
    assert not await first_start.is_open(site.database, token)
    await sign_in.disable_user(site.database, "anna", actor="test")
    assert await first_start.offer_setup(site.database) is None  # one clinic's is one, too
    await sign_in.disable_user(site.database, "boris", actor="test")
    assert await first_start.offer_setup(site.database) is not None


async def test_a_foreign_page_makes_nobody(site: Site, token: str) -> None:
    somebody = person.stranger(site.app, BASE_URL)
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await somebody.client.post(f"/setup/{token}", data=FIELDS, headers=headers)).status_code == 403
    assert (await somebody.get(f"/setup/{token}")).headers["referrer-policy"] == "no-referrer"
