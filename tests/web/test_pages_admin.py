"""Administration: who may, and what accounts, keys, settings and the log do there."""

import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site

from studypub.core.people import Role
from studypub.flows import sign_in

NEW = "another horse battery"
PAGES = ("/admin/users", "/admin/keys", "/admin/settings", "/admin/audit")
ONE = ("/admin/users/ivanova/disable", "/admin/users/ivanova/password", "/admin/keys/AbCd1234/revoke")


async def local_administrator(site: Site) -> Person:
    await sign_in.add_user(site.database, "local", Role.ADMINISTRATOR, panel.PASSWORD, clinic_code=TVER, actor="test")
    return await person.signed_in(site.app, BASE_URL, "local")


async def test_a_registrator_administers_nothing(site: Site, bench: Panel) -> None:
    del bench
    registrator = await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)
    for path in (*PAGES, *ONE, "/admin"):
        assert (await registrator.get(path)).status_code == 403, path
    for path in (*PAGES[:3], *ONE):
        assert (await registrator.post(path)).status_code == 403, path
    assert (await registrator.page("/queue")).all(href="/admin/users") == []


async def test_no_form_counts_without_the_token(administrator: Person) -> None:
    for path in (*PAGES[:3], *ONE):
        assert (await administrator.client.post(path, data={})).status_code == 403, path


async def test_an_account_is_added_and_signs_in(site: Site, administrator: Person) -> None:
    response = await administrator.post(
        "/admin/users", name="sidorova", role="registrator", clinic_code=TVER, password=panel.PASSWORD
    )
    assert response.status_code == 303
    row = (await administrator.rows("/admin/users", "name"))["sidorova"]
    assert (row.one(data_field="role").text, row.one(data_field="clinic_code").text) == (
        "регистратор",
        "Клиника в Твери",
    )
    await person.signed_in(site.app, BASE_URL, "sidorova")


@pytest.mark.parametrize(
    ("name", "password", "field", "words"),
    [
        ("sidorova", "short", "password", "Пароль слишком простой"),
        ("с пробелом", panel.PASSWORD, "name", "Имя: до 64 букв"),
        ("IVANOVA", panel.PASSWORD, "name", "уже занято"),
    ],
)
async def test_a_refused_account_is_told_beside_the_field(
    administrator: Person, name: str, password: str, field: str, words: str
) -> None:
    response = await administrator.post("/admin/users", name=name, role="registrator", password=password)
    assert response.status_code == 422
    page = html.read(response.text)
    assert words in page.one(id=f"fault-{field}").text
    assert page.one("input", name="name").attributes["value"] == name
    assert password not in response.text


async def test_an_unknown_role_or_clinic_adds_nobody(administrator: Person) -> None:
    for more in ({"role": "king"}, {"role": "registrator", "clinic_code": "nowhere"}):
        response = await administrator.post("/admin/users", name="sidorova", password=panel.PASSWORD, **more)
        assert response.status_code == 422
    assert "sidorova" not in await administrator.rows("/admin/users", "name")


async def test_disabling_asks_once_and_ends_the_sessions(site: Site, administrator: Person) -> None:
    registrator = await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)
    assert "ivanova больше не сможет войти" in (await administrator.page(ONE[0])).one(id="sheet").text
    assert (await registrator.get("/queue")).status_code == 200
    assert (await administrator.post(ONE[0])).status_code == 303
    assert (await registrator.get("/queue")).status_code == 303
    row = (await administrator.rows("/admin/users", "name"))["ivanova"]
    assert row.one(data_field="access").text == "отключён"


async def test_nobody_shuts_themselves_out(administrator: Person) -> None:
    row = (await administrator.rows("/admin/users", "name"))["admin"]
    assert [link.text for link in row.all("a")] == ["Задать пароль"]
    assert (await administrator.post("/admin/users/admin/disable")).status_code == 409
    assert (await administrator.get("/admin/users")).status_code == 200


