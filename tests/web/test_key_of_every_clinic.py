"""A key of every clinic: which clinic a request is about, what it sees, and what its program is told."""

from pathlib import Path
from uuid import UUID

import pytest
from tests.peers import html, panel, person
from tests.peers.person import Person
from tests.peers.postgres import PostgresPeer
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site, open_site

from studypub.config.messages import Callbacks
from studypub.core.clinics import only
from studypub.core.outbox import Kind, State
from studypub.core.people import Role
from studypub.db import outbox, people
from studypub.flows import change, set_callback, sign_in

EVERY = "every"
ALLOWED = "https://mis.clinic.example"


@pytest.fixture
async def program(site: Site) -> Site:
    """A site, and a program that has come with a key of every clinic."""
    site.keys[EVERY] = await sign_in.add_api_key(site.database, clinic_code=None, name="МИС сети", actor="test")
    return site


def asked(number: str, **more: str) -> dict[str, str]:
    return {"patient_id": "7", "accession_number": number, **more}


async def test_it_asks_for_the_clinic_that_it_names_and_else_for_the_first(program: Site) -> None:
    named = await program.post(asked("A1", clinic_code=TVER), EVERY)
    usual = await program.post(asked("A1"), EVERY)
    assert [answer.json()["clinic_code"] for answer in (named, usual)] == [TVER, KHIMKI]
    assert (await program.post(asked("A1", clinic_code="f_Nowhere"), EVERY)).status_code == 422
    assert (await program.post(asked("A1", clinic_code=TVER), KHIMKI)).status_code == 403
    of_tver = await program.get(f"/publish/{named.json()['task_id']}", TVER)
    assert (of_tver.status_code, of_tver.json()["task_id"]) == (200, named.json()["task_id"])


async def test_it_sees_and_changes_what_every_clinic_has(program: Site) -> None:
    tasks = {
        clinic: (await program.post(asked("A1", clinic_code=clinic), EVERY)).json()["task_id"]
        for clinic in (KHIMKI, TVER)
    }
    every = (await program.get("/publish", EVERY)).json()["tasks"]
    assert {task["task_id"] for task in every} == set(tasks.values())
    for clinic, task_id in tasks.items():
        (one,) = (await program.get(f"/publish?clinic_code={clinic}", EVERY)).json()["tasks"]
        assert one["task_id"] == task_id
        newest = await program.get(f"/publish?accession_number=A1&clinic_code={clinic}", EVERY)
        assert newest.json()["task_id"] == task_id
    await program.completed(UUID(tasks[TVER]))
    kept = await program.client.patch(
        f"/publish/{tasks[TVER]}", json={"save_till_date": "2099-01-01"}, headers=program.as_mis(EVERY)
    )
    assert kept.json()["save_till"].endswith("+05:00")  # that clinic's own time zone
    given_up = await program.client.delete(f"/publish/{tasks[TVER]}", headers=program.as_mis(EVERY))
    assert given_up.json()["status"] == "CANCELLED"


@pytest.mark.parametrize(
    ("caller", "clinic", "status"), [(EVERY, "f_Nowhere", 422), (EVERY, "%00", 422), (KHIMKI, TVER, 403)]
)
async def test_a_clinic_that_it_may_not_ask_about_is_refused(
    program: Site, caller: str, clinic: str, status: int
) -> None:
    assert (await program.get(f"/publish?clinic_code={clinic}", caller)).status_code == status


async def test_it_is_told_of_what_a_clinics_own_people_do(
    postgres_server: PostgresPeer, schema: str, tmp_path: Path
) -> None:
    """The transaction that withdraws sees one clinic alone, and the key is of none."""
    async with open_site(postgres_server, schema, tmp_path, callbacks=Callbacks(allow=(ALLOWED,))) as site:
        key = await sign_in.add_api_key(site.database, clinic_code=None, name="МИС сети", actor="test")
        await set_callback.set_callback(
            site.parts.config, site.database, key.partition(".")[0], f"{ALLOWED}/x", actor="test"
        )
        task_id = await site.queued("A1")
        own = site.database.seeing(only(KHIMKI))
        await change.give_up(own, task_id, actor="test", clinic_code=KHIMKI)
        async with site.database.transaction() as tx:
            (message,) = await outbox.lines(tx, clinic_code=None, states=tuple(State), kinds=tuple(Kind), limit=9)
        assert (message.message.task_id, message.key_name) == (task_id, "МИС сети")
        async with own.transaction() as tx:
            assert [key.name for key in await people.api_keys(tx)] == ["MIS"]


async def test_only_an_administrator_of_every_clinic_gives_one_out(site: Site, administrator: Person) -> None:
    response = await administrator.post("/admin/keys", name="МИС сети", clinic_code="*")
    site.keys[EVERY] = html.read(response.text).one(id="new-key").text
    assert (await site.get("/publish", EVERY)).status_code == 200
    assert "все клиники" in (await administrator.page("/admin/keys")).one("tbody").text
    await sign_in.add_user(site.database, "local", Role.ADMINISTRATOR, panel.PASSWORD, clinic_code=TVER, actor="test")
    local = await person.signed_in(site.app, BASE_URL, "local")
    response = await local.post("/admin/keys", name="МИС", clinic_code="*")
    site.keys["local"] = html.read(response.text).one(id="new-key").text
    assert (await site.get(f"/publish?clinic_code={KHIMKI}", "local")).status_code == 403
    key_id = site.keys[EVERY].partition(".")[0]
    assert (await local.get(f"/admin/keys/{key_id}/callback")).status_code == 404


async def test_where_a_program_is_told_is_set_in_the_panel(
    postgres_server: PostgresPeer, schema: str, tmp_path: Path
) -> None:
    async with open_site(postgres_server, schema, tmp_path, callbacks=Callbacks(allow=(ALLOWED,))) as site:
        await panel.add_people(site.database)
        administrator = await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)
        key_id = site.keys[KHIMKI].partition(".")[0]
        address = f"/admin/keys/{key_id}/callback"
        assert ALLOWED in (await administrator.page(address)).one(id="sheet").text
        refused = await administrator.post(address, url="https://elsewhere.example/")
        assert (refused.status_code, bool(html.read(refused.text).one(id="fault-url").text)) == (422, True)
        answer = await administrator.post(address, url=f"{ALLOWED}/hook?key=x")
        secret = html.read(answer.text).one(id="new-secret").text
        assert answer.headers["cache-control"] == "no-store"
        async with site.database.transaction() as tx:
            assert await outbox.callback_of(tx, key_id) == outbox.Callback(f"{ALLOWED}/hook?key=x", secret)
        page = await administrator.page("/admin/keys")
        assert "hook" not in page.one("tbody").text
        assert secret not in (await administrator.page(address)).one(id="sheet").text
        assert (await administrator.post(address, url="")).status_code == 303
        async with site.database.transaction() as tx:
            assert await outbox.callback_of(tx, key_id) is None