async def test_a_password_is_set_and_the_old_sessions_end(site: Site, administrator: Person) -> None:
    registrator = await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)
    response = await administrator.post(ONE[1], password="short")
    assert response.status_code == 422
    assert "Пароль слишком простой" in html.read(response.text).one(id="fault-password").text
    assert (await administrator.post(ONE[1], password=NEW)).status_code == 303
    assert (await registrator.get("/queue")).status_code == 303
    stranger = person.stranger(site.app, BASE_URL)
    response = await stranger.client.post("/login", data={"name": panel.REGISTRATOR, "password": NEW})
    assert response.status_code == 303


async def test_a_key_is_shown_once_works_and_is_revoked(site: Site, administrator: Person) -> None:
    response = await administrator.post("/admin/keys", name="МИС «Медиалог»", clinic_code=KHIMKI)
    key = html.read(response.text).one(id="new-key").text
    assert response.headers["cache-control"] == "no-store"
    assert key not in (await administrator.get("/admin/keys")).text
    site.keys[KHIMKI] = key
    assert (await site.get("/publish?accession_number=none")).status_code == 404
    key_id = key.partition(".")[0]
    assert "«МИС «Медиалог»»" in (await administrator.page(f"/admin/keys/{key_id}/revoke")).one(id="sheet").text
    assert (await administrator.post(f"/admin/keys/{key_id}/revoke")).status_code == 303
    assert (await site.get("/publish?accession_number=none")).status_code == 401
    assert (await administrator.post(f"/admin/keys/{key_id}/revoke")).status_code == 409
    assert (await administrator.get("/admin/keys/none/revoke")).status_code == 404


@pytest.mark.parametrize(
    ("name", "clinic", "field"), [("", KHIMKI, "name"), ("х" * 65, KHIMKI, "name"), ("a", "b", "")]
)
async def test_a_key_without_name_or_clinic_is_refused(
    administrator: Person, name: str, clinic: str, field: str
) -> None:
    response = await administrator.post("/admin/keys", name=name, clinic_code=clinic)
    assert response.status_code == 422
    assert html.read(response.text).one(id=f"fault-{field or 'clinic_code'}").text


async def test_the_time_of_storage_is_set(administrator: Person) -> None:
    for nonsense in ("", "0", "366", "-5", "ten", "٣", "9" * 30):
        response = await administrator.post("/admin/settings", default_days=nonsense)
        assert response.status_code == 422, nonsense
        assert "от 1 до 365" in html.read(response.text).one(id="fault-default_days").text
    response = await administrator.post("/admin/settings", default_days="21")
    page = await administrator.page(response.headers["location"])
    assert page.one(class_="saved").text == "Сохранено."
    assert page.one("input", name="default_days").attributes["value"] == "21"
    form = await administrator.page("/publish/new")
    assert "21 день с публикации" in form.one(id="hint-save_till_date").text


async def test_the_log_tells_who_did_what(administrator: Person) -> None:
    await administrator.post("/admin/settings", default_days="21")
    newest = (await administrator.page("/admin/audit")).one("tbody").all("tr")[0]
    assert newest.one(data_field="actor").text == "user:admin"
    assert newest.one(data_field="action").text == "настройка изменена"
    assert "retention.default_days · значение 21" in newest.text


async def test_an_administrator_of_one_clinic_keeps_to_it(site: Site, bench: Panel) -> None:
    del bench
    local = await local_administrator(site)
    assert set(await local.rows("/admin/users", "name")) == {"local", panel.TVER_REGISTRATOR}
    assert (await local.post(ONE[0])).status_code == 404
    assert [row.one(data_field="name").text for row in (await local.page("/admin/keys")).one("tbody").all("tr")] == [
        "MIS"
    ]
    assert (await local.get(f"/admin/keys/{site.keys[KHIMKI].partition('.')[0]}/revoke")).status_code == 404
    for path in PAGES[2:]:
        assert (await local.get(path)).status_code == 403
    await local.post("/admin/users", name="sidorova", role="registrator", clinic_code=KHIMKI, password=panel.PASSWORD)
    row = (await local.rows("/admin/users", "name"))["sidorova"]
    assert row.one(data_field="clinic_code").text == "Клиника в Твери"
